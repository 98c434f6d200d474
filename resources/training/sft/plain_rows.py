"""Supervised rows as TRL's own collator takes them: for students whose samples stand beside each other, padded."""

from datasets import Dataset, Features, Image, List, Value

from resources.training.rows.chat import image_paths
from resources.training.rows.processor import Processor
from resources.training.sft.packing import row_texts

FEATURES = Features({"prompt": Value("string"), "completion": Value("string"), "images": List(Image())})


def plain_rows(rows: Dataset, processor: Processor) -> Dataset:
    """`prompt` and `completion` as strings, of which the second is trainable, and `images`, opened when a batch needs
    them. Raises RowError for an empty answer."""
    texts = [row_texts(row, processor) for row in rows]
    return Dataset.from_dict(
        {
            "prompt": [given for given, _ in texts],
            "completion": [answer for _, answer in texts],
            "images": [image_paths(images) for images in rows["images"]],
        },
        features=FEATURES,
    )
