"""A whole data set in a few numbers, out of its provenance: its documents, licences, prompts, models and cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lwv_dagster.trace.trail import TrailPage

PAGE = ("document_id", "page", "image", "source_path", "licence")
ASKED = ("role", "model", "template")


@dataclass(frozen=True)
class Sum:
    """documents: the first page that is shown of each. counts: what -> of which -> how many."""

    documents: list[TrailPage]
    counts: dict[str, dict[str, int]]
    cost_usd: float


def sum_up(provenance: Path) -> Sum:
    """The sum of one provenance.parquet. Of its nested columns only the parts that are counted are read."""
    with pq.ParquetFile(provenance) as file:
        rows = _parts(file, "rows", ("kind",))
        calls = _parts(file, "calls", (*ASKED, "server"))
        pages = _parts(file, "pages", PAGE)
        whole = file.read(["shard", "cost_usd"])
    first = [(name, "min" if name == "page" else "first") for name in PAGE[1:]]
    firsts = pages.group_by("document_id", use_threads=False).aggregate(first)
    names = ("document_id", "page_min", "image_first", "source_path_first", "licence_first")
    documents = [TrailPage(*(row[name] for name in names)) for row in firsts.sort_by("source_path_first").to_pylist()]
    cost: float = pc.sum(whole["cost_usd"]).as_py() or 0.0
    counts = {
        "rows by kind": _counts(rows, ["kind"]),
        "examples by shard": _counts(whole, ["shard"]),
        "documents by licence": _counts(firsts, ["licence_first"]),
        "calls by model and prompt": _counts(calls, ASKED),
        "calls by server": _counts(calls, ["server"]),
    }
    return Sum(documents, {what: found for what, found in counts.items() if found}, cost)


def _parts(file: pq.ParquetFile, column: str, names: Sequence[str]) -> pa.Table:
    """Some fields of a column of lists, a row for each of their items."""
    lists = file.read([f"{column}.list.element.{name}" for name in names]).column(0).combine_chunks()
    items = pc.list_flatten(lists)
    return pa.table({name: pc.struct_field(items, name) for name in names})


def _counts(table: pa.Table, names: Sequence[str]) -> dict[str, int]:
    if not table.num_rows:
        return {}
    found = table.group_by(list(names)).aggregate([([], "count_all")]).to_pylist()
    return dict(sorted((" ".join(str(row[name]) for name in names).strip(), row["count_all"]) for row in found))
