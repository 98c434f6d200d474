"""The table that `preference_pairs` writes: a row per pair, chosen against rejected."""

import pyarrow as pa

KINDS = ("cumulative", "shared_prefix", "whole", "sampled")
WHOLE_KINDS = ("whole", "sampled")  # the whole answer to the whole instruction, its length included

SCHEMA = pa.schema(
    [
        ("pair_id", pa.string()),
        ("example_id", pa.string()),
        ("document_id", pa.string()),
        ("kind", pa.string()),  # of KINDS
        ("upto", pa.int32()),  # number of segments that the pair covers (1..N); null for sampled
        ("prompt", pa.string()),  # whole, sampled: the instruction with its length; else the request without one
        ("prefix", pa.string()),  # answer text both sides share; empty but for shared_prefix
        ("images", pa.list_(pa.string())),  # sha256; cumulative: those of the first `upto` pages
        ("chosen", pa.string()),  # continues `prefix`
        ("rejected", pa.string()),
        ("closes", pa.bool_()),  # the answer ends here, so the end-of-turn token is trained
        ("weight", pa.float32()),  # the pairs of one example and kind add up to 1; the gate weighs the kinds
        ("margin", pa.float32()),  # points of (S_l + S_q) / 2 between the sides of a sampled pair; else null
        ("author", pa.string()),  # who wrote the text that was corrected, or (sampled) both sides
        ("corrector", pa.string()),  # who made `chosen` better than `rejected`, or (sampled) judged it so
    ]
)
