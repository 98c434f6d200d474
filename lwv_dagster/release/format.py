"""What a format is: which files it has, and how each row stands in them or why it cannot."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from assets.training_dataset import IMAGE
from lwv_dagster.release.rows import Example, Pair

CHAT = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
LINEAGE: dict[str, pa.DataType] = {
    "documents": pa.list_(pa.string()),  # ids in documents.jsonl
    "kind": pa.string(),
    "language": pa.string(),
    "tokens": pa.int32(),  # about, with the images at their stored size (tokens.py)
}
IMAGES = pa.list_(IMAGE)


@dataclass(frozen=True)
class LeftOut:
    """A row that a format cannot express, and why."""

    reason: str


Placed = tuple[str, dict[str, Any]]  # file, row


@dataclass(frozen=True)
class Format:
    """files: name -> the schema of its Parquet shards, or None for JSON Lines. A file without a row is not written.

    extra: from the files that were written, further JSON files by name. usage: markdown for the card.
    """

    name: str
    files: Mapping[str, pa.Schema | None]
    example: Callable[[Example], Placed]
    pair: Callable[[Pair], Placed | LeftOut]
    usage: str
    extra: Callable[[Mapping[str, int]], dict[str, Any]] = lambda files: {}

    @property
    def globs(self) -> list[str]:
        """What a folder of this format may hold beside what every release has."""
        rows = [f"{name}/train-*.parquet" if schema else f"{name}.jsonl" for name, schema in self.files.items()]
        return [*rows, "images/??/*.jpg", *self.extra({})]


def lineage(row: Example | Pair) -> dict[str, Any]:
    return {"documents": list(row.documents), "kind": row.kind, "language": row.language, "tokens": row.tokens.stored}
