"""The table that `instructions` writes: a row per example (a document and what is asked of it)."""

import pyarrow as pa

SCHEMA = pa.schema([
    ("example_id", pa.string()),           # <document_id>-<origin>
    ("document_id", pa.string()),
    ("kind", pa.string()),                 # single | multi | deck
    ("split", pa.string()),                # sft | preference | benchmark
    ("language", pa.string()),             # of the instruction and the wanted answer: en | zh
    ("images", pa.list_(pa.string())),     # sha256 of each page, in page order
    ("request", pa.string()),              # what is asked, without any length
    ("instruction", pa.string()),          # the request with the length that is asked, as the model sees it
    ("required_words", pa.int32()),        # stated in the instruction; null where none is stated
    ("origin", pa.string()),               # single | multi | deck: how the request was made
    ("author", pa.string()),               # `fixed`, or the model that wrote it; `embedded-…` is the embedded model
    ("call_id", pa.string()),              # ledger key of the call that wrote it; null for fixed requests
])
