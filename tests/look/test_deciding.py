"""A decision made in the browser: refused in the words of `lwv annotate import`, foretold, saved once, never lost."""

import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from assets.corrected_segments.schema import CORRECTED_SEGMENTS
from assets.segments.schema import SEGMENTS
from lwv_dagster.annotate.importing import take
from lwv_dagster.look.app import make_app
from lwv_dagster.look.deciding import CHANGED
from resources.ledger import Ledger
from resources.store import Store
from testing.rows import english
from tests.look.conftest import BASE, post, saved, shown

OTHER = english("other", 60)
Rows = Callable[[str], list[dict[str, Any]]]


def correction(client: TestClient, row: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        **shown(client, row),
        "verdict": "corrected",
        "text": f"{row['text']} And that is all.",
        "errors": ["missing"],
        **more,
    }


def test_what_is_saved_is_what_was_sent_and_it_is_said_what_it_does(client: TestClient, home: Path, rows: Rows) -> None:
    edited = {
        each["segment_id"]
        for shard in ("lectures-002", "lectures-003")
        for each in Store(home).rows(CORRECTED_SEGMENTS, shard)
        if each["edited"]
    }
    row = next(row for row in rows("preference") if row["segment_id"] not in edited)
    line = correction(client, row, reason="The page says more.", seconds=12.5)
    code, foreseen = post(client, "foresee", line)
    assert code == 200
    assert foreseen["says"].startswith("Rows that are trained on: ")
    assert " new" in foreseen["says"]
    assert saved(home) == []
    code, answer = post(client, "decide", line)
    assert (code, answer["says"], answer["decided"]) == (200, foreseen["says"], True)
    [decision] = saved(home)
    for name in ("who", "target", "seen", "verdict", "text", "reason", "seconds"):
        assert getattr(decision, name) == line[name]
    assert decision.errors == ("missing",)
    page = client.get(f"/queue/item/{row['shard']}/{row['segment_id']}").text
    assert "counts" in page and "And that is all." in page


def test_the_same_decision_twice_is_one(client: TestClient, home: Path, rows: Rows) -> None:
    line = correction(client, rows("sft")[0])
    assert post(client, "decide", line)[0] == 200
    code, answer = post(client, "decide", line)
    assert (code, answer["says"]) == (200, "This was saved before: nothing changes.")
    assert len(saved(home)) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"text": ""},
        {"text": "The heading is gone."},
        {"text": "word " * 40_000},
        {"text": "x" * 500_000},
        {"errors": []},
        {"errors": ["unheard-of"]},
        {"verdict": "accept"},
        {"target": "0123456789abcdef-deck-000"},
        {"who": ""},
        {"who": "a\nb"},
        {"seen": "none"},
        {"errors": "missing"},
        {"seconds": "long"},
        {"verdict": "corrected", "text": None},
    ],
    ids=str,
)
def test_what_a_file_may_not_bring_a_page_may_not_either(
    change: dict[str, Any], client: TestClient, home: Path, rows: Rows, tmp_path: Path
) -> None:
    """In the same words."""
    import json

    line = {**correction(client, rows("preference")[0]), **change}
    code, answer = post(client, "decide", line)
    assert code == 422
    file = tmp_path / "lines.jsonl"
    file.write_text(json.dumps(line))
    assert [f"Line 1: {answer['says']}"] == take(Store(home), file, []).refused
    assert saved(home) == []


def test_a_text_equal_to_the_original_and_one_that_is_held_out_are_refused(client: TestClient, rows: Rows) -> None:
    row = next(row for row in rows("sft"))
    code, answer = post(client, "decide", correction(client, row, text=row["text"]))
    assert (code, "is the original" in answer["says"]) == (422, True)
    held = rows("benchmark")[0]
    code, answer = post(client, "decide", correction(client, held))
    assert (code, "held out for the benchmark" in answer["says"]) == (422, True)


