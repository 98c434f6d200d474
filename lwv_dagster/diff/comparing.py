"""Two data sets of one gate compared, row by row by their ids and by hashes of their texts; no text is read."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lwv_dagster.diff.diff_sides import Side, sides, traced_table
from lwv_dagster.diff.difference import (
    Changed,
    Costs,
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
ROWS = """
CREATE TABLE {side} AS SELECT
  row.id AS id, example_id, language, row.kind AS kind, row.upto AS upto, row.asked AS asked, row.text AS text,
  row.shown AS shown, row.words AS words, row.doubt AS doubt, row.weight AS weight
FROM (SELECT example_id, language, unnest(rows) AS row FROM traced_{side})
"""
BOTH = """
CREATE TABLE common AS SELECT
  a.id AS id, a.text <> b.text AS text, a.asked <> b.asked AS prompt, a.kind <> b.kind AS kind,
  a.shown <> b.shown AS image, abs(a.weight - b.weight) AS weight
FROM a JOIN b USING (id)
"""
CHANGED = "SELECT id, text, prompt, kind, image FROM common WHERE text OR prompt OR kind OR image ORDER BY id"
WEIGHTS = """
SELECT count(*) FILTER (weight > 0), count(*) FILTER (weight > 0 AND NOT (text OR prompt OR kind OR image)),
  coalesce(max(weight), 0.0), count(*) FILTER (NOT (text OR prompt OR kind OR image)) FROM common
"""
COSTS = """
SELECT (SELECT coalesce(sum(cost_usd), 0) FROM traced_a), (SELECT coalesce(sum(cost_usd), 0) FROM traced_b),
  (SELECT coalesce(sum(cost_usd), 0) FROM traced_a WHERE example_id NOT IN (SELECT example_id FROM traced_b)),
  (SELECT coalesce(sum(cost_usd), 0) FROM traced_b WHERE example_id NOT IN (SELECT example_id FROM traced_a))
"""


def diff(store: Store, a: str, b: str) -> list[Difference]:
    """A difference for each gate that both sides have. Raises NoSideError."""
    return [compare(left, right) for left, right in sides(store, a, b)]


def compare(a: Side, b: Side) -> Difference:
    """Two data sets of one gate."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("SET threads = 2")
        for name, side in (("a", a), ("b", b)):
            connection.register(f"traced_{name}", traced_table(side))
            connection.execute(ROWS.format(side=name))
        connection.execute(BOTH)
        changed, alone, largest, same = _one(connection, WEIGHTS)
        return Difference(
            _name(connection, a, "a"),
            _name(connection, b, "b"),
            _ids(connection, "SELECT id FROM a ANTI JOIN b USING (id) ORDER BY id"),
            _ids(connection, "SELECT id FROM b ANTI JOIN a USING (id) ORDER BY id"),
            [
                Changed(name, [what for what, is_so in zip(("text", "prompt", "kind", "image"), by, strict=True) if is_so])
                for name, *by in connection.execute(CHANGED).fetchall()
            ],
            same,
            Weights(changed, alone, largest),
            [
                _numbers(connection, "words", WORD_EDGES),
                _numbers(connection, "doubt", DOUBT_EDGES),
                _names(connection, "kind"),
                _names(connection, "language"),
                _names(connection, "upto"),
            ],
            Costs(*_one(connection, COSTS)),
            recipe_lines(a.made_under(), b.made_under()),
            (_ranked(connection, "a", "DESC"), _ranked(connection, "b", "DESC")),
            (_ranked(connection, "a", "ASC"), _ranked(connection, "b", "ASC")),
            _notes(connection, a, b),
        )


def _one(connection: "DuckDBPyConnection", asked: str) -> tuple[Any, ...]:
    found: tuple[Any, ...] = connection.execute(asked).fetchall()[0]
    return found


def _ids(connection: "DuckDBPyConnection", asked: str) -> list[str]:
    return [str(name) for (name,) in connection.execute(asked).fetchall()]


def _name(connection: "DuckDBPyConnection", side: Side, name: str) -> SideName:
    (examples,) = _one(connection, f"SELECT count(*) FROM traced_{name}")
    (rows,) = _one(connection, f"SELECT count(*) FROM {name}")
    return SideName(side.data_set.shown.id, side.gate, str(side.home), rows, examples)


def _numbers(connection: "DuckDBPyConnection", what: str, edges: Sequence[int]) -> Spread:
    """Rows by the last edge that their number reaches."""
    reached = f"list_count(list_filter({list(edges)}, lambda edge: edge <= {what}))"
    found = [
        dict(connection.execute(f"SELECT {reached}, count(*) FROM {side} WHERE {what} IS NOT NULL GROUP BY 1").fetchall())
        for side in ("a", "b")
    ]
    labels = [f"{low:,} to {high - 1:,}" if high - low > 1 else f"{low:,}" for low, high in zip(edges, edges[1:], strict=False)]
    labels.append(f"{edges[-1]:,} and more")
    bins = {
        label: (found[0].get(place, 0), found[1].get(place, 0))
        for place, label in enumerate(labels, 1)
        if place in found[0] or place in found[1]
    }
    means = [_one(connection, f"SELECT avg({what}) FROM {side}")[0] for side in ("a", "b")]
    return Spread(what, bins, *means)


def _names(connection: "DuckDBPyConnection", what: str) -> Spread:
    asked = f"SELECT coalesce({what}::VARCHAR, 'all'), count(*) FROM {{side}} GROUP BY 1"
    a, b = (dict(connection.execute(asked.format(side=side)).fetchall()) for side in ("a", "b"))
    order = sorted({*a, *b}, key=lambda name: (not name.isdigit(), int(name) if name.isdigit() else 0, name))
    return Spread(what, {name: (a.get(name, 0), b.get(name, 0)) for name in order})


def _ranked(connection: "DuckDBPyConnection", side: str, order: str) -> list[Ranked]:
    """Of each example the row that reaches furthest, by doubt."""
    asked = (
        f"SELECT id, kind, doubt, words FROM {side} WHERE doubt IS NOT NULL "
        f"QUALIFY row_number() OVER (PARTITION BY example_id ORDER BY doubt {order}, words DESC, id) = 1 "
        f"ORDER BY doubt {order}, id LIMIT {MOST_RANKED}"
    )
    return [Ranked(*row) for row in connection.execute(asked).fetchall()]


def _notes(connection: "DuckDBPyConnection", a: Side, b: Side) -> list[str]:
    found = list[str]()
    for name, side in (("a", a), ("b", b)):
        if side.data_set.provenance is None:
            found.append(
                f"{name.upper()} ({side.data_set.shown.id}) was written before there was provenance: its cost, its "
                "doubt and the words of its pairs' parts are not known, and of its recipe what the gate used."
            )
        (unknown, rows) = _one(connection, f"SELECT count(*) FILTER (doubt IS NULL), count(*) FROM {name}")
        if unknown and side.data_set.provenance is not None:
            found.append(f"{unknown:,} of {rows:,} rows of {name.upper()} had no signals when they were written.")
    return found
