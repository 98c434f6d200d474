"""What a release holds: the current data sets' rows with safe text, their images, tokens and lineage."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypedDict

import pyarrow.parquet as pq

from assets.training_dataset import Manifest, image_here
from lwv_dagster.release.markup import ReleaseError, safe
from lwv_dagster.release.token_counts import Tokens, count_tokens
from resources.store import BATCH_ROWS, Store
from resources.training.rows.dataset_rows import ImageFile


class TurnCell(TypedDict):
    """One message of a row of sft_dataset."""

    role: str
    content: str


class SftRow(TypedDict):
    """A row of sft_dataset; its schema says what each column means."""

    id: str
    messages: list[TurnCell]
    images: list[ImageFile]
    language: str
    kind: str
    required_words: int | None
    words: int
    author: str


class PreferenceRow(TypedDict):
    """What a release takes of a row of preference_dataset; its schema says what each column means."""

    id: str
    example_id: str
    prompt: str
    prefix: str
    chosen: str
    rejected: str
    closes: bool
    weight: float
    kind: str
    images: list[ImageFile]
    author: str
    corrector: str


@dataclass(frozen=True)
class Example:
    """An example of the SFT data set, ready for any format."""

    number: int  # of the row in its data set, from 0
    id: str
    turns: tuple[tuple[str, str], ...]  # (role, content) of the user's turn and the assistant's (the gate checks it)
    images: tuple[Path, ...]
    kind: str
    language: str
    required_words: int | None
    words: int
    author: str
    documents: tuple[str, ...]  # empty for general chat, which comes from no document
    tokens: Tokens
    changed: bool  # its text held a control token or a media tag


@dataclass(frozen=True)
class Pair:
    """A preference pair, ready for any format: the sides continue `prefix`, and end the answer where it `closes`."""

    number: int
    id: str
    example_id: str
    prompt: str
    prefix: str
    chosen: str
    rejected: str
    closes: bool
    weight: float
    images: tuple[Path, ...]
    kind: str
    language: str
    author: str  # who wrote the text that was corrected; of a sampled pair, both sides
    corrector: str
    documents: tuple[str, ...]
    tokens: Tokens
    changed: bool


@dataclass(frozen=True)
class Origin:
    """Where an example comes from."""

    language: str
    documents: tuple[str, ...]


def read_origins(store: Store, shards: Sequence[str]) -> dict[str, Origin]:
    """Where each example of these shards comes from, by its id; those alone whose documents are all there."""
    origins: dict[str, Origin] = {}
    for shard in shards:
        there = {row["document_id"] for row in _columns(store, "source_images", shard, ["document_id"])}
        for row in _columns(store, "instructions", shard, ["example_id", "language", "documents"]):
            if there.issuperset(row["documents"]):
                origins[row["example_id"]] = Origin(row["language"], tuple(row["documents"]))
    return origins


def read_examples(manifest: Manifest, origins: dict[str, Origin]) -> Iterator[Example]:
    """The rows of the SFT data set, a batch in memory at a time. Raises ReleaseError as `origin_of` does."""
    rows: Iterator[SftRow] = _rows(manifest)
    store = manifest.store
    for number, row in enumerate(rows):
        turns = tuple((turn["role"], safe(turn["content"])) for turn in row["messages"])
        changed = any(made != turn["content"] for (_, made), turn in zip(turns, row["messages"], strict=True))
        images = _paths(store, row["images"])
        yield Example(
            number=number,
            id=row["id"],
            turns=turns,
            images=images,
            kind=row["kind"],
            language=row["language"],
            required_words=row["required_words"],
            words=row["words"],
            author=row["author"],
            documents=() if row["kind"] == "chat" else origin_of(row["id"], manifest, origins).documents,
            changed=changed,
            tokens=count_tokens((content for _, content in turns), map(image_size, images)),
        )


def read_pairs(manifest: Manifest, origins: dict[str, Origin]) -> Iterator[Pair]:
    """The rows of the preference data set; `tokens` are those of the longer side. Raises as `read_examples` does."""
    rows: Iterator[PreferenceRow] = _rows(manifest)
    store = manifest.store
    for number, row in enumerate(rows):
        stored = (row["prompt"], row["prefix"], row["chosen"], row["rejected"])
        prompt, prefix, chosen, rejected = map(safe, stored)
        images, origin = _paths(store, row["images"]), origin_of(row["example_id"], manifest, origins)
        longer = max(chosen, rejected, key=lambda text: len(text.encode()))
        yield Pair(
            number=number,
            id=row["id"],
            example_id=row["example_id"],
            prompt=prompt,
            prefix=prefix,
            chosen=chosen,
            rejected=rejected,
            closes=row["closes"],
            weight=row["weight"],
            images=images,
            kind=row["kind"],
            language=origin.language,
            author=row["author"],
            corrector=row["corrector"],
            documents=origin.documents,
            changed=stored != (prompt, prefix, chosen, rejected),
            tokens=count_tokens((prompt, prefix, longer), map(image_size, images)),
        )


def origin_of(example_id: str, manifest: Manifest, origins: dict[str, Origin]) -> Origin:
    """Where a row's example comes from.

    Raises ReleaseError where the tables have changed since: no row is released without its documents' licences.
    """
    if found := origins.get(example_id):
        return found
    raise ReleaseError(
        f"A row of the {manifest.gate} data set was made from {example_id}, which the tables have no "
        f"more: run the shard job where sources or recipe changed, then materialise "
        f"`{manifest.gate}_dataset` again."
    )


@lru_cache(maxsize=65_536)
def image_size(path: Path) -> tuple[int, int]:
    """(width, height) in pixels, from the file's header."""
    from PIL import Image

    with Image.open(path) as image:
        return image.size


def _paths(store: Store, images: Sequence[ImageFile]) -> tuple[Path, ...]:
    return tuple(image_here(store, image) for image in images)


def _rows(manifest: Manifest) -> Iterator[Any]:
    """The data set's rows, a batch in memory at a time; its gate decides which TypedDict they are."""
    with pq.ParquetFile(manifest.path) as file:
        for batch in file.iter_batches(batch_size=BATCH_ROWS):
            yield from batch.to_pylist()


def _columns(store: Store, table: str, shard: str, columns: list[str]) -> Iterator[dict[str, Any]]:
    """Some columns of a shard's table; no row where the table is not there."""
    path = store.table_path(table, shard)
    if path.exists():
        yield from pq.read_table(path, columns=columns).to_pylist()
