"""The table that `long_outputs` writes: a row per example with its whole text and its sections."""

import pyarrow as pa

SECTION = pa.struct(
    [
        ("index", pa.int32()),  # 0-based
        ("heading", pa.string()),  # as written in the output, without '#'
        ("target_words", pa.int32()),  # from the plan
        ("text", pa.string()),  # with its heading line; the output is these joined by blank lines
        ("words", pa.int32()),  # count_words(text)
        ("pages", pa.list_(pa.int32())),  # 1-based pages that the plan gave to this section
        ("call_id", pa.string()),  # ledger key of the call that wrote it
    ]
)

SCHEMA = pa.schema(
    [
        ("example_id", pa.string()),
        ("document_id", pa.string()),
        ("documents", pa.list_(pa.string())),  # as in instructions
        ("kind", pa.string()),  # single | multi | deck
        ("split", pa.string()),  # sft | preference | benchmark
        ("language", pa.string()),  # en | zh
        ("images", pa.list_(pa.string())),  # sha256 per page
        ("task", pa.string()),  # open, a family of MMLongBench-Write, or a deck task
        ("request", pa.string()),  # the instruction without its length
        ("instruction", pa.string()),
        ("output", pa.string()),
        ("sections", pa.list_(SECTION)),
        ("plan_call_id", pa.string()),  # ledger key of the call that made the plan
        ("words", pa.int32()),  # count_words(output)
        ("required_words", pa.int32()),  # stated in the instruction; null where none is
        ("target_words", pa.int32()),  # what the plan aimed at
        ("length_from", pa.string()),  # stated | back_translated | none
        ("repairs", pa.list_(pa.string())),  # what was mended on the way, a kind each (assets/long_outputs/control.py)
        ("length_score", pa.float32()),  # paper eq. 6, 0-100, against required_words; null where that is null
        ("prompt_tokens", pa.int64()),  # summed over the calls of this example
        ("cached_tokens", pa.int64()),
        ("completion_tokens", pa.int64()),
        ("cost_usd", pa.float64()),
        ("author", pa.string()),  # the model that wrote it; `embedded-…` is the embedded model
    ]
)
