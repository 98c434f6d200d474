"""Which data sets `lwv diff A B` compares: ids of this factory, or other homes; and their rows as tables."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from assets.traced_rows import PROVENANCE, no_origin, read_made_under, traced_row
from lwv_dagster.trace.evidence import GATES, DataSet, Evidence
from resources.store import BATCH_ROWS, Store

COLUMNS = ["example_id", "language", "cost_usd", "rows"]


class NoSideError(LookupError):
    """What was named is no data set, or one that cannot be read; the sentence says what there is, or what to do."""


@dataclass(frozen=True)
class Side:
    """A data set of a home."""

    home: Path
    data_set: DataSet

    @property
    def gate(self) -> str:
        """sft | preference."""
        return self.data_set.shown.gate

    def made_under(self) -> dict[str, list[str]]:
        """What its rows were made under; empty of one from before provenance."""
        try:
            return dict(read_made_under(self.data_set.provenance)) if self.data_set.provenance else {}
        except (pa.ArrowException, OSError, ValueError):
            return {}

    def gate_used(self) -> dict[str, list[str]]:
        """What its gate alone used."""
        recipe = (self.data_set.manifest.get("made_with") or {}).get("recipe") or {}
        return {str(name): [json.dumps(value, ensure_ascii=False, sort_keys=True)] for name, value in recipe.items()}


def sides(store: Store, a: str, b: str, homes: bool = True) -> list[tuple[Side, Side]]:
    """The data sets to compare, one pair for each gate that both have.

    a, b: an id; a home, by its path, whose current data sets are meant; or `<home>:<id>`. homes: whether other homes
    may be named. Raises NoSideError.
    """
    left, right = _named(store, a, homes), _named(store, b, homes)
    pairs = [(left[gate], right[gate]) for gate in GATES if gate in left and gate in right]
    if not pairs:
        raise NoSideError(
            f"{a} is of the gate {', '.join(left)} and {b} of {', '.join(right)}: name two data sets of one gate."
        )
    return pairs


def _is_home(path: Path) -> bool:
    try:
        return (path / "datasets").is_dir()
    except (OSError, ValueError):  # what no path can be
        return False


def _named(store: Store, name: str, homes: bool) -> dict[str, Side]:
    """gate -> the data set."""
    home, _, data_set = name.rpartition(":")
    path = Path(home or name)
    if homes and _is_home(path) and (home or "/" in name or not _by_id(store, name)):
        other = Store(path)
        found = _by_id(other, data_set) if home else [each for each in _all(other) if each.shown.current]
        where = other
    else:
        found, where = _by_id(store, name), store
    if not found:
        known = ", ".join(f"{each.shown.id} ({each.shown.gate})" for each in _all(where)) or "none"
        kinds = "no data set and no home with data sets" if homes else "no data set of this factory"
        raise NoSideError(f"{name} is {kinds}. {where.home} has: {known}.")
    return {each.shown.gate: Side(where.home, each) for each in found}


def _all(store: Store) -> list[DataSet]:
    return Evidence(store).data_sets


def _by_id(store: Store, name: str) -> list[DataSet]:
    return [each for each in _all(store) if each.shown.id == name]


def traced_table(side: Side) -> pa.Table:
    """The COLUMNS of a data set's provenance; made from its rows where it has none, with what they tell."""
    if side.data_set.provenance:
        return pq.read_table(side.data_set.provenance, columns=COLUMNS)
    examples, schema = dict[str, dict[str, Any]](), pa.schema([PROVENANCE.schema.field(name) for name in COLUMNS])
    with pq.ParquetFile(side.data_set.rows) as file:
        for batch in file.iter_batches(BATCH_ROWS):
            for row in batch.to_pylist():
                name = str(row.get("example_id") or row["id"])
                blank: dict[str, Any] = {
                    "example_id": name,
                    "language": row.get("language") or "",
                    "cost_usd": 0.0,
                    "rows": [],
                }
                examples.setdefault(name, blank)["rows"].append(traced_row(row, no_origin(name)["segments"]))
    return pa.Table.from_pylist(list(examples.values()), schema=schema)
