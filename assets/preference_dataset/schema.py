"""The data set that `preference_dataset` lets through: a row per preference pair."""

from typing import TypedDict

from assets.preference_pairs.schema import PairKind
from assets.training_dataset import ImageFile
from resources.table import Float32, Int32, Table


class PreferenceRow(TypedDict):
    """A preference pair to train on."""

    id: str  # pair_id
    example_id: str  # the pairs of one document are trained in one forward pass
    upto: Int32 | None  # number of segments that the pair covers (1..N); null for sampled
    prompt: str  # the user's request; whole and sampled pairs: with its length
    prefix: str  # answer text that both sides share; may be empty
    chosen: str  # continues the prefix
    rejected: str
    chosen_starts: list[Int32]  # deck: offset in prefix and chosen of each page's text; else none
    rejected_starts: list[Int32]  # … in prefix and rejected
    closes: bool  # the end-of-turn token belongs to the answer
    weight: Float32  # of the pair in the loss; mean 1, a kind's sum as the recipe's share of it
    kind: PairKind
    images: list[ImageFile]  # before the text, in page order
    author: str  # who wrote the text that was corrected; of a sampled pair, both sides
    corrector: str  # who made `chosen` better, or judged it so


class PreferenceReport(TypedDict):
    """The manifest's `report`."""

    kind_shares: dict[str, float]  # kind -> its share of the weight in training, 0-1


PREFERENCE_DATASET = Table("preference_dataset", PreferenceRow)
