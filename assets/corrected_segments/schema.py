"""The table that `corrected_segments` writes: the segments of the preference split, as critic and people left them."""

from typing import TypedDict

from resources.table import Int32, Table

ERRORS = ("factual", "missing", "irrelevant", "incoherent", "repetitive")  # paper, appendix C


class CriticsVersion(TypedDict):
    """What the critic made of a segment, where a person's decision stands in its place: columns as of the row."""

    text: str
    errors: list[str]
    reason: str
    corrector: str


class CorrectedSegment(TypedDict):
    """A segment of the preference split as the critic left it, or a person after it."""

    segment_id: str
    example_id: str
    document_id: str
    index: Int32
    page: Int32 | None  # as in segments
    original: str  # the segment that the critic saw; empty where it was missing
    text: str  # corrected; equal to the original where edited is false
    words: Int32
    edited: bool
    errors: list[str]  # of ERRORS; empty where edited is false
    reason: str  # one sentence from the critic or the person
    corrector: str  # the model, with `and a person` where one decided; `embedded-…` is the embedded model
    call_id: str  # of the critic
    decision_id: str | None  # of the person, whom the ledger names; null where the critic's version stands
    critic: CriticsVersion | None  # what stands behind a person's decision; null where there is none


CORRECTED_SEGMENTS = Table("corrected_segments", CorrectedSegment, version=2)
