"""The pages over tables that are there, missing, old, damaged or replaced; and the filter, which finds what it says."""

import json
import re
import socket
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from assets.signals.schema import SIGNALS
from lwv_dagster.look.app import make_app
from lwv_dagster.look.queue_filter import AT_ONCE, ORDERS, STATES, Filter
from lwv_dagster.look.queue_rows import choices, count_of, found_by, page_of
from lwv_dagster.look.serving import run_look
from lwv_dagster.look.standing import Standings
from lwv_dagster.look.tables import Tables, TablesError
from resources.store import Store
from tests.look.conftest import BASE

NOTHING = pa.table({"segment_id": pa.array([], pa.string())})
WORDS = st.text(max_size=20).map(str.strip)


@given(
    st.builds(
        Filter,
        WORDS,
        WORDS,
        WORDS,
        WORDS,
        WORDS,
        WORDS,
        WORDS,
        WORDS,
        WORDS,
        st.sampled_from(["", *STATES]),
        WORDS,
        st.sampled_from(list(ORDERS)),
        st.integers(0, 10**6),
    )
)
def test_a_filter_is_the_same_after_its_address_was_read(asked: Filter) -> None:
    assert Filter.of(dict(parse_qsl(asked.query(), keep_blank_values=True))) == asked


@given(WORDS, WORDS)
def test_no_value_stands_in_the_statement(value: str, text: str) -> None:
    asked = Filter(shard=f"«{value}»", rule=f"«{value}»", q=f"«{text}»", prompt=f"«{value}»")
    for sql, _ in (asked.sql("count(*)"), asked.page_sql()):
        assert "«" not in sql


def all_signals(home: Path) -> list[dict[str, Any]]:
    store = Store(home)
    return [
        {**row, "shard": shard}
        for shard in ("lectures-001", "lectures-002", "lectures-003")
        for row in store.rows(SIGNALS, shard)
    ]


@pytest.mark.parametrize(
    ("asked", "holds"),
    [
        ({"shard": "lectures-002"}, lambda row: row["shard"] == "lectures-002"),
        ({"shard": "lectures-002,lectures-003"}, lambda row: row["shard"] != "lectures-001"),
        (
            {"split": "preference", "language": "zh"},
            lambda row: (row["split"], row["language"]) == ("preference", "zh"),
        ),
        ({"model": "teacher-small"}, lambda row: row["author"] == "teacher-small"),
        ({"prompt": "write@77"}, lambda row: row["template"].startswith("write@77")),
        ({"rule": "segments.headings_match"}, lambda row: "segments.headings_match" in row["rules"]),
        ({"rule": "headings_match"}, lambda row: "segments.headings_match" in row["rules"]),
        ({"error": "factual"}, lambda row: "factual" in row["errors"]),
        ({"part": "length"}, lambda row: "length" in [part["part"] for part in row["parts"]]),
        ({"kind": "single"}, lambda row: row["kind"] == "single"),
        ({"q": "4b227777"}, lambda row: row["segment_id"].startswith("4b227777")),
        ({"decided": "no"}, lambda row: True),
        ({"decided": "yes"}, lambda row: False),
    ],
    ids=lambda value: "" if callable(value) else str(value),
)
def test_a_filter_finds_just_what_it_names(
    asked: dict[str, str], holds: Callable[[dict[str, Any]], bool], home: Path
) -> None:
    mark_one(home)
    tables, found = Tables(Store(home)), Filter.of(asked)
    wanted = {row["segment_id"] for row in all_signals(home) if holds(row)}
    rows = page_of(tables, found, Standings(), found_by(tables, found))
    assert {row["segment_id"] for row in rows} == wanted
    assert count_of(tables, found, Standings(), found_by(tables, found)) == len(wanted)
    tables.close()


def mark_one(home: Path) -> None:
    """Let one segment be named by a rule, of all that are drawn at random."""
    store = Store(home)
    rows = [
        {**row, "rules": ["segments.headings_match"]} if row["index"] == 2 else row
        for row in store.rows(SIGNALS, "lectures-001")
    ]
    store.write_table(SIGNALS, "lectures-001", rows)


@pytest.mark.parametrize("sort", list(ORDERS))
def test_every_order_can_be_paged_through_and_names_each_segment_once(sort: str, home: Path) -> None:
    tables, found, offset = Tables(Store(home)), list[dict[str, Any]](), 0
    many = [{**row, "segment_id": f"{row['segment_id']}{n}"} for n in range(5) for row in all_signals(home)]
    Store(home).write_table(SIGNALS, "lectures-001", many)
    while rows := page_of(tables, Filter(shard="lectures-001", sort=sort, offset=offset), Standings(), NOTHING):
        found += rows
        offset += AT_ONCE
    assert sorted(row["segment_id"] for row in found) == sorted(row["segment_id"] for row in many)
    key = sort.lstrip("-")
    if key not in ("id", "doubt"):
        by_id = {row["segment_id"]: row[key] for row in many}
        values = [by_id[row["segment_id"]] for row in found]
        known = [value for value in values if value is not None]
        assert values == [*sorted(known, reverse=sort.startswith("-")), *[None] * (len(values) - len(known))]
    tables.close()


