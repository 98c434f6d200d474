"""The benchmark's items, in MMLongBench-Write's form (docs/method.md 4.1): images, an instruction, a length, a task."""

from collections.abc import Iterable, Sequence
from typing import TypedDict

from assets.long_outputs.schema import LONG_OUTPUTS, LongOutput
from assets.quality.quarantine_share import losses
from assets.sft_dataset.moved_documents import MovedDocuments
from resources.store import Store

WRITTEN_BY = ("source_images", "instructions", "long_outputs")  # what an item goes through


class NoItemsError(RuntimeError):
    """There is nothing to score on."""


class Item(TypedDict):
    """One item: what every model is asked, and what the teacher wrote for it."""

    item_id: str
    cluster: str  # what items share that are alike: the document
    task: str  # the example's own
    language: str
    instruction: str
    images: list[str]  # sha256 of each
    required_words: int
    reference: str
    reference_author: str


def held_out_items(store: Store, shards: Sequence[str], pending: str = "") -> list[Item]:
    """An item per example of the benchmark split; `reference` is what the teacher wrote. pending: a note on the shards
    that are left out for now, which is said where there is no item.

    Raises NoItemsError, CatalogError.
    """
    moved = MovedDocuments(store, shards)
    items = [
        benchmark_item(row, row["required_words"])
        for shard in shards
        for row in store.rows(LONG_OUTPUTS, shard)
        if row["split"] == "benchmark" and row["required_words"] and not moved.shard_now(shard, row["example_id"])
    ]
    waiting = f" {pending}." if pending else ""
    if not items and (lost := losses(store, WRITTEN_BY, shards, "benchmark")):
        raise NoItemsError(
            f"No held-out text was written: {lost}. Mend that, then materialise these shards again.{waiting}"
        )
    if not items:
        raise NoItemsError(
            "No held-out document: the benchmark split is empty. Add documents under LWV_SOURCES "
            f"(about one in ten is held out; of 3 or more, at least one).{waiting}"
        )
    return items


def benchmark_item(row: LongOutput, required_words: int) -> Item:
    """The item of a held-out example."""
    return {
        "item_id": row["example_id"],
        "cluster": row["document_id"],
        "task": row["task"],
        "language": row["language"],
        "instruction": row["instruction"],
        "images": row["images"],
        "required_words": required_words,
        "reference": row["output"],
        "reference_author": row["author"],
    }


def by_id(items: Iterable[Item]) -> dict[str, Item]:
    """item_id -> item."""
    return {item["item_id"]: item for item in items}
