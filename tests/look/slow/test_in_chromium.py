"""The queue in a real Chromium: ten corrections by keyboard alone, drafts, what is said when nothing can be saved, and
nothing that leaves or breaks out of the screen."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assets.corrected_segments.schema import CORRECTED_SEGMENTS
from assets.segments.schema import SEGMENTS
from assets.signals.schema import SIGNALS
from resources.decisions.decision import Decision
from resources.decisions.people import people_of
from resources.store import Store
from testing.chromium import ALT, CONTROL, Browser, browser, chromium
from tests.look.conftest import saved

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(chromium() is None, reason="no Chromium is installed"),
]
HOSTILE = "![](http://evil.example/a.png) <script>alert(1)</script> <img src=http://evil.example/b onerror=alert(2)> "
SAVED = "document.getElementById('status').textContent.startsWith('Saved')"


@pytest.fixture
def page() -> Iterator[Browser]:
    with browser() as found:
        found.screen(1440, 900)
        yield found


def open_queue(page: Browser, address: str, query: str = "") -> None:
    page.open(f"{address}/queue{query}")
    page.wait("document.querySelector('[data-says=drop]')?.textContent !== ''")


def name(page: Browser, who: str = "Li") -> None:
    """Answer who decides, which is asked once."""
    page.wait("document.getElementById('who').open")
    page.type(who)
    page.press("Enter")


def shown(page: Browser) -> str:
    found: str = page.run("document.getElementById('item').dataset.id")
    return found


def test_ten_corrections_in_a_row_by_keyboard_alone(
    page: Browser,
    home: Path,
    served: Callable[[Path], str],
) -> None:
    """Each: edit, type a sentence, name its kind, save and go on. The time is that of keys and answers, without that of
    a person's reading."""
    open_queue(page, served(home), "?split=sft&decided=no")
    ids, took = list[str](), list[float]()
    for number in range(10):
        ids.append(shown(page))
        started = time.perf_counter()
        page.press("e")
        page.wait("document.activeElement.classList.contains('box')")
        page.type(f" Sentence {number} is added.")
        page.press("2", ALT)
        page.press("Enter", CONTROL)
        if number == 0:
            name(page)
        page.wait(f"{SAVED} && document.getElementById('item').dataset.id !== '{ids[-1]}'")
        took.append(time.perf_counter() - started)
    print(f"ten corrections: {sum(took):.1f} s, the slowest {max(took):.2f} s")
    decisions = saved(home)
    assert [each.target for each in decisions] == ids
    for number, each in enumerate(decisions):
        assert (each.who, each.verdict, each.errors) == ("Li", "corrected", ("missing",))
        assert each.text.endswith(f" Sentence {number} is added.")
        assert each.text.startswith("## ")
        assert 0 < each.seconds < 60
    assert len(set(ids)) == 10
    assert page.said == []
    page.press("u")
    page.wait("document.getElementById('status').textContent.startsWith('Withdrawn')")
    assert shown(page) == ids[-1]
    assert saved(home)[-1].verdict == "withdrawn"


def test_keys_do_what_the_help_says(page: Browser, home: Path, served: Callable[[Path], str]) -> None:
    open_queue(page, served(home))
    first = shown(page)
    page.press("j")
    page.wait(f"document.getElementById('item').dataset.id !== '{first}'")
    second = shown(page)
    assert f"at={second}" in page.run("location.href")
    page.press("k")
    page.wait(f"document.getElementById('item').dataset.id === '{first}'")
    page.press("k")
    page.wait("document.getElementById('status').textContent === 'This is the first one.'")
    page.press("?")
    page.wait("document.getElementById('help').open")
    page.press("Escape")
    page.press("/")
    page.wait("document.activeElement.id === 'search'")
    page.type("deck-4.pdf")
    page.press("Enter")
    page.wait("location.search.includes('q=deck-4.pdf') && document.querySelectorAll('#list a').length === 4")
    target = shown(page)
    page.press("d")
    name(page)
    page.wait(SAVED)
    page.press("f")
    page.wait(f"{SAVED} && document.getElementById('status').textContent.includes('fine')")
    assert [(each.verdict, each.target == target) for each in saved(home)] == [("drop", True), ("fine", False)]
    assert page.said == []


def test_a_segment_that_its_address_names_is_decided_about_though_it_is_in_no_list(
    page: Browser, home: Path, served: Callable[[Path], str]
) -> None:
    address = served(home)
    row = next(row for row in Store(home).rows(SEGMENTS, "lectures-001") if row["split"] == "sft")
    open_queue(page, address, f"?shard=lectures-002&at={row['segment_id']}&in=lectures-001")
    assert shown(page) == row["segment_id"]
    page.press("d")
    name(page)
    page.wait(f"{SAVED} && document.getElementById('item').dataset.id !== '{row['segment_id']}'")
    assert [(each.target, each.verdict) for each in saved(home)] == [(row["segment_id"], "drop")]
    assert page.run("document.querySelectorAll('#list a')[0].dataset.id") == shown(page)
    assert page.said == []