def test_the_worst_come_first_and_the_text_is_found(client: TestClient, home: Path) -> None:
    worst = max(all_signals(home), key=lambda row: row["doubt"])
    page = client.get("/queue").text
    assert f'data-at="{worst["segment_id"]}"' in page
    assert "12 of" not in page
    texts = Store(home).read_table("segments", "lectures-001").column("text").to_pylist()
    text = next(text for text in texts if text.startswith("## Slide"))
    assert "1 segment" in client.get("/queue", params={"q": text[-60:]}).text
    sentence = re.search(r"[.\n] ?([A-Z]\w+(?: \w+){6})", text)
    assert sentence is not None
    for typed in (sentence[1], sentence[1].lower()):
        assert "1 segment" in client.get("/queue", params={"q": typed}).text
    assert "4 segments" in client.get("/queue", params={"q": "deck-0.pdf"}).text
    assert "No segment is as the filter asks." in client.get("/queue", params={"q": "100%_!"}).text


def test_the_filters_name_what_there_is_with_its_number(home: Path) -> None:
    tables = Tables(Store(home))
    found = choices(tables)
    assert [(each.value, each.segments) for each in found["shard"]] == [
        (f"lectures-00{number}", 16) for number in (1, 2, 3)
    ]
    assert sum(each.segments for each in found["split"]) == 48
    tables.close()


def test_a_segment_is_found_by_its_id_alone(client: TestClient, home: Path) -> None:
    row = min(all_signals(home), key=lambda row: row["doubt"])
    page = client.get(f"/queue?at={row['segment_id']}").text
    assert f'data-id="{row["segment_id"]}" data-shard="{row["shard"]}" data-seen' in page
    assert "it is gone, or its shard was never run" in client.get("/queue?at=0123456789abcdef-deck-000").text


