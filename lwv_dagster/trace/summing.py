"""A whole data set in a few numbers, out of its provenance: its documents, licences, prompts, models and cost."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lwv_dagster.trace.trail import TrailPage

PAGE = ("source_path", "document_id", "page", "licence")  # not its image: the longest text of all
ASKED = ("role", "model", "template")


@dataclass(frozen=True)
class Sum:
    """documents: the first page that is shown of each, without its image. counts: what -> of which -> how many."""

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
    documents = _documents(pages)
    cost: float = pc.sum(whole["cost_usd"]).as_py() or 0.0
    counts = {
        "rows by kind": _counts(rows, ["kind"]),
        "examples by shard": _counts(whole, ["shard"]),
        "documents by licence": dict(sorted(Counter(page.licence for page in documents).items())),
        "calls by model and prompt": _counts(calls, ASKED),
        "calls by server": _counts(calls, ["server"]),
    }
    return Sum(documents, {what: found for what, found in counts.items() if found}, cost)


def _parts(file: pq.ParquetFile, column: str, names: Sequence[str]) -> pa.Table:
    """Some fields of a column of lists, a row for each of their items."""
    lists = file.read([f"{column}.list.element.{name}" for name in names]).column(0).combine_chunks()
    items = pc.list_flatten(lists)
    return pa.table({name: pc.struct_field(items, name) for name in names})


def _documents(pages: pa.Table) -> list[TrailPage]:
    """The first page of each document, by file: those of one stand together in an example."""
    if not pages.num_rows:
        return []
    names = pages["document_id"].combine_chunks()
    new = pc.indices_nonzero(pc.not_equal(names.slice(1), names.slice(0, len(names) - 1)))
    begins = pages.take(pa.concat_arrays([pa.array([0], pa.uint64()), pc.add(new, pa.scalar(1, pa.uint64()))]))
    first = dict[str, tuple[str, str, int, str]]()
    for row in zip(*(begins[name].to_pylist() for name in PAGE), strict=True):
        first.setdefault(row[1], row)
    return [TrailPage(name, page, "", path, licence) for path, name, page, licence in sorted(first.values())]


def _counts(table: pa.Table, names: Sequence[str]) -> dict[str, int]:
    """How many rows there are of each value; of several columns, of their values with spaces between."""
    columns = [table[name].combine_chunks() for name in names]
    values = columns[0] if len(columns) == 1 else pc.binary_join_element_wise(*columns, " ")
    found = {row["values"].strip(): row["counts"] for row in pc.value_counts(values).to_pylist()}
    return dict(sorted(found.items()))
