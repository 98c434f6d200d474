"""The table that `drafts` writes: a row per text that the SFT checkpoint wrote for the preference split."""

from typing import TypedDict

from resources.table import Float32, Int32, Table

FINISHES = ("stop", "length", "looping", "empty")


class Draft(TypedDict):
    """A text that the SFT checkpoint wrote."""

    example_id: str
    sample: Int32  # 0-based; sample 0 is the one that is corrected
    instruction: str  # what was asked: a draft of another instruction is stale
    output: str  # as it was written, without thoughts, stripped
    words: Int32  # count_words(output)
    length_score: Float32 | None  # paper eq. 6, 0-100, against required_words; null where none is stated
    finish: str  # stop: by itself; length: cut by the token limit; looping; empty: no word
    tokens: Int32  # that were generated
    author: str  # student and checkpoint, and whether the embedded model wrote what it learnt from


DRAFTS = Table("drafts", Draft)
