"""The data set that `sft_dataset` lets through: a row per example, in the Hugging Face chat layout."""

import pyarrow as pa

from assets.training_dataset import IMAGE

TURN = pa.struct([("role", pa.string()), ("content", pa.string())])

SCHEMA = pa.schema(
    [
        ("id", pa.string()),  # example_id; `chat-<line>` of general chat
        ("messages", pa.list_(TURN)),  # user, assistant
        ("images", pa.list_(IMAGE)),  # before the text, in page order; none in general chat
        ("language", pa.string()),  # en | zh; of general chat any ISO 639-1 code
        ("kind", pa.string()),  # single | multi | deck | chat
        ("required_words", pa.int32()),  # null where none is stated
        ("words", pa.int32()),
        ("author", pa.string()),  # the model that wrote the answer; `chat:<file>`
    ]
)
