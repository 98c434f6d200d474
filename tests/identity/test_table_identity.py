"""A table knows what made it: the identity in the file, and the content's hash, which follows from the rows alone."""

import json
from dataclasses import replace
from pathlib import Path
from typing import TypedDict

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.quality.asset_checks import check_shard
from assets.quality.gate import mixture, unknown_recipes
from assets.quality.outcome import AssetRules, Rule
from assets.quality.report import read_report
from resources.identity import TableIdentity, read_identity, recipe_differences
from resources.store import BATCH_ROWS, DamagedTableError, Store
from resources.table import Float32, Int32, Table, schema_of


class Line(TypedDict):
    """A row with each kind of column."""

    name: str
    number: Int32 | None
    share: Float32
    told: bool
    pages: list[Int32]


LINES = Table("lines", Line, version=3)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.text(max_size=8),
            "number": st.none() | st.integers(0, 9),
            "share": st.floats(0, 1, width=32),
            "told": st.booleans(),
            "pages": st.lists(st.integers(0, 3), max_size=3),
        }
    ),
    max_size=12,
)
BY_MARGIN = {margin: TableIdentity(3, recipe={"pairs.margin": margin, "pairs.whole": 0.2}) for margin in (5.0, 9.0)}


@settings(max_examples=40, deadline=None)
@given(rows=ROWS, others=ROWS)
def test_the_content_follows_from_the_rows_and_from_nothing_else(
    rows: list[Line], others: list[Line], tmp_path_factory: pytest.TempPathFactory
) -> None:
    here, there = (Store(tmp_path_factory.mktemp("home")) for _ in range(2))
    here.write_table(LINES, "a-001", rows, BY_MARGIN[5.0])
    there.write_table(LINES, "b-002", iter(rows), BY_MARGIN[9.0])
    assert here.content("lines", "a-001") == there.content("lines", "b-002")
    there.write_table(LINES, "b-002", others, BY_MARGIN[5.0])
    same = list(here.rows(LINES, "a-001")) == list(there.rows(LINES, "b-002"))
    assert (here.content("lines", "a-001") == there.content("lines", "b-002")) == same


def test_the_identity_is_in_the_file_and_the_rows_are_as_they_were(tmp_path: Path) -> None:
    store = Store(tmp_path)
    rows: list[Line] = [{"name": str(i), "number": i, "share": 0.5, "told": True, "pages": []} for i in range(600)]
    assert store.write_table(LINES, "a-001", rows, BY_MARGIN[5.0]) == 600 > 2 * BATCH_ROWS
    found = store.identity("lines", "a-001")
    assert found == BY_MARGIN[5.0].with_content(store.content("lines", "a-001"))
    assert found.schema_version == 3
    assert list(store.rows(LINES, "a-001")) == rows
    assert store.read_table("lines", "a-001").schema.equals(LINES.schema)


def test_a_table_of_the_time_before_has_no_identity_and_its_files_hash_as_content(tmp_path: Path) -> None:
    store = Store(tmp_path)
    path = store.table_path("lines", "old-001")
    path.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([], schema=LINES.schema), path)
    assert store.identity("lines", "old-001") is None
    assert len(store.content("lines", "old-001")) == 64
    store.write_table(LINES, "new-001", [], BY_MARGIN[5.0])
    assert unknown_recipes(store, ["lines"], ["old-001", "new-001"]) == ["old-001"]
    assert mixture(store, "lines", ["old-001", "new-001"]) == ""  # it cannot be said that they differ


ODD = [
    json.dumps({"schema_version": 1, **part}).encode()
    for part in ({"recipe": "x"}, {"templates": None}, {"content": 5})
]


@pytest.mark.parametrize("value", [b"{", b"[]", b'{"schema_version": 1, "of_a_later_time": 2}', b"\xff", *ODD])
def test_an_identity_that_cannot_be_read_is_an_unknown_one(value: bytes) -> None:
    assert read_identity({b"lwv.identity": value}) is None
    assert read_identity(None) is None


@pytest.mark.parametrize("damage", ["nothing", "cut", "footer"])
def test_a_damaged_table_is_of_unknown_origin_and_says_in_one_sentence_what_to_do(damage: str, tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write_table(LINES, "a-001", [{"name": "a", "number": 1, "share": 0.5, "told": True, "pages": []}])
    path = store.table_path("lines", "a-001")
    data = path.read_bytes()
    start = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    flipped = data[:start] + bytes(byte ^ 0xFF for byte in data[start : start + 40]) + data[start + 40 :]
    path.write_bytes({"nothing": b"", "cut": data[:-100], "footer": flipped}[damage])
    assert store.identity("lines", "a-001") is None
    assert len(store.content("lines", "a-001")) == 64
    check_shard(store, "lines", "a-001", AssetRules((Rule("r", "d"),), lambda table: table.to_pandas(), list, {}))
    report = read_report(store, "lines", "a-001")
    assert report is not None and not report["passed"]
    for read in (lambda: store.read_table("lines", "a-001"), lambda: list(store.rows(LINES, "a-001"))):
        with pytest.raises(DamagedTableError) as caught:
            read()
        assert "materialise `lines` for shard `a-001` again" in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1


def test_a_mixture_is_named_with_its_shards_and_what_they_differ_in(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for number, margin in enumerate([5.0, 9.0, 9.0, 9.0, 9.0]):
        store.write_table(LINES, f"a-{number:03d}", [], BY_MARGIN[margin])
    shards = [f"a-{number:03d}" for number in range(5)]
    most, one = BY_MARGIN[9.0].recipe_hash, BY_MARGIN[5.0].recipe_hash
    assert mixture(store, "lines", shards) == (
        f"lines: 4 shards (a-001, a-002, a-003, …) under recipe {most}, 1 shard (a-000) under {one}: "
        "differ in pairs.margin"
    )
    assert recipe_differences(BY_MARGIN[5.0], TableIdentity(3, templates={"p.txt": "1"})) == [
        "p.txt",
        "pairs.margin",
        "pairs.whole",
    ]


def test_tables_of_two_schemas_are_a_mixture_too(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write_table(LINES, "a-001", [], BY_MARGIN[5.0])
    store.write_table(LINES, "a-002", [], replace(BY_MARGIN[5.0], schema_version=4))
    assert mixture(store, "lines", ["a-001", "a-002"]).endswith(": differ in schema_version")


def test_the_report_says_what_made_the_table_that_it_is_about(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write_table(LINES, "a-001", [], BY_MARGIN[5.0])
    check_shard(store, "lines", "a-001", AssetRules((), lambda table: table.to_pandas(), list, {}))
    report = read_report(store, "lines", "a-001")
    assert report is not None and report["made_with"] is not None
    assert report["made_with"]["recipe_hash"] == BY_MARGIN[5.0].recipe_hash
    assert report["made_with"]["content"] == store.content("lines", "a-001")


def test_a_field_without_a_column_type_is_named() -> None:
    class Odd(TypedDict):
        """A row with a field that no column can hold."""

        when: complex

    with pytest.raises(TypeError, match=r"Odd\.when"):
        schema_of(Odd)
