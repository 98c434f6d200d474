"""The spreads of shards as drift compares them, out of their tables of signals."""

from collections.abc import Iterator
from contextlib import suppress

import pyarrow as pa

from assets.signals.drift import NAMED, SIGNALS, ShardDrift, Spreads, drift_of_shards, spread_of
from assets.signals.schema import SIGNALS as TABLE
from resources.recipe.model import Checks
from resources.store import DamagedTableError, MissingTableError, Store

COLUMNS = ("example_id", *SIGNALS)


def spreads_of(table: pa.Table) -> Spreads:
    """table: COLUMNS of a shard's signals, at least."""
    examples = table.column("example_id").combine_chunks().dictionary_encode().indices.to_numpy()
    found = {}
    for signal in SIGNALS:
        column = table.column(signal)
        there = column.is_valid().to_numpy()
        values = column.drop_null().to_numpy()
        found[signal] = spread_of(signal, values.astype(str) if signal in NAMED else values, examples[there])
    return Spreads(table.num_rows, found)


def drift_before(store: Store, shard: str, table: pa.Table, limits: Checks) -> ShardDrift:
    """A shard against those before it, by their names. table: the shard's signals. Tables that cannot be read are left
    out: their own checks say so."""
    spreads = {name: found for name in _shards(store) if name < shard and (found := _read(store, name))}
    return drift_of_shards({**spreads, shard: spreads_of(table)}, limits)[shard]


def _shards(store: Store) -> Iterator[str]:
    yield from sorted(path.stem for path in store.table_path(TABLE.name, "any").parent.glob("*.parquet"))


def _read(store: Store, shard: str) -> Spreads | None:
    with suppress(MissingTableError, DamagedTableError):
        return spreads_of(store.read_table(TABLE.name, shard, COLUMNS))
    return None
