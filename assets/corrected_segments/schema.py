"""The table that `corrected_segments` writes: a row per segment of the preference split, as the critic left it."""

from typing import TypedDict

from resources.table import Int32, Table

ERRORS = ("factual", "missing", "irrelevant", "incoherent", "repetitive")  # paper, appendix C


class CorrectedSegment(TypedDict):
    """A segment of the preference split as the critic left it."""

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
    reason: str  # one sentence from the critic
    corrector: str  # the model or person; `embedded-…` is the embedded model
    call_id: str


CORRECTED_SEGMENTS = Table("corrected_segments", CorrectedSegment)
