"""The table that `benchmark_scores` writes: a row per model and benchmark item."""

import pyarrow as pa

DIMENSIONS = ("relevance", "accuracy", "coherence", "clarity", "breadth_and_depth", "reading_experience")

SCHEMA = pa.schema(
    [
        ("model", pa.string()),  # base | sft | dpo | teacher
        ("benchmark", pa.string()),  # held_out: MMLongBench-Write's form, made from held-out documents
        ("item_id", pa.string()),
        ("task", pa.string()),
        ("language", pa.string()),
        ("required_words", pa.int32()),
        ("words", pa.int32()),
        ("length_score", pa.float32()),  # 0-100, paper eq. 6
        ("length_score_released", pa.float32()),  # 0-100, the released code's formula (divisors swapped)
        *[(name, pa.float32()) for name in DIMENSIONS],  # 1-5, mean over the votes; null where it gave none
        ("quality_score", pa.float32()),  # 0-100, (sum - 6) * 25 / 6; null where it gave none
        ("votes", pa.int32()),
        ("refused", pa.bool_()),  # the judge, or its server's filter, would not judge it
        ("unjudged", pa.string()),  # why there are no scores (a kind of docs/engine.md), or null
        ("judge", pa.string()),  # the judge's model; `embedded-…` is the embedded heuristics
        ("harness", pa.string()),  # name and version of what generated and scored
        ("output", pa.string()),  # what the model wrote
    ]
)
