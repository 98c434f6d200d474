"""The rows of the data sets that training reads, as Python has them, field by field."""

from typing import Literal, TypedDict

from resources.table import Bytes, Float32, Int32

Kind = Literal["cumulative", "shared_prefix", "whole", "sampled"]  # of a preference pair


class ImageFile(TypedDict):
    """The Hugging Face Image layout, bytes left out."""

    bytes: Bytes | None
    path: str


class Turn(TypedDict):
    """One message of a conversation."""

    role: str
    content: str


class ChatRow(TypedDict):
    """What supervised fine-tuning reads of an sft_dataset row."""

    id: str  # example_id; `chat-<line>` of general chat
    messages: list[Turn]  # user, assistant
    images: list[ImageFile]  # before the text, in page order; none in general chat


class SftRow(ChatRow):
    """A row of sft_dataset: one example."""

    language: str  # en | zh; of general chat any ISO 639-1 code
    kind: str  # single | multi | deck | chat
    required_words: Int32 | None  # None where none is stated
    words: Int32
    author: str  # the model that wrote the answer; `chat:<file>`


class PairRow(TypedDict):
    """What preference training reads of a preference_dataset row, once rows are grouped by document."""

    id: str  # pair_id
    prompt: str  # the user's request; whole and sampled pairs: with its length
    prefix: str  # answer text that both sides share; may be empty
    chosen: str  # continues the prefix
    rejected: str
    chosen_starts: list[Int32]  # deck: offset in prefix and chosen of each page's text; else none
    rejected_starts: list[Int32]  # … in prefix and rejected
    closes: bool  # the end-of-turn token belongs to the answer
    weight: Float32  # of the pair in the loss; mean 1, a kind's sum as the recipe's share of it
    kind: Kind
    images: list[ImageFile]  # before the text, in page order


class PreferenceRow(PairRow):
    """A row of preference_dataset: one pair."""

    example_id: str  # the pairs of one document are trained in one forward pass
    upto: Int32 | None  # number of segments that the pair covers (1..N); None for sampled
    author: str  # who wrote the text that was corrected; of a sampled pair, both sides
    corrector: str  # who made `chosen` better, or judged it so
