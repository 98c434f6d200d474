"""The quarantine: what a step could not use, a row each with a reason in plain words."""

from collections.abc import Iterable, Sequence
from typing import Literal, NotRequired, TypedDict

from assets.quality.names import all_shards, names_for
from assets.steps import gate_steps
from resources.secrets import mask
from resources.store import Store
from resources.table import Table
from resources.text.shown import in_line

ALL_SHARDS = "all"  # in place of a shard's name, where a step reads all of them
NAMING: tuple[Literal["document_id", "example_id", "reason"], ...] = ("document_id", "example_id", "reason")


class SetAside(TypedDict):
    """What a step could not use: the columns of QuarantineRow that the step itself fills, and what names its source."""

    item: str
    document_id: str
    example_id: str
    reason: str
    documents: NotRequired[Sequence[str]]  # all of them, where no table knows the example yet
    image: NotRequired[int | None]  # which of the example's images it is about, 1-based; None: all
    call_id: NotRequired[str]  # of the last question to a model; none where it is missing or empty


class QuarantineRow(TypedDict):
    """What one step set aside."""

    step: str  # the asset that set it aside
    shard: str  # or ALL_SHARDS
    item: str  # source path where it is a file; else empty
    document_id: str
    example_id: str  # empty where no example exists yet
    reason: str
    source: str  # file and page: `decks/x.pdf, page 2`; an id where no table knows its file
    call_id: str  # of the last question to a model (ledger), asked or not; empty where there was none


def quarantine_of(step: str) -> Table[QuarantineRow]:
    """The quarantine table of a step."""
    return Table(f"quarantine/{step}", QuarantineRow, version=3)


def write_quarantine(store: Store, step: str, shard: str, rows: Iterable[SetAside]) -> int:
    """Replace what `step` set aside of `shard`; returns the number of rows. Ids in reasons become names; files' and
    servers' words stand in one line, without secrets."""
    return store.write_table(quarantine_of(step), shard, with_sources(store, step, shard, list(rows)))


def with_sources(store: Store, step: str, shard: str, rows: Sequence[SetAside]) -> Iterable[QuarantineRow]:
    """Whole rows: each with the file and page that it is about."""
    texts = (text for row in rows for text in (*row.get("documents", ()), *(str(row[name]) for name in NAMING)))
    names = names_for(store, all_shards(store) if shard == ALL_SHARDS else [shard], filter(None, texts))
    for row in rows:
        known = (
            row["item"],
            names.all_of(row.get("documents", ())),
            names.of(row["example_id"], row.get("image")),
            names.of(row["document_id"]),
        )
        yield {
            "step": step,
            "shard": shard,
            "item": in_line(mask(row["item"])),
            "document_id": row["document_id"],
            "example_id": row["example_id"],
            "reason": in_line(mask(names.told(row["reason"]))),
            "source": in_line(mask(next(filter(None, (*known, row["example_id"])), row["document_id"]))),
            "call_id": row.get("call_id", ""),
        }


def read_quarantine(store: Store, step: str, shard: str) -> list[QuarantineRow]:
    """What `step` set aside of `shard`; empty where it set nothing aside or has not run."""
    table = quarantine_of(step)
    if not store.has_table(table.name, shard):
        return []
    rows = list(store.rows(table, shard))
    if all("source" in row for row in rows):
        return [{**row, "call_id": row.get("call_id", "")} for row in rows]  # older ones do not name the call
    older = [  # before 0.3
        SetAside(item=row["item"], document_id=row["document_id"], example_id=row["example_id"], reason=row["reason"])
        for row in rows
    ]
    return list(with_sources(store, step, shard, older))


def read_left_out(store: Store) -> list[QuarantineRow]:
    """What the quality gates left out, of all shards."""
    return [row for gate in gate_steps() for row in read_quarantine(store, gate, ALL_SHARDS)]
