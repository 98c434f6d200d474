"""The table that `signals` writes: a row per segment of every split, with what speaks for and against it."""

from typing import Literal, TypedDict

from assets.segments.schema import Writer
from assets.source_images.schema import Kind
from assets.source_images.splits import Split
from resources.table import Float32, Float64, Int32, Int64, Table

Part = Literal[
    "empty",
    "placeholder",
    "heading",
    "repetition",
    "language",
    "numbers",
    "names",
    "coverage",
    "length",
    "critic",
    "rules",
]


class DoubtPart(TypedDict):
    """What one part adds to the doubt."""

    part: Part
    points: Int32  # at least 1
    why: str  # one clause for people


class Signal(TypedDict):
    """A segment as it now counts: as the critic left it, else as it was written."""

    segment_id: str
    example_id: str
    document_id: str
    split: Split
    kind: Kind
    language: str  # that was asked for: en | zh
    index: Int32  # as in segments
    page: Int32 | None  # as in segments
    author: str  # the model that wrote it
    drafted_by: Writer
    template: str  # version of the prompt that it was written with; empty of a draft, and where the ledger forgot it
    words: Int32  # count_words of the text without its heading
    target_words: Int32 | None  # from the plan; null of a draft without pages, which has no plan
    length_score: Float32 | None  # paper eq. 6, 0-100, of `words` against `target_words`
    repeated_share: Float32  # of its sentences, that stood in it before, 0-1
    earlier_share: Float32  # of its runs of ten tokens, that stand in the example's segments before it, 0-1
    loops: bool  # it says the same again and again
    written_language: str  # en | zh, by its characters; empty where it has no words but its heading's
    page_terms: Int32  # content words, pairs of characters and numbers that were read on its pages
    page_share: Float32 | None  # of them, that it uses, 0-1; null where there are too few to tell
    # Numbers and names that it tells and that are not on its pages nor in the request; none where page_share is null.
    numbers_off: list[str]  # on no page of the example
    numbers_elsewhere: list[str]  # on another page of it
    names_off: list[str]  # as numbers_off
    names_elsewhere: list[str]
    placeholders: list[str]  # what was left to be filled in, and does not stand on its pages
    headings: Int32  # heading lines
    heading_lost: bool  # the heading by which it is told from its neighbours is not there
    edited: bool | None  # by the critic; null where it saw none of it
    edit_distance: Int32 | None  # tokens (words; Chinese characters) inserted, deleted or replaced by the critic
    edit_share: Float32 | None  # … of the longer of both texts, 0-1
    errors: list[str]  # kinds of error that the critic named
    tokens: Int64 | None  # of prompts and answers, of the calls that wrote and corrected it; null: none in the ledger
    cost_usd: Float64 | None  # … of the same calls
    rules: list[str]  # `<asset>.<rule>`, of the shard's checks that failed and name it, its page or its example
    doubt: Int32  # 0-100: the sum of its parts, at most 100 (docs/quality.md)
    parts: list[DoubtPart]  # most points first


SIGNALS = Table("signals", Signal)
