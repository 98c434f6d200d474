"""Two data sets of one gate compared, row by row by their ids and by hashes of their texts; no text is read."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from lwv_dagster.diff.diff_sides import NoSideError, Side, sides, traced_table
from lwv_dagster.diff.difference import (
    BY,
    LISTED,
    Changed,
    Costs,
    Counts,
    Difference,
    Ranked,
    SideName,
    Spread,
    Weights,
    recipe_lines,
)
from resources.store import Store

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MOST_RANKED = 20
WORD_EDGES = (0, 100, 200, 500, 1000, 1500, 2000, 3000, 4000, 6000)
DOUBT_EDGES = (0, 1, 10, 20, 30, 40, 50, 60, 70, 80, 90)
A, B = "A", "B"
TABLES = """
CREATE TABLE examples (side VARCHAR, example_id VARCHAR, cost_usd DOUBLE);
CREATE TABLE rows (side VARCHAR, id VARCHAR, example_id VARCHAR, language VARCHAR, kind VARCHAR, upto INTEGER,
  asked UBIGINT, text UBIGINT, shown UBIGINT, words INTEGER, doubt INTEGER, weight FLOAT);
"""
EXAMPLES = "INSERT INTO examples SELECT $side, example_id, cost_usd FROM traced"
ROWS = """
INSERT INTO rows SELECT $side, row.id, example_id, language, row.kind, row.upto, hash(row.asked), hash(row.text),
  hash(row.shown), row.words, row.doubt, row.weight
FROM (SELECT example_id, language, unnest(rows) AS row FROM traced)
"""
COMMON = """
CREATE TABLE common AS SELECT *, text OR prompt OR kind OR image AS changed FROM (
  SELECT id, a.text <> b.text AS text, a.asked <> b.asked AS prompt, a.kind <> b.kind AS kind,
    a.shown <> b.shown AS image, abs(a.weight - b.weight) AS weight
  FROM (SELECT * FROM rows WHERE side = 'A') a JOIN (SELECT * FROM rows WHERE side = 'B') b USING (id))
"""
COUNTS = """
SELECT (SELECT count(*) FROM rows WHERE side = 'A') - count(*), (SELECT count(*) FROM rows WHERE side = 'B') - count(*),
  count(*) FILTER (NOT changed), count(*) FILTER (changed), count(*) FILTER (text), count(*) FILTER (prompt),
  count(*) FILTER (kind), count(*) FILTER (image)
FROM common
"""
ALONE = """
SELECT id FROM (SELECT id FROM rows WHERE side = $side) ANTI JOIN common USING (id) ORDER BY id LIMIT $most
"""
CHANGED = "SELECT id, text, prompt, kind, image FROM common WHERE changed ORDER BY id LIMIT $most"
WEIGHTS = """
SELECT count(*) FILTER (weight > 0), count(*) FILTER (weight > 0 AND NOT changed), coalesce(max(weight), 0.0)
FROM common
"""
COSTS = """
SELECT coalesce(sum(cost_usd) FILTER (side = 'A'), 0), coalesce(sum(cost_usd) FILTER (side = 'B'), 0),
  coalesce(sum(cost_usd) FILTER (side = 'A' AND sides = 1), 0),
  coalesce(sum(cost_usd) FILTER (side = 'B' AND sides = 1), 0)
FROM (SELECT side, cost_usd, count(*) OVER (PARTITION BY example_id) AS sides FROM examples)
"""
NUMBERS = """
SELECT side, list_count(list_filter($edges, lambda edge: edge <= number)) AS bin, count(*), sum(number) FROM
  (SELECT side, CASE $what WHEN 'words' THEN words ELSE doubt END AS number FROM rows)
WHERE number IS NOT NULL GROUP BY side, bin
"""
NAMES = """
SELECT name, count(*) FILTER (side = 'A'), count(*) FILTER (side = 'B') FROM
  (SELECT side, CASE $what WHEN 'kind' THEN kind WHEN 'language' THEN coalesce(nullif(language, ''), 'not told')
    ELSE coalesce(upto::VARCHAR, 'all') END AS name FROM rows)
GROUP BY name
"""
# Of each example its worst row (sign 1), or its best (-1), the longest of several.
RANKED = """
SELECT row.id, row.kind, row.doubt, row.words FROM
  (SELECT arg_max({id: id, kind: kind, doubt: doubt, words: words}, $sign * doubt::BIGINT * 10000000 + words) AS row
   FROM rows WHERE side = $side AND doubt IS NOT NULL GROUP BY example_id)
