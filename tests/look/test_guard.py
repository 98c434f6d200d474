"""Nothing leaves the app and nobody comes in from elsewhere: its headers, addresses, tokens, and what models wrote."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from assets.segments.schema import SEGMENTS
from assets.signals.schema import SIGNALS
from assets.source_images.schema import SOURCE_IMAGES
from lwv_dagster.look.app import make_app
from lwv_dagster.look.security import COOKIE, POLICY, is_loopback
from lwv_dagster.look.serving import fault_of
from resources.decisions.decision import Decision
from resources.decisions.people import people_of
from resources.store import Store
from tests.look.conftest import BASE, post, saved, shown

TOKEN = "a-token-of-some-length"
HOSTILE = (
    '<script>alert(1)</script> ![](http://evil.example/a.png) <img src="http://evil.example/b" onerror=x> '
    '\u202egnp.exe {{ 7 * 7 }} " onmouseover="x\' </textarea><b> javascript:x'
)
ADDRESSES = (
    "/",
    "/queue",
    "/queue?q=x",
    "/queue/filters",
    "/nothing",
    "/static/look.css",
    "/static/queue.js",
    "/image/x",
)


def test_every_answer_forbids_what_is_not_of_the_app(client: TestClient) -> None:
    for address in ADDRESSES:
        headers = client.get(address, follow_redirects=False).headers
        assert headers["content-security-policy"] == POLICY
        assert headers["x-content-type-options"] == "nosniff"
    assert "unsafe" not in POLICY
    assert "http" not in POLICY


def test_no_page_has_what_the_policy_forbids_or_names_another_host(client: TestClient) -> None:
    for address in ("/queue", "/queue/filters", "/nothing", "/queue?shard=none"):
        page = client.get(address).text
        assert not re.findall(r"<script(?! src=\"/static/)|<style|\sstyle=|\son[a-z]+=|javascript:", page)
        assert not re.findall(r"(?:src|href|action)=\"(?!/)", page)
    static = Path(make_app.__code__.co_filename).parent / "static"
    for file in static.iterdir():
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in text and "https:" not in text and "//cdn" not in text


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:3001", "127.0.0.1.evil.example", "", "[::1", "localhost.evil"]
)
def test_another_name_that_leads_here_is_refused(host: str, client: TestClient) -> None:
    assert client.get("/queue", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["127.0.0.1:3001", "localhost", "localhost:3001", "[::1]:3001", "LOCALHOST"])
def test_the_names_of_this_machine_are_known(host: str, client: TestClient) -> None:
    assert client.get("/queue", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
    ids=str,
)
def test_what_another_site_sends_is_not_saved(
    headers: dict[str, str], client: TestClient, home: Path, rows: Callable[[str], list[dict[str, Any]]]
) -> None:
    line = {**shown(client, rows("sft")[0]), "verdict": "drop"}
    assert client.post("/queue/decide", json=line, headers=headers).status_code == 403
    assert saved(home) == []
    assert client.post("/queue/decide", json=line, headers={"origin": BASE}).status_code == 200


def test_too_large_a_body_is_refused_before_it_is_read(client: TestClient) -> None:
    assert client.post("/queue/decide", content=b"x" * 4_000_001).status_code == 413
    assert client.post("/queue/decide", content=iter([b"{", b"}"])).status_code == 413


@pytest.fixture
def outside(home: Path) -> Iterator[TestClient]:
    """The app as it is served to other machines, with a token."""
    with TestClient(make_app(home, None, TOKEN), base_url="http://factory.example:3001") as found:
        yield found


def test_without_the_token_nothing_is_shown(outside: TestClient) -> None:
    for address in ADDRESSES:
        answer = outside.get(address, follow_redirects=False)
        assert answer.status_code in (401, 403)
        assert "deck" not in answer.text
    assert outside.get("/queue", cookies={COOKIE: "0" * 64}).status_code == 401
    assert outside.get("/queue", cookies={COOKIE: TOKEN}).status_code == 401
    assert outside.get("/queue", headers={b"cookie": f"{COOKIE}=ä".encode()}).status_code == 401
    assert outside.post("/enter", data={"token": "wrong"}).status_code == 401
    assert outside.post("/enter", content=b"token=\xff\xfe").status_code == 401


def test_the_token_is_given_once_and_stands_in_no_cookie_and_no_page(outside: TestClient) -> None:
    answer = outside.post("/enter", data={"token": TOKEN}, follow_redirects=False)
    assert answer.status_code == 303
    assert TOKEN not in answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict"} <= set(answer.headers["set-cookie"].split("; "))
    page = outside.get("/queue")
    assert page.status_code == 200
    assert TOKEN not in page.text


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.4", "::", "factory.example", "127.0.0.1.evil.example"])
def test_it_is_served_to_others_only_with_a_long_token(host: str) -> None:
    assert "set LWV_LOOK_TOKEN" in fault_of(host, "")
    assert "at least 16 are needed" in fault_of(host, "short")
    assert fault_of(host, TOKEN) == ""
    assert not is_loopback(host)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.3.2.1"])
def test_on_this_machine_alone_no_token_is_needed(host: str) -> None:
    assert fault_of(host, "") == ""


@pytest.mark.parametrize(
    "name", ["../calls.db", "..%2F..%2Fcalls.db", "a" * 64, "A" * 64, "x", "%00", "secret", f"{'a' * 64}.jpg"]
)
def test_no_file_but_a_stored_image_is_served(name: str, client: TestClient, home: Path) -> None:
    (home / "calls.db").write_text("secret")
    (home / "images" / "se").mkdir()
    (home / "images" / "se" / "secret.jpg").write_text("secret")
    answer = client.get(f"/image/{name}")
    assert answer.status_code == 404
    assert "secret" not in answer.text
    assert client.get(f"/static/{name}").status_code == 404


def test_an_image_is_served_as_what_it_is_and_kept_for_good(client: TestClient, home: Path) -> None:
    path = next((home / "images").rglob("*.jpg"))
    answer = client.get(f"/image/{path.stem}")
    assert answer.content == path.read_bytes()
    assert answer.headers["content-type"] == "image/jpeg"
    assert "immutable" in answer.headers["cache-control"]


def test_what_models_files_and_people_say_is_shown_as_text(
    client: TestClient, home: Path, rows: Callable[[str], list[dict[str, Any]]]
) -> None:
    """Texts, file names, shards, models, rules, reasons of doubt, names and reasons of people."""
    store, row = Store(home), rows("sft")[0]
    shard = row["shard"]
    mine = [{**each, "text": HOSTILE, "author": HOSTILE} for each in store.rows(SEGMENTS, shard)]
    store.write_table(SEGMENTS, shard, mine)
    part = {"part": "numbers", "points": 99, "why": HOSTILE}
    signals = [
        {**each, "author": HOSTILE, "template": HOSTILE, "rules": [HOSTILE], "doubt": 99, "parts": [part]}
        for each in store.rows(SIGNALS, shard)
    ]
    store.write_table(SIGNALS, shard, signals)
    pages = [{**each, "source_path": HOSTILE} for each in store.rows(SOURCE_IMAGES, shard)]
    store.write_table(SOURCE_IMAGES, shard, pages)
    line = shown(client, row)
    decision = Decision(
        HOSTILE, 1.0, "segment", row["segment_id"], line["seen"], "corrected", HOSTILE, (HOSTILE,), HOSTILE
    )
    with people_of(home) as people:
        people.append([decision, replace(decision, at=2.0, who="other")])
    for address in (
        f"/queue/item/{shard}/{row['segment_id']}",
        f"/queue?at={row['segment_id']}&in={shard}",
        "/queue/filters",
        "/queue",
    ):
        page = client.get(address)
        assert page.status_code == 200
        assert "evil.example" in page.text, address  # it is shown
        assert "{{ 7 * 7 }}" in page.text, address
        for found in ("<script>alert", '<img src="http', "<b> javascript", "\u202e"):
            read = re.sub(r'<textarea.*?</textarea>|(?:data-\w+|value)="[^"]*"', "", page.text, flags=re.DOTALL)
            assert found not in (read if found == "\u202e" else page.text), (address, found)
        tags = re.findall(r"<[^>]*>", page.text)
        assert not [tag for tag in tags if re.search(r"\son\w+=", re.sub(r'"[^"]*"', "", tag))]
    changes = post(client, "foresee", {**line, "verdict": "corrected", "text": HOSTILE, "against": "a"})[1]["changes"]
    assert "<script>" not in changes and "<img" not in changes and "&lt;script&gt;" in changes


def test_an_address_may_hold_anything(client: TestClient) -> None:
    from urllib.parse import quote

    for value in (
        HOSTILE,
        "' OR 1=1 --",
        "%",
        "_",
        "!",
        "\0",
        "💥",
        "a" * 5000,
        "'; DROP VIEW signals; --",
        "$shard",
        "?",
    ):
        for name in ("shard", "q", "rule", "sort", "offset", "decided", "at", "in", "prompt", "part"):
            answer = client.get(f"/queue?{name}={quote(value)}")
            assert answer.status_code in (200, 404), (name, value, answer.text)
            assert "<script>alert" not in answer.text
