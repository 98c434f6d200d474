"""The table that `corrected_segments` writes: a row per segment of the preference split, as the critic left it."""

import pyarrow as pa

ERRORS = ("factual", "missing", "irrelevant", "incoherent", "repetitive")  # paper, appendix C

SCHEMA = pa.schema(
    [
        ("segment_id", pa.string()),
        ("example_id", pa.string()),
        ("document_id", pa.string()),
        ("index", pa.int32()),
        ("page", pa.int32()),
        ("original", pa.string()),  # the segment that the critic saw; empty where it was missing
        ("text", pa.string()),  # corrected; equal to the original where edited is false
        ("words", pa.int32()),
        ("edited", pa.bool_()),
        ("errors", pa.list_(pa.string())),  # of ERRORS; empty where edited is false
        ("reason", pa.string()),  # one sentence from the critic
        ("corrector", pa.string()),  # the model or person; `embedded-…` is the embedded model
        ("call_id", pa.string()),
    ]
)
