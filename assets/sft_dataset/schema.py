"""The data set that `sft_dataset` lets through: a row per example, in the Hugging Face chat layout."""

from typing import Literal, TypedDict

from assets.training_dataset import ImageFile
from resources.table import Int32, Table


class Turn(TypedDict):
    """A turn of a chat."""

    role: str
    content: str


class SftRow(TypedDict):
    """An example to train on, in the Hugging Face chat layout."""

    id: str  # example_id; `chat-<line>` of general chat
    messages: list[Turn]  # user, assistant
    images: list[ImageFile]  # before the text, in page order; none in general chat
    language: str  # en | zh; of general chat any ISO 639-1 code
    kind: Literal["single", "multi", "deck", "chat"]
    required_words: Int32 | None  # null where none is stated
    words: Int32
    author: str  # the model that wrote the answer; `chat:<file>`


SFT_DATASET = Table("sft_dataset", SftRow)
