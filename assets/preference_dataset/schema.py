"""The data set that `preference_dataset` lets through: a row per preference pair."""

import pyarrow as pa

from assets.door import IMAGE

SCHEMA = pa.schema([
    ("id", pa.string()),           # pair_id
    ("example_id", pa.string()),   # the pairs of one document are trained in one forward pass
    ("upto", pa.int32()),          # number of segments that the pair covers (1..N); null for sampled