@pytest.mark.parametrize("shard", ["../tables/x", "/etc", "", "lectures-009", "a\0b", ".", 5, None, "x" * 5000])
def test_a_shard_that_is_none_is_a_segment_that_is_gone(shard: object, client: TestClient, rows: Rows) -> None:
    code, answer = post(client, "decide", correction(client, rows("sft")[0], shard=shard))
    assert (code, "it is gone, or its shard was never run" in answer["says"]) == (422, True)


def test_a_text_that_changed_since_it_was_shown_is_not_decided_about(
    client: TestClient, home: Path, rows: Rows
) -> None:
    row = rows("sft")[0]
    line, store = correction(client, row), Store(home)
    changed = [
        {**each, "text": f"{each['text']} Anew."} if each["segment_id"] == row["segment_id"] else each
        for each in store.rows(SEGMENTS, row["shard"])
    ]
    store.write_table(SEGMENTS, row["shard"], changed)
    assert post(client, "decide", line) == (422, {"says": CHANGED, "known": "", "taken": False})
    assert saved(home) == []


def test_who_has_not_seen_what_another_decided_is_told_before_anything_is_saved(
    client: TestClient, home: Path, rows: Rows
) -> None:
    row = rows("preference")[0]
    mine, theirs = correction(client, row), correction(client, row, who="Wei", text=f"{row['text']} {OTHER}")
    assert post(client, "decide", theirs)[0] == 200
    code, answer = post(client, "decide", mine)
    assert code == 409
    assert answer["says"].startswith("Wei decided on this meanwhile: corrected.")
    assert len(saved(home)) == 1
    code, answer = post(client, "decide", {**mine, "known": answer["known"]})
    assert (code, answer["contested"]) == (
        200,
        "Wei and Li differ: the critic's version stays until a third decides.",
    )
    page = client.get(f"/queue/item/{row['shard']}/{row['segment_id']}").text
    assert "Contested: two people differ" in page
    assert row["segment_id"] in client.get("/queue?decided=contested").text
    assert row["segment_id"] in client.get("/queue?decided=no&split=preference").text
    third = {**correction(client, row, who="Ann"), "text": f"{row['text']} {OTHER}"}
    assert post(client, "decide", third)[1]["decided"]
    assert row["segment_id"] in client.get("/queue?decided=yes").text


def test_many_people_at_the_same_page_at_once_lose_nothing(client: TestClient, home: Path, rows: Rows) -> None:
    row = rows("sft")[0]
    lines = [correction(client, row, who=f"p{number}", text=f"{row['text']} {number}.") for number in range(6)]

    def save(line: dict[str, Any]) -> None:
        code, answer = post(client, "decide", line)
        while code == 409:
            code, answer = post(client, "decide", {**line, "known": answer["known"]})
        assert code == 200, answer

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(save, lines))
    assert {each.who: each.text for each in saved(home)} == {line["who"]: line["text"] for line in lines}


def test_what_is_withdrawn_is_undecided_again(client: TestClient, home: Path, rows: Rows) -> None:
    row = rows("preference")[0]
    before = client.get(f"/queue/item/{row['shard']}/{row['segment_id']}").text
    line = {**shown(client, row), "verdict": "drop"}
    assert post(client, "decide", line)[1]["decided"]
    code, answer = post(client, "decide", {**line, "verdict": "withdrawn"})
    assert (code, answer["decided"]) == (200, False)
    assert [each.verdict for each in saved(home)] == ["drop", "withdrawn"]
    assert row["segment_id"] not in client.get("/queue?decided=yes").text
    assert before.count("counts") == client.get(f"/queue/item/{row['shard']}/{row['segment_id']}").text.count("counts")


