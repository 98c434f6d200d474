"""The table that `segments` writes: a row per segment (a page of a deck, a section of anything else)."""

from typing import Literal, TypedDict

from assets.source_images.splits import Split
from resources.table import Int32, Table

Writer = Literal["checkpoint", "teacher"]


class Segment(TypedDict):
    """A page of a deck, or a section of anything else."""

    segment_id: str  # <example_id>-<index, 3 digits>
    example_id: str
    document_id: str
    split: Split
    index: Int32  # 0-based; a deck has one segment per page, missing ones with empty text
    page: Int32 | None  # 1-based page that it is about; null where it belongs to no single page
    text: str
    words: Int32
    author: str  # the model that wrote the text
    drafted_by: Writer  # checkpoint: a draft, on policy; teacher: long_outputs


SEGMENTS = Table("segments", Segment)