ORDER BY $sign * row.doubt DESC, row.id LIMIT $most
"""
UNKNOWN = "SELECT count(*) FILTER (doubt IS NULL), count(*) FROM rows WHERE side = $side"
SIZE = "SELECT (SELECT count(*) FROM rows WHERE side = $side), (SELECT count(*) FROM examples WHERE side = $side)"


def diff(store: Store, a: str, b: str) -> list[Difference]:
    """A difference for each gate that both sides have. Raises NoSideError."""
    return [compare(left, right) for left, right in sides(store, a, b)]


def compare(a: Side, b: Side) -> Difference:
    """Two data sets of one gate."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("SET threads = 2")
        connection.execute(TABLES)
        for name, side in ((A, a), (B, b)):
            _load(connection, name, side)
        connection.execute(COMMON)
        return Difference(
            SideName(a.data_set.shown.id, a.gate, str(a.home), *_one(connection, SIZE, side=A)),
            SideName(b.data_set.shown.id, b.gate, str(b.home), *_one(connection, SIZE, side=B)),
            Counts(*_one(connection, COUNTS)),
            _ids(connection, A),
            _ids(connection, B),
            [
                Changed(name, [what for what, is_so in zip(BY, by, strict=True) if is_so])
                for name, *by in _all(connection, CHANGED, most=LISTED)
            ],
            Weights(*_one(connection, WEIGHTS)),
            [
                _numbers(connection, "words", WORD_EDGES),
                _numbers(connection, "doubt", DOUBT_EDGES),
                *(_names(connection, what) for what in ("kind", "language", "segments reached")),
            ],
            Costs(*_one(connection, COSTS)),
            recipe_lines(*_both_told(a, b)),
            (_ranked(connection, A, 1), _ranked(connection, B, 1)),
            (_ranked(connection, A, -1), _ranked(connection, B, -1)),
            [*_notes(connection, A, a), *_notes(connection, B, b)],
        )


def _load(connection: "DuckDBPyConnection", name: str, side: Side) -> None:
    """A side's rows into the table of rows: out of its file, or of what was made from its rows."""
    import duckdb

    provenance = side.data_set.provenance
    try:
        traced = connection.read_parquet(str(provenance)) if provenance else connection.from_arrow(traced_table(side))
        traced.create_view("traced", replace=True)
        connection.execute(EXAMPLES, {"side": name})
        connection.execute(ROWS, {"side": name})
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        path, why = provenance or side.data_set.rows, str(error).partition("\n")[0]
        raise NoSideError(f"{path} cannot be read ({why}): materialise `{side.gate}_dataset` again.") from error


def _both_told(a: Side, b: Side) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """What both were made under; where one does not tell what its tables were, of both what the gate used."""
    told = a.made_under(), b.made_under()
    return told if all(told) else (a.gate_used(), b.gate_used())


def _all(connection: "DuckDBPyConnection", asked: str, **values: object) -> list[tuple[Any, ...]]:
    return connection.execute(asked, values).fetchall()


def _one(connection: "DuckDBPyConnection", asked: str, **values: object) -> tuple[Any, ...]:
    return _all(connection, asked, **values)[0]


def _ids(connection: "DuckDBPyConnection", side: str) -> list[str]:
    return [str(name) for (name,) in _all(connection, ALONE, side=side, most=LISTED)]


def _numbers(connection: "DuckDBPyConnection", what: str, edges: Sequence[int]) -> Spread:
    """Rows by the last edge that their number reaches."""
    found, rows, sums = dict[tuple[str, int], int](), {A: 0, B: 0}, {A: 0, B: 0}
    for side, place, count, total in _all(connection, NUMBERS, what=what, edges=list(edges)):
        found[side, place] = count
        rows[side] += count
        sums[side] += total
    labels = [f"{low:,}" if high - low == 1 else f"{low:,} to {high - 1:,}" for low, high in pairwise(edges)]
    bins = {
        label: (found.get((A, place), 0), found.get((B, place), 0))
        for place, label in enumerate([*labels, f"{edges[-1]:,} and more"], 1)
        if (A, place) in found or (B, place) in found
    }
    return Spread(what, bins, *(sums[side] / rows[side] if rows[side] else None for side in (A, B)))


def _names(connection: "DuckDBPyConnection", what: str) -> Spread:
    found = {str(name): (in_a, in_b) for name, in_a, in_b in _all(connection, NAMES, what=what)}
    order = sorted(found, key=lambda name: (not name.isdigit(), int(name) if name.isdigit() else 0, name))
    return Spread(what, {name: found[name] for name in order})


def _ranked(connection: "DuckDBPyConnection", side: str, sign: int) -> list[Ranked]:
    return [Ranked(*row) for row in _all(connection, RANKED, side=side, sign=sign, most=MOST_RANKED)]


def _notes(connection: "DuckDBPyConnection", name: str, side: Side) -> list[str]:
    if side.data_set.provenance is None:
        says = (
            f"{name} ({side.data_set.shown.id}) was written before there was provenance: its cost, its doubt and the "
            "words of its pairs' parts are not known, and of both recipes what the gates used is compared."
        )
        return [says]
    unknown, rows = _one(connection, UNKNOWN, side=name)
    says = f"{unknown:,} of {rows:,} rows of {name} have no doubt: there were no signals then, or a person wrote it."
    return [says] if unknown else []
