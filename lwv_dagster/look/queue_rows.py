"""A page of the queue's list, how many it holds, and what there is to choose from: read from the tables."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import pyarrow as pa

from lwv_dagster.look.queue_filter import Filter
from lwv_dagster.look.standing import Standings
from lwv_dagster.look.tables import Row, Tables

MOST_CHOICES = 1000  # values of a filter that are listed
_DETAILS = """
    SELECT segment_id, shard, document_id, split, language, "index", page, doubt, errors, edited,
           [part.part FOR part IN parts] AS parts
    FROM signals WHERE segment_id IN (SELECT unnest($ids))
"""
_NAMES = """
    SELECT document_id, shard, any_value(source_path) AS path
    FROM source_images WHERE document_id IN (SELECT unnest($ids)) GROUP BY ALL
"""
# Filter -> column of `signals`: with one value, and with a list of them.
_PLAIN = {
    "shard": "shard",
    "split": "split",
    "kind": "kind",
    "language": "language",
    "model": "author",
    "prompt": "template",
}
_LISTED = {"rule": "rules", "error": "errors", "part": "[each.part FOR each IN parts]"}


class Choice(NamedTuple):
    """A value of a filter, and how many segments have it."""

    value: str
    segments: int


def found_by(tables: Tables, asked: Filter) -> pa.Table:
    """The ids of the segments in whose text or file name is what is looked for. Raises TablesError."""
    search = asked.search_sql()
    return tables.table(*search) if search else pa.table({"segment_id": pa.array([], pa.string())})


def page_of(tables: Tables, asked: Filter, standings: Standings, found: pa.Table) -> list[Row]:
    """The segments of one page, in order, each with `path`, its file, and `state`. Raises TablesError."""
    sql, values = asked.page_sql()
    order = tables.rows(sql, values, standing=standings.table, found=found)
    shards, ids = {row["shard"] for row in order}, [row["segment_id"] for row in order]
    if not ids:
        return []
    details = {(row["segment_id"], row["shard"]): row for row in tables.rows(_DETAILS, {"ids": ids}, shards)}
    documents = list({row["document_id"] for row in details.values()})
    paths = {(row["document_id"], row["shard"]): row["path"] for row in tables.rows(_NAMES, {"ids": documents}, shards)}
    states = dict(zip(*standings.table.to_pydict().values(), strict=True))
    return [
        {**row, "path": paths.get((row["document_id"], row["shard"]), ""), "state": states.get(row["segment_id"], "")}
        for key in order
        if (row := details.get((key["segment_id"], key["shard"])))  # or its table was replaced meanwhile
    ]


def count_of(tables: Tables, asked: Filter, standings: Standings, found: pa.Table) -> int:
    """How many segments the filter lets through. Raises TablesError."""
    sql, values = asked.sql("count(*) AS n")
    [row] = tables.rows(sql, values, standing=standings.table, found=found)
    return int(row["n"])


def choices(tables: Tables) -> Mapping[str, Sequence[Choice]]:
    """What each filter can be, the most frequent first; shards by name. Raises TablesError."""
    grouped = tables.rows(f"SELECT {', '.join(_PLAIN.values())}, count(*) AS n FROM signals GROUP BY ALL")  # noqa: S608
    found: dict[str, list[Choice]] = {}
    for name, column in _PLAIN.items():
        counts = dict[str, int]()
        for row in grouped:
            counts[row[column] or ""] = counts.get(row[column] or "", 0) + row["n"]
        found[name] = [Choice(value, count) for value, count in counts.items() if value]
    for name, column in _LISTED.items():
        sql = f"SELECT value, count(*) AS n FROM (SELECT unnest({column}) AS value FROM signals) GROUP BY 1"  # noqa: S608
        found[name] = [Choice(row["value"], row["n"]) for row in tables.rows(sql)]
    return {name: sorted(values, key=_shown_first(name))[:MOST_CHOICES] for name, values in found.items()}


def _shown_first(name: str) -> Callable[[Choice], tuple[int, str]]:
    return lambda each: (0 if name == "shard" else -each.segments, each.value)
