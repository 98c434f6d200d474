"""What a format is: which files it has, and how each row stands in them or why it cannot."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypedDict

import pyarrow as pa

from assets.training_dataset import IMAGE
from lwv_dagster.release.rows import Example, Pair


class ChatTurn(TypedDict):
    """One message of a conversation, as most formats have it."""

    role: str
    content: str


class Lineage(TypedDict):
    """The columns of a Parquet row that say where it comes from; LINEAGE is their types in the file."""

    documents: list[str]
    kind: str
    language: str
    tokens: int


CHAT = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
LINEAGE: dict[str, pa.DataType] = {
    "documents": pa.list_(pa.string()),  # ids in documents.jsonl
    "kind": pa.string(),
    "language": pa.string(),
    "tokens": pa.int32(),  # about, with the images at their stored size (token_counts.py)
}
IMAGES = pa.list_(IMAGE)


@dataclass(frozen=True)
class LeftOut:
    """A row that a format cannot express, and why."""

    reason: str


class Placed(NamedTuple):
    """A row and the file of its format that it goes into. Values of columns that end in `images` are paths."""

    file: str
    row: Mapping[str, object]


@dataclass(frozen=True)
class Format:
    """files: name -> the schema of its Parquet shards, or None for JSON Lines. A file without a row is not written.

    example, pair: how a row stands in its file.
    extra: from the files that were written, further JSON files by name. usage: markdown for the card.
    """

    name: str
    files: Mapping[str, pa.Schema | None]
    example: Callable[[Example], Placed]
    pair: Callable[[Pair], Placed | LeftOut]
    usage: str
    extra: Callable[[Mapping[str, int]], Mapping[str, object]] = lambda files: {}

    @property
    def globs(self) -> list[str]:
        """What a folder of this format may hold beside what every release has."""
        rows = [f"{name}/train-*.parquet" if schema else f"{name}.jsonl" for name, schema in self.files.items()]
        return [*rows, "images/??/*.jpg", *self.extra({})]


def lineage(row: Example | Pair) -> Lineage:
    """The columns of LINEAGE for one row."""
    return {"documents": list(row.documents), "kind": row.kind, "language": row.language, "tokens": row.tokens.stored}
