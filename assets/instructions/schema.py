"""The table that `instructions` writes: a row per example (a document and what is asked of it)."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        ("example_id", pa.string()),  # <document_id>-<kind>, with -<nn> for a chapter; <document_id>-group<n>
        ("document_id", pa.string()),  # the first of `documents`
        (
            "documents",
            pa.list_(pa.string()),
        ),  # whose images it has: more than one where single images were put together
        ("kind", pa.string()),  # single | multi | deck
        ("split", pa.string()),  # sft | preference | benchmark
        ("language", pa.string()),  # of the instruction and the wanted answer: en | zh
        ("images", pa.list_(pa.string())),  # sha256 of each page, in page order
        ("pages", pa.list_(pa.int32())),  # page of its document, 1-based, of each image: a chapter has not all of them
        ("request", pa.string()),  # what is asked, without any length
        ("instruction", pa.string()),  # the request with the length that is asked, as the model sees it
        ("required_words", pa.int32()),  # stated in the instruction; null where none is stated (yet)
        ("target_words", pa.int32()),  # what the plan aims at, stated or not
        ("length_from", pa.string()),  # stated | back_translated (stated once it is written) | none
        ("task", pa.string()),  # open, a family of MMLongBench-Write, or a deck task (resources/recipe/model.py)
        ("origin", pa.string()),  # single | multi | group | deck | deck_rewritten: how the request was made
        ("author", pa.string()),  # `fixed`, or the model that wrote it; `embedded-…` is the embedded model
        ("call_id", pa.string()),  # ledger key of the call that wrote it; null for fixed requests
    ]
)
