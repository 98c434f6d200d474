"""What the overview knows of each table of each shard, read from as few columns as will do."""

from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from assets.quality.quarantine_share import kind_of
from assets.quality_report.charts_svg import LENGTH_BINS
from assets.quality_report.kept_files import KeptFiles
from assets.signals.drift import Spreads
from assets.signals.drift_tables import COLUMNS, spreads_of
from resources.identity import TableIdentity, read_identity
from resources.store import Store

T = TypeVar("T")
THREADS = 2  # that read files side by side
SPLIT_TABLES = ("source_images", "instructions", "long_outputs")  # whose documents are told by split
COUNTED = (*SPLIT_TABLES, "segments", "corrected_segments", "preference_pairs", "drafts", "signals")


@dataclass(frozen=True)
class TableFacts:
    """One table of one shard. documents: by split, empty where the table has no split; edited: corrected segments."""

    rows: int
    documents: Counter[str] = field(default_factory=Counter)
    edited: int = 0
    identity: TableIdentity | None = None
    at: float = 0.0  # when it was written, Unix time


@dataclass(frozen=True)
class Facts:
    """All tables of a home. tables: table -> shard -> facts; damaged: `table shard` of those that cannot be read."""

    tables: dict[str, dict[str, TableFacts]]
    quarantine: Counter[tuple[str, str, str]]  # step, kind of reason, shard -> rows
    damaged: list[str]

    @property
    def shards(self) -> list[str]:
        """Every shard that has a table."""
        return sorted({shard for shards in self.tables.values() for shard in shards})

    def count_of(self, table: str) -> int:
        """Of all shards."""
        return sum(facts.rows for facts in self.tables.get(table, {}).values())

    def documents_of(self, table: str) -> Counter[str]:
        """Of all shards, by split."""
        found = Counter[str]()
        for facts in self.tables.get(table, {}).values():
            found.update(facts.documents)
        return found


def read_facts(store: Store, kept: KeptFiles) -> Facts:
    """Of all that is there. What cannot be read is left out and named."""
    damaged, tables = list[str](), dict[str, dict[str, TableFacts]]()
    for table in COUNTED:
        found = _each(store, table, kept, _facts, damaged)
        if found:
            tables[table] = found
    quarantine = Counter[tuple[str, str, str]]()
    for folder in sorted((store.home / "tables" / "quarantine").glob("*")):
        for shard, kinds in _each(store, f"quarantine/{folder.name}", kept, _kinds, damaged).items():
            quarantine.update({(folder.name, kind, shard): count for kind, count in kinds.items()})
    return Facts(tables, quarantine, damaged)


def read_spreads(store: Store, kept: KeptFiles) -> dict[str, Spreads]:
    """The signals of each shard, for drift. What cannot be read is left out."""
    return _each(store, "signals", kept, _spreads, [])


def _each(store: Store, table: str, kept: KeptFiles, read: Callable[[Path], T], damaged: list[str]) -> dict[str, T]:
    def one(path: Path) -> T | None:
        try:
            return kept.of(path, read)
        except (pa.ArrowException, OSError, KeyError):
            damaged.append(f"{table} {path.stem}")
            return None

    paths = sorted(store.table_path(table, "any").parent.glob("*.parquet"))
    with ThreadPoolExecutor(THREADS) as pool:
        found = dict(zip((path.stem for path in paths), pool.map(one, paths), strict=True))
    return {shard: value for shard, value in found.items() if value is not None}


def _facts(path: Path) -> TableFacts:
    named = ["document_id", "split"] if path.parent.name in SPLIT_TABLES else []
    with pq.ParquetFile(path, read_dictionary=named) as file:
        metadata = file.metadata
        wanted = named or (["edited"] if path.parent.name == "corrected_segments" else [])
        table = file.read(wanted) if wanted else None
    documents, edited = Counter[str](), 0
    if table is not None and named:
        numbers, splits = (table.column(name).combine_chunks() for name in named)
        _, first = np.unique(numbers.indices.to_numpy(), return_index=True)
        documents.update(splits.take(pa.array(first)).to_pylist())
    elif table is not None:
        edited = int(pc.sum(table.column("edited")).as_py() or 0)
    return TableFacts(metadata.num_rows, documents, edited, read_identity(metadata.metadata), path.stat().st_mtime)


def _spreads(path: Path) -> Spreads:
    return spreads_of(pq.read_table(path, columns=list(COLUMNS)))


def _kinds(path: Path) -> Counter[str]:
    with suppress(KeyError):
        reasons: Iterable[str] = pq.read_table(path, columns=["reason"]).column("reason").to_pylist()
        return Counter(kind_of(reason) or "other" for reason in reasons)
    return Counter()


def document_shards(store: Store, kept: KeptFiles) -> tuple[dict[str, str], dict[str, str]]:
    """(shard, split) of each document whose pages were read, by its id."""
    shards, splits = dict[str, str](), dict[str, str]()
    for shard, found in _each(store, "source_images", kept, _documents, []).items():
        shards.update(dict.fromkeys(found, shard))
        splits.update(found)
    return shards, splits


def _documents(path: Path) -> dict[str, str]:
    named = ["document_id", "split"]
    with pq.ParquetFile(path, read_dictionary=named) as file:
        table = file.read(named)
    numbers, splits = (table.column(name).combine_chunks() for name in named)
    _, first = np.unique(numbers.indices.to_numpy(), return_index=True)
    rows = pa.array(first)
    return dict(zip(numbers.take(rows).to_pylist(), splits.take(rows).to_pylist(), strict=True))


def read_lengths(store: Store, kept: KeptFiles) -> dict[str, Counter[int]]:
    """kind of example -> its texts by tenths of their planned length that were written; the last one has all above."""
    found = dict[str, Counter[int]]()
    for of_shard in _each(store, "long_outputs", kept, _lengths, []).values():
        for (kind, at), count in of_shard.items():
            found.setdefault(kind, Counter())[at] += count
    return found


def _lengths(path: Path) -> Counter[tuple[str, int]]:
    table = pq.read_table(path, columns=["kind", "words", "target_words"])
    words, planned = (np.asarray(table.column(name).fill_null(0), float) for name in ("words", "target_words"))
    bins = np.minimum(LENGTH_BINS - 1, np.floor(10 * words / np.maximum(planned, 1))).astype(int)
    return Counter(zip(table.column("kind").to_pylist(), bins.tolist(), strict=True))
