"""The table that `preference_pairs` writes: a row per pair, chosen against rejected."""

import pyarrow as pa

KINDS = ("cumulative", "shared_prefix", "whole", "sampled")

SCHEMA = pa.schema([
    ("pair_id", pa.string()),
    ("example_id", pa.string()),
    ("document_id", pa.string()),
    ("kind", pa.string()),               # of KINDS
    ("upto", pa.int32()),                # number of segments that the pair covers (1..N)
    ("prompt", pa.string()),             # the user's request, without a total length (paper eq. 5 cuts the prefixes)
    ("prefix", pa.string()),             # answer text both sides share; empty but for shared_prefix
    ("images", pa.list_(pa.string())),   # sha256; cumulative: those of the first `upto` pages
    ("chosen", pa.string()),             # continues `prefix`
    ("rejected", pa.string()),
    ("closes", pa.bool_()),              # the answer ends here, so the end-of-turn token is trained
    ("weight", pa.float32()),            # of this pair in the loss; the pairs of one example and kind add up to 1
    ("margin", pa.float32()),            # score difference of sampled pairs; null for corrections
    ("corrector", pa.string()),          # who made `chosen` better than `rejected`
])
