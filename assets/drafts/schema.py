"""The table that `drafts` writes: a row per text that the SFT checkpoint wrote for the preference split."""

import pyarrow as pa

FINISHES = ("stop", "length", "looping", "empty")

SCHEMA = pa.schema(
    [
        ("example_id", pa.string()),
        ("sample", pa.int32()),  # 0-based; sample 0 is the one that is corrected
        ("instruction", pa.string()),  # what was asked: a draft of another instruction is stale
        ("output", pa.string()),  # as it was written, stripped
        ("words", pa.int32()),  # count_words(output)
        ("length_score", pa.float32()),  # paper eq. 6, 0-100, against required_words; null where none is stated
        ("finish", pa.string()),  # stop: by itself; length: cut by the token limit; looping; empty: no word
        ("tokens", pa.int32()),  # that were generated
        ("author", pa.string()),  # student and checkpoint, and whether the embedded model wrote what it learnt from
    ]
)
