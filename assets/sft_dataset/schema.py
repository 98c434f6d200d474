"""The data set that `sft_dataset` lets through: a row per example, in the Hugging Face chat layout."""

import pyarrow as pa

from assets.door import IMAGE

SCHEMA = pa.schema([
    ("id", pa.string()),                                                          # example_id
    ("messages", pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))),  # user, assistant
    ("images", pa.list_(IMAGE)),                                                  # before the text, in page order
    ("language", pa.string()),                                                    # en | zh
    ("kind", pa.string()),                                                        # single | multi | deck
    ("required_words", pa.int32()),                                               # null where none is stated
    ("words", pa.int32()),
    ("author", pa.string()),                                                      # the model that wrote the answer
])