def test_a_draft_outlives_its_tab_and_its_server(
    page: Browser,
    home: Path,
    served: Callable[[Path], str],
) -> None:
    address = served(home)
    open_queue(page, address)
    target = shown(page)
    page.press("e")
    page.type(" A draft <b>that</b> stays.")
    page.press("1", ALT)
    page.open("about:blank")
    open_queue(page, address)
    assert shown(page) == target
    assert page.run("document.querySelector('.box').value").endswith(" A draft <b>that</b> stays.")
    assert page.run("document.querySelector('[data-kind=factual]').ariaPressed") == "true"
    assert "which was not saved" in page.run("document.getElementById('status').textContent")


def test_a_text_stays_where_it_cannot_be_saved(
    page: Browser,
    home: Path,
    served: Callable[[Path], str],
) -> None:
    """Its segment is gone; its text changed; another decided meanwhile; the server is gone."""
    open_queue(page, served(home), "?split=sft")
    store, target, shard = Store(home), shown(page), page.run("document.getElementById('item').dataset.shard")
    rows = list(store.rows(SEGMENTS, shard))
    page.press("e")
    page.type(" Mine.")
    page.press("2", ALT)

    def save(says: str) -> None:
        page.run("document.getElementById('status').textContent = ''")
        page.press("Enter", CONTROL)
        page.wait(f"document.getElementById('status').textContent.includes({says!r})")
        assert page.run("document.querySelector('.box').value").endswith(" Mine.")
        assert shown(page) == target

    page.press("Enter", CONTROL)
    store.write_table(SEGMENTS, shard, [row for row in rows if row["segment_id"] != target])
    name(page)
    page.wait("document.getElementById('status').textContent.includes('it is gone')")
    store.write_table(SEGMENTS, shard, [{**row, "text": f"{row['text']} Anew."} for row in rows])
    save("has changed since you were shown it")
    store.write_table(SEGMENTS, shard, rows)
    seen = page.run("document.getElementById('item').dataset.seen")
    with people_of(home) as people:
        people.append([Decision("Wei", time.time(), "segment", target, seen, "drop")])
    save("Wei decided on this meanwhile: drop.")
    assert [each.who for each in saved(home)] == ["Wei"]
    page.press("Enter", CONTROL)  # having read that
    page.wait(f"{SAVED} && document.getElementById('item').dataset.id !== '{target}'")
    assert [each.who for each in saved(home)] == ["Wei", "Li"]


def test_a_text_stays_where_the_server_has_gone(page: Browser, home: Path, served: Callable[[Path], str]) -> None:
    open_queue(page, served(home), "?split=sft")
    page.press("e")
    page.type(" Mine.")
    page.press("2", ALT)
    page.run("localStorage.setItem('lwv look who', 'Li')")
    page.send("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=-1, uploadThroughput=-1)
    page.press("Enter", CONTROL)
    page.wait("document.getElementById('status').textContent.includes('Your text is still here.')")
    assert page.run("document.querySelector('.box').value").endswith(" Mine.")
    page.send("Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=-1)
    page.press("Enter", CONTROL)
    page.wait(SAVED)
    assert saved(home)[0].text.endswith(" Mine.")


def make_hostile(home: Path) -> None:
    """Texts of models, and a person's, that try to get out; long words, long names, Chinese."""
    store, long = Store(home), "unbroken" * 60
    for shard in ("lectures-002", "lectures-003"):
        for table, columns in ((SEGMENTS, ("text", "author")), (CORRECTED_SEGMENTS, ("original", "text", "reason"))):
            rows: list[Any] = list(store.rows(table, shard))  # type: ignore[arg-type]
            texts = [{name: f"{HOSTILE}{row[name]} {long} 桥梁" for name in columns} for row in rows]
            store.write_table(table, shard, [{**row, **text} for row, text in zip(rows, texts, strict=True)])
        part: Any = {"part": "numbers", "points": 60, "why": f"{HOSTILE}{long}"}
        signals = [
            {**row, "author": HOSTILE + long, "rules": [HOSTILE + long], "doubt": 60, "parts": [part]}
            for row in store.rows(SIGNALS, shard)
        ]
        store.write_table(SIGNALS, shard, signals)
    about = ("segment", signals[0]["segment_id"], "0" * 64)
    made = Decision(HOSTILE, 1.0, *about, "corrected", HOSTILE + long, ("factual",))
    with people_of(home) as people:
        people.append([made, replace(made, who=long, at=2.0)])


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (768, 1024), (390, 844)])
def test_nothing_leaves_nothing_is_wider_than_the_screen_and_nothing_is_complained_of(
    width: int,
    height: int,
    dark: bool,
    page: Browser,
    home: Path,
    served: Callable[[Path], str],
) -> None:
    make_hostile(home)
    address = served(home)
    page.screen(width, height, dark)
    for query in ("", "?q=evil", "?shard=none", "?rule=x"):
        page.open(f"{address}/queue{query}")
        page.wait("document.readyState === 'complete'")
        assert page.too_wide == 0, query
    open_queue(page, address)
    for _ in range(3):
        page.press("j")
        page.press("e")
        page.type("x")
        page.press("Escape")
        assert page.too_wide == 0
    page.run("document.getElementById('filters').open = true")
    page.wait("document.querySelector('#filters select')")
    assert page.too_wide == 0
    assert page.run("document.querySelectorAll('#item img').length") == 1
    assert page.said == []
    assert [asked for asked in page.asked if not asked.startswith((address, "about:"))] == []
