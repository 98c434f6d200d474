"""The table that `segments` writes: a row per segment (a page of a deck, a section of anything else)."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        ("segment_id", pa.string()),  # <example_id>-<index, 3 digits>
        ("example_id", pa.string()),
        ("document_id", pa.string()),
        ("split", pa.string()),  # sft | preference | benchmark
        ("index", pa.int32()),  # 0-based; a deck has one segment per page, missing ones with empty text
        ("page", pa.int32()),  # 1-based page that it speaks of; null where it belongs to no single page
        ("text", pa.string()),
        ("words", pa.int32()),
        ("author", pa.string()),  # the model that wrote the text
        ("drafted_by", pa.string()),  # checkpoint (a draft, on policy) | teacher (long_outputs)
    ]
)
