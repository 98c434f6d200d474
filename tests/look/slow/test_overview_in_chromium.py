"""The overview and what it leads to in a real Chromium: every width and shade, nothing leaves, two clicks to a row."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from assets.quality.outcome import Outcome, Rule, Violation
from assets.quality.report import write_report
from assets.quality_report.overview import TITLES, Overview
from assets.quality_report.page import render_page
from resources.store import Store
from testing.chromium import Browser, browser, chromium
from testing.look_home import Size, write_look_home
from testing.overview_home import add_overview

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(chromium() is None, reason="no Chromium is installed"),
]
HOSTILE = "![](http://evil.example/a.png) <script>alert(1)</script> <img src=http://evil.example/b onerror=alert(2)> "
ADDRESSES = ("/overview", "/violations?check=long_outputs.length_near", "/losses?step=long_outputs")
FILLED = "!document.querySelector('[data-part] p.faint > a')"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("seen")
    write_look_home(folder, Size(documents=60, pages=4, in_shard=10, images=3))
    store = Store(folder)
    add_overview(store)
    bad = [Violation(HOSTILE + "x" * 200, HOSTILE)]
    write_report(
        store,
        "segments",
        "lectures-001",
        [Rule("ids_unique", "")],
        [Outcome("ids_unique", False, {}, HOSTILE, bad)],
        1,
        0,
    )
    return folder


@pytest.fixture
def page() -> Iterator[Browser]:
    with browser() as found:
        yield found


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_no_page_is_wider_than_its_screen_says_an_error_or_asks_for_anything_outside(
    page: Browser, home: Path, served: Callable[[Path], str], width: int, dark: bool
) -> None:
    address = served(home)
    page.screen(width, 900, dark)
    for each in (*ADDRESSES, "/violations?check=segments.ids_unique"):
        page.open(address + each)
        page.wait(FILLED)
        assert page.too_wide == 0, each
    assert page.said == []
    assert [asked for asked in page.asked if not asked.startswith(address)] == []


def test_from_a_cell_of_a_failed_rule_two_clicks_lead_to_a_row_in_the_queue(
    page: Browser, home: Path, served: Callable[[Path], str]
) -> None:
    page.screen(1440, 900)
    page.open(f"{served(home)}/overview")
    cell = "document.querySelector('.ov-strip a[href*=\"signals.headings_kept\"]')"
    page.run(f"{cell}.dispatchEvent(new MouseEvent('click', {{bubbles: true}}))")
    page.wait("document.querySelectorAll('.vi-page').length > 0 && document.querySelector('.vi-page').naturalWidth > 0")
    page.run("document.querySelector('.vi-card a[href*=\"/queue\"]').click()")
    page.wait("document.getElementById('item')?.dataset.id")


def test_the_mailed_page_is_one_file_that_asks_for_nothing(page: Browser, home: Path, tmp_path: Path) -> None:
    parts = {TITLES[name]: part for name, part in Overview(Store(home), linked=False).all().items()}
    file = tmp_path / "index.html"
    file.write_text(render_page([HOSTILE], parts, [], HOSTILE, []))
    for width in (1440, 390):
        page.screen(width, 900)
        page.open(file.as_uri())
        assert page.too_wide == 0
    assert page.said == [] and {*page.asked} == {file.as_uri()}