def test_a_decision_made_elsewhere_is_seen_at_once_and_a_stale_one_is_listed(
    client: TestClient, home: Path, rows: Rows
) -> None:
    row = rows("preference")[0]
    assert row["segment_id"] not in client.get("/queue?decided=yes").text
    with TestClient(make_app(home), base_url=BASE) as other:
        assert post(other, "decide", correction(other, row))[0] == 200
    assert row["segment_id"] in client.get("/queue?decided=yes").text
    store = Store(home)
    anew = [
        {**each, "original": f"{each['original']} Anew.", "text": f"{each['text']} Anew."}
        for each in store.rows(CORRECTED_SEGMENTS, row["shard"])
    ]
    store.write_table(CORRECTED_SEGMENTS, row["shard"], anew)
    assert row["segment_id"] in client.get("/queue?decided=stale").text
    assert "it is listed and not applied" in client.get(f"/queue/item/{row['shard']}/{row['segment_id']}").text


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of 4 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a disk here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(path: Path) -> None:
    """Write until the disk is full."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"0" * 4096)


def test_a_full_disk_is_said_and_nothing_is_taken_for_saved(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch, home: Path, rows: Rows
) -> None:
    import shutil

    there = small_disk / "home"
    shutil.copytree(home, there)
    with TestClient(make_app(there), base_url=BASE, raise_server_exceptions=False) as client:
        line = correction(client, rows("sft")[0])
        Ledger.at(there).close()
        fill(small_disk / "filler")
        code, answer = post(client, "decide", {**line, "text": line["text"] + " word" * 7000})
        assert (code, "is full: free some space" in answer["says"]) == (503, True)
        (small_disk / "filler").unlink()
        assert saved(there) == []
        assert post(client, "decide", line)[0] == 200
    assert [each.text for each in saved(there)] == [line["text"]]


def test_a_locked_database_is_said(client: TestClient, home: Path, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    line = correction(client, rows("sft")[0])
    assert post(client, "decide", {**line, "verdict": "drop"})[0] == 200
    client.app.state.look.standing.people()._ledger._engine.dispose()  # type: ignore[attr-defined]
    monkeypatch.setattr("resources.ledger._sqlite_pragmas", lambda *_: None)
    other = sqlite3.connect(home / "calls.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    code, answer = post(client, "decide", line)
    other.execute("ROLLBACK")
    other.close()
    assert code == 503, answer
    assert "is held by another process" in answer["says"] or code == 200


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b"[" * 100_000, b"null"])
def test_what_is_no_json_object_is_refused_with_a_sentence(body: bytes, client: TestClient) -> None:
    answer = client.post("/queue/decide", content=body)
    assert answer.status_code == 400
    assert answer.json()["says"].startswith("What was sent is no JSON")


def test_looking_makes_no_ledger(client: TestClient, home: Path) -> None:
    assert client.get("/queue").status_code == 200
    assert not (home / "calls.db").exists()


def test_a_ledger_that_is_replaced_while_one_looks_gets_the_decisions_and_not_the_file_that_is_gone(
    client: TestClient, home: Path, rows: Rows, tmp_path: Path
) -> None:
    """As after the advice to move a broken ledger away, or to restore it from a backup."""
    first, second = rows("sft")[:2]
    assert post(client, "decide", correction(client, first))[0] == 200
    for path in home.glob("calls.db*"):
        path.rename(tmp_path / path.name)
    line = correction(client, second)
    assert post(client, "decide", line)[0] == 200
    assert [each.target for each in saved(home)] == [line["target"]]
    assert len(saved(tmp_path)) == 1


def test_half_a_character_is_no_text(client: TestClient, home: Path, rows: Rows) -> None:
    line = correction(client, rows("sft")[0], target="a\ud800b")
    assert post(client, "decide", line)[0] == 400
    assert saved(home) == []


def test_one_sent_many_times_at_once_is_saved_once(client: TestClient, home: Path, rows: Rows) -> None:
    line = correction(client, rows("sft")[0])
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda _: post(client, "decide", line)[0], range(8)))
    assert set(codes) == {200}
    assert len(saved(home)) == 1
