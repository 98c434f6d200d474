"""The quarantine: what a step could not use, a row each with a reason that a person understands."""

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from resources.store import Store

GATES = ("sft_dataset", "preference_dataset")
ALL_SHARDS = "all"  # in place of a shard, where a step has all of them before it

SCHEMA = pa.schema(
    [
        ("step", pa.string()),  # the asset that set it aside
        ("shard", pa.string()),  # or ALL_SHARDS
        ("item", pa.string()),  # source path where it is a file; else empty
        ("document_id", pa.string()),
        ("example_id", pa.string()),  # empty where no example exists yet
        ("reason", pa.string()),
    ]
)


def write_quarantine(store: Store, step: str, shard: str, rows: Iterable[Mapping[str, Any]]) -> int:
    """Replace what `step` set aside of `shard`; returns the number of rows."""
    blank = dict.fromkeys(SCHEMA.names, "")
    return store.write_table(
        f"quarantine/{step}", shard, ({**blank, **row, "step": step, "shard": shard} for row in rows), SCHEMA
    )


def read_quarantine(store: Store, step: str, shard: str) -> list[dict[str, Any]]:
    """What `step` set aside of `shard`; empty where it set nothing aside or has not run."""
    if not store.table_path(f"quarantine/{step}", shard).exists():
        return []
    return list(store.rows(f"quarantine/{step}", shard))


def read_left_out(store: Store) -> list[dict[str, Any]]:
    """What the quality gates left out, of all shards."""
    return [row for gate in GATES for row in read_quarantine(store, gate, ALL_SHARDS)]
