"""The benchmark's items, in MMLongBench-Write's form (docs/method.md 4.1): images, an instruction, a length, a task."""

from collections.abc import Iterable, Sequence
from typing import Any

from resources.store import Store

BENCHMARK = "held_out"
TASKS = {"deck": "lecture_script", "single": "image_article", "multi": "image_comparison"}


class NoItemsError(RuntimeError):
    """There is nothing to score on."""


def held_out_items(store: Store, shards: Sequence[str]) -> list[dict[str, Any]]:
    """An item per example of the benchmark split; `reference` is what the teacher wrote. Raises NoItemsError."""
    items = [
        benchmark_item(row)
        for shard in shards
        for row in store.rows("long_outputs", shard)
        if row["split"] == "benchmark" and row["required_words"]
    ]
    if not items:
        raise NoItemsError(
            "No held-out document: the benchmark split is empty. Add documents under LWV_SOURCES "
            "(about one in ten is held out; of 3 or more, at least one)."
        )
    return items


def benchmark_item(row: dict[str, Any]) -> dict[str, Any]:
    """The item of one long_outputs row; `reference` is what the teacher wrote."""
    return {
        "item_id": row["example_id"],
        "task": TASKS[row["kind"]],
        "language": row["language"],
        "instruction": row["instruction"],
        "images": row["images"],
        "required_words": row["required_words"],
        "reference": row["output"],
        "reference_author": row["author"],
    }


def by_id(items: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """item_id -> item."""
    return {item["item_id"]: item for item in items}