def test_without_a_finished_shard_the_page_says_what_to_run(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    with TestClient(make_app(tmp_path / "home"), base_url=BASE) as client:
        answer = client.get("/")
        assert answer.status_code == 200
        assert "run `lwv demo`" in answer.text
        assert client.get("/queue/item/a-001/b-000").status_code == 404
        assert client.get("/queue/filters").status_code == 200


def test_a_shard_without_signals_is_still_shown_by_its_address(client: TestClient, home: Path) -> None:
    [row] = [row for row in all_signals(home) if row["shard"] == "lectures-002" and row["index"] == 0][:1]
    Store(home).table_path("signals", "lectures-002").unlink()
    page = client.get(f"/queue/item/lectures-002/{row['segment_id']}").text
    assert "`signals` has no row of it: materialise `signals` of lectures-002." in page


def test_an_older_table_is_shown_without_what_it_lacks_and_that_is_said(client: TestClient, home: Path) -> None:
    path = Store(home).table_path("signals", "lectures-001")
    pq.write_table(pq.read_table(path).drop_columns(["tokens", "rules"]), path)
    page = client.get("/queue")
    assert page.status_code == 200
    assert "`signals` of lectures-001 is of an older version, without tokens, rules: materialise it again" in page.text
    assert "48 segments" in page.text
    assert client.get("/queue?sort=-tokens").status_code == 200
    assert client.get("/queue?rule=segments.headings_match").status_code == 200
    row = all_signals_of(path)[0]
    assert client.get(f"/queue/item/lectures-001/{row['segment_id']}").status_code == 200
    for shard in ("lectures-002", "lectures-003"):
        other = Store(home).table_path("signals", shard)
        pq.write_table(pq.read_table(other).drop_columns(["tokens", "rules"]), other)
    assert client.get("/queue?sort=-tokens&rule=x").status_code == 200


def all_signals_of(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return found


@pytest.mark.parametrize("damage", [b"", b"PAR1", b"no parquet at all" * 100])
def test_a_damaged_table_is_left_out_and_named(damage: bytes, client: TestClient, home: Path) -> None:
    Store(home).table_path("signals", "lectures-001").write_bytes(damage)
    page = client.get("/queue")
    assert page.status_code == 200
    assert "Left out: `signals` of lectures-001 (it cannot be read" in page.text
    assert "32 segments" in page.text


def test_a_table_whose_column_has_another_type_is_left_out_and_named(client: TestClient, home: Path) -> None:
    path = Store(home).table_path("signals", "lectures-001")
    table = pq.read_table(path)
    pq.write_table(table.set_column(table.schema.get_field_index("doubt"), "doubt", pa.array(["x"] * len(table))), path)
    page = client.get("/queue")
    assert (page.status_code, "its column `doubt` is of another version" in page.text) == (200, True)


def test_tables_cut_in_the_middle_are_a_sentence(client: TestClient, home: Path) -> None:
    path = Store(home).table_path("signals", "lectures-001")
    row = next(row for row in all_signals(home) if row["shard"] == "lectures-002")
    data = path.read_bytes()
    middle = len(data) // 8
    path.write_bytes(data[:middle] + b"\xff" * middle + data[2 * middle :])
    answer = client.get("/queue")
    assert answer.status_code in (200, 503)
    if answer.status_code == 503:
        assert "A table cannot be read now" in answer.text
    segments = Store(home).table_path("segments", "lectures-002")
    segments.write_bytes(b"nothing")
    answer = client.get(f"/queue/item/lectures-002/{row['segment_id']}")
    assert answer.status_code in (404, 503)
    assert answer.json()["says"]


def test_a_missing_image_is_said_in_its_place(client: TestClient, home: Path) -> None:
    for path in (home / "images").rglob("*.jpg"):
        path.unlink()
    row = all_signals(home)[0]
    page = client.get(f"/queue/item/lectures-001/{row['segment_id']}").text
    assert "is not there: materialise `source_images` of lectures-001 again." in page
    assert "<img" not in page


def test_tables_that_are_replaced_while_one_looks_never_break_a_page(client: TestClient, home: Path) -> None:
    store, done = Store(home), threading.Event()
    rows = list(store.rows(SIGNALS, "lectures-001"))

    def replace() -> None:
        while not done.is_set():
            store.write_table(SIGNALS, "lectures-001", rows)
            gone = store.table_path("signals", "lectures-002")
            data = gone.read_bytes()
            gone.unlink()
            temporary = gone.with_suffix(".tmp")
            temporary.write_bytes(data)
            temporary.replace(gone)

    thread = threading.Thread(target=replace)
    thread.start()
    try:
        codes = [client.get("/queue?sort=words").status_code for _ in range(40)]
    finally:
        done.set()
        thread.join()
    assert set(codes) == {200}


def test_a_query_reads_nothing_but_the_tables(home: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    tables = Tables(Store(home))
    for sql in (
        f"SELECT * FROM read_csv('{secret}')",
        "SELECT * FROM read_parquet('http://127.0.0.1:9/x.parquet')",
        f"COPY (SELECT 1) TO '{tmp_path / 'out.csv'}'",
        "INSTALL httpfs",
        "SET enable_external_access=true",
        f"ATTACH '{tmp_path / 'x.db'}'",
    ):
        with pytest.raises(TablesError):
            tables.rows(sql)
    assert not (tmp_path / "out.csv").exists()
    tables.close()


def test_a_home_with_any_name_is_read(tmp_path: Path, home: Path) -> None:
    odd = tmp_path / "a 'home' [x]* ?;--é"
    home.rename(odd)
    tables = Tables(Store(odd))
    assert tables.rows("SELECT count(*) AS n FROM signals") == [{"n": 48}]
    assert [row["n"] for row in tables.rows("SELECT count(*) AS n FROM signals", shards=["lectures-001"])] == [16]
    assert tables.rows("SELECT count(*) AS n FROM preference_pairs") == [{"n": 0}]
    tables.close()


def test_the_command_says_why_it_cannot_serve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LWV_HOME", str(tmp_path / "none"))
    monkeypatch.delenv("LWV_LOOK_TOKEN", raising=False)
    assert run_look("0.0.0.0", 3001) == 2
    assert "set LWV_LOOK_TOKEN" in capsys.readouterr().err
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert run_look("127.0.0.1", port) == 2
        assert f"127.0.0.1:{port} cannot be listened on" in capsys.readouterr().err
    assert run_look("127.0.0.1", port) == 2
    assert "run `lwv demo`, or set LWV_HOME" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_the_command_serves_the_home(home: Path, served: Callable[[Path], str]) -> None:
    address = served(home)
    with urllib.request.urlopen(f"{address}/queue", timeout=20) as answer:
        assert "48" in answer.read().decode()
    request = urllib.request.Request(f"{address}/queue/decide", b"{}", {"content-type": "application/json"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=20)
    assert "is no verdict" in json.load(refused.value)["says"]


def test_a_damaged_shard_closes_its_own_segments_and_not_the_list(client: TestClient, home: Path) -> None:
    worst = client.get("/queue").text.partition('data-shard="')[2].partition('"')[0]
    path = Store(home).table_path("segments", worst)
    whole = path.read_bytes()
    path.write_bytes(b"no Parquet")
    try:
        page = client.get("/queue")
    finally:
        path.write_bytes(whole)
    assert page.status_code == 200
    assert worst in page.text and "materialise it again" in page.text
