"""The table that `benchmark_scores` writes: a row per model and benchmark item."""

from typing import TypedDict

from resources.table import Float32, Int32, Table


class Score(TypedDict):
    """The score of what one model wrote for one item."""

    model: str  # base | sft | dpo | teacher
    benchmark: str  # held_out: MMLongBench-Write's form, made from held-out documents
    item_id: str
    cluster: str  # what items share that are alike: the document
    task: str  # of the example: open, a family of MMLongBench-Write, or a deck task
    language: str
    required_words: Int32
    words: Int32
    finish: str  # stop, or length: its limit ended it
    length_score: Float32  # 0-100, paper eq. 6
    length_score_released: Float32  # 0-100, the released code's formula (divisors swapped)
    relevance: Float32 | None  # this and the next five: 1-5, mean over the votes; null where it gave none
    accuracy: Float32 | None
    coherence: Float32 | None
    clarity: Float32 | None
    breadth_and_depth: Float32 | None
    reading_experience: Float32 | None
    quality_score: Float32 | None  # 0-100, (sum - 6) * 25 / 6; null where it gave none
    votes: Int32
    refused: bool  # the judge, or its server's filter, would not judge it
    unjudged: str | None  # why there are no scores (a kind of docs/engine.md), or null
    judge: str  # the judge's model; `embedded-…` is the embedded heuristics
    harness: str  # name and version of what generated and scored
    output: str  # what the model wrote


BENCHMARK_SCORES = Table("benchmark_scores", Score, version=3)
