"""The quarantine: what a step could not use, a row each with a reason in plain words."""

from collections.abc import Iterable
from typing import TypedDict

from assets.steps import gate_steps
from resources.secrets import mask
from resources.store import Store
from resources.table import Table
from resources.text.shown import in_line

ALL_SHARDS = "all"  # in place of a shard's name, where a step reads all of them


class SetAside(TypedDict):
    """What a step could not use: the columns of QuarantineRow that the step itself fills."""

    item: str
    document_id: str
    example_id: str
    reason: str


class QuarantineRow(TypedDict):
    """What one step set aside."""

    step: str  # the asset that set it aside
    shard: str  # or ALL_SHARDS
    item: str  # source path where it is a file; else empty
    document_id: str
    example_id: str  # empty where no example exists yet
    reason: str


def quarantine_of(step: str) -> Table[QuarantineRow]:
    """The quarantine table of a step."""
    return Table(f"quarantine/{step}", QuarantineRow)


def write_quarantine(store: Store, step: str, shard: str, rows: Iterable[SetAside]) -> int:
    """Replace what `step` set aside of `shard`; returns the number of rows. Files' and servers' words stand in one
    line, without secrets."""
    full: Iterable[QuarantineRow] = (
        {
            "step": step,
            "shard": shard,
            "item": in_line(mask(row["item"])),
            "document_id": row["document_id"],
            "example_id": row["example_id"],
            "reason": in_line(mask(row["reason"])),
        }
        for row in rows
    )
    return store.write_table(quarantine_of(step), shard, full)


def read_quarantine(store: Store, step: str, shard: str) -> list[QuarantineRow]:
    """What `step` set aside of `shard`; empty where it set nothing aside or has not run."""
    table = quarantine_of(step)
    return list(store.rows(table, shard)) if store.has_table(table.name, shard) else []


def read_left_out(store: Store) -> list[QuarantineRow]:
    """What the quality gates left out, of all shards."""
    return [row for gate in gate_steps() for row in read_quarantine(store, gate, ALL_SHARDS)]
