"""The table that `long_outputs` writes: a row per example with its whole text and its sections."""

from typing import TypedDict

from assets.instructions.schema import LengthFrom
from assets.source_images.schema import Kind
from assets.source_images.splits import Split
from resources.table import Float32, Float64, Int32, Int64, Table


class Section(TypedDict):
    """A section of a long text."""

    index: Int32  # 0-based
    heading: str  # as written in the output, without '#'
    target_words: Int32  # from the plan
    text: str  # with its heading line; the output is these joined by blank lines
    words: Int32  # count_words(text)
    pages: list[Int32]  # 1-based pages that the plan gave to this section
    call_id: str  # ledger key of the call that wrote it


class LongOutput(TypedDict):
    """An example with its whole text."""

    example_id: str
    document_id: str
    documents: list[str]  # as in instructions
    kind: Kind
    split: Split
    language: str  # en | zh
    images: list[str]  # sha256 per page
    task: str  # open, a family of MMLongBench-Write, or a deck task
    request: str  # the instruction without its length
    instruction: str
    output: str
    sections: list[Section]
    plan_call_id: str  # ledger key of the call that made the plan
    words: Int32  # count_words(output)
    required_words: Int32 | None  # stated in the instruction; null where none is
    target_words: Int32  # what the plan aimed at
    length_from: LengthFrom
    repairs: list[str]  # what was repaired while it was written, a kind each (assets/long_outputs/control.py)
    length_score: Float32 | None  # paper eq. 6, 0-100, against required_words; null where that is null
    prompt_tokens: Int64  # summed over the calls of this example
    cached_tokens: Int64
    completion_tokens: Int64
    cost_usd: Float64
    author: str  # the model that wrote it; `embedded-…` is the embedded model


LONG_OUTPUTS = Table("long_outputs", LongOutput)
