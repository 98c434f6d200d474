"""The data set that `preference_dataset` lets through: a row per preference pair."""

import pyarrow as pa

from assets.door import IMAGE

SCHEMA = pa.schema([
    ("id", pa.string()),           # pair_id
    ("prompt", pa.string()),       # the user's request; whole and sampled pairs: with its length
    ("prefix", pa.string()),       # answer text that both sides share; may be empty
    ("chosen", pa.string()),       # continues the prefix
    ("rejected", pa.string()),
    ("closes", pa.bool_()),        # the end-of-turn token belongs to the answer
    ("weight", pa.float32()),      # of the pair in the loss; mean 1, a kind's sum as the recipe's share of it
    ("kind", pa.string()),         # cumulative | shared_prefix | whole | sampled
    ("images", pa.list_(IMAGE)),   # before the text, in page order
    ("corrector", pa.string()),    # who made `chosen` better, or judged it so
])
