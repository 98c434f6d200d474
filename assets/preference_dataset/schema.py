"""The data set that `preference_dataset` lets through: a row per preference pair."""

import pyarrow as pa

from assets.training_dataset import IMAGE

SCHEMA = pa.schema(
    [
        ("id", pa.string()),  # pair_id
        ("example_id", pa.string()),  # the pairs of one document are trained in one forward pass
        ("upto", pa.int32()),  # number of segments that the pair covers (1..N); null for sampled
        ("prompt", pa.string()),  # the user's request; whole and sampled pairs: with its length
        ("prefix", pa.string()),  # answer text that both sides share; may be empty
        ("chosen", pa.string()),  # continues the prefix
        ("rejected", pa.string()),
        ("chosen_starts", pa.list_(pa.int32())),  # deck: offset in prefix and chosen of each page's text; else none
        ("rejected_starts", pa.list_(pa.int32())),  # … in prefix and rejected
        ("closes", pa.bool_()),  # the end-of-turn token belongs to the answer
        ("weight", pa.float32()),  # of the pair in the loss; mean 1, a kind's sum as the recipe's share of it
        ("kind", pa.string()),  # cumulative | shared_prefix | whole | sampled
        ("images", pa.list_(IMAGE)),  # before the text, in page order
        ("author", pa.string()),  # who wrote the text that was corrected; of a sampled pair, both sides
        ("corrector", pa.string()),  # who made `chosen` better, or judged it so
    ]
)
