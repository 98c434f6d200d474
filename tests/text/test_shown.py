"""Whatever a file is called and a model says: what is kept and shown has no control character and no foreign markup."""

import io
import json
import re
import unicodedata
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.text import Text

from assets.quality.quarantine import quarantine_of, write_quarantine
from assets.quality_report.page import render_page
from assets.source_images.schema import SOURCE_IMAGES
from lwv_dagster import terminal
from lwv_dagster.release.card import _table
from resources.store import Store
from resources.text.shown import clean_text, in_line, markdown, number_of, visible

NASTY = [
    "\x1b[31mred\x1b]0;title\x07.png",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "![x](http://example.org/pixel.png)",
    "[click](javascript:alert(1))",
    "`code` | cell | **bold** __under__ ~~gone~~ $x^2$ &lt;b&gt; <b>",
    "https://example.org/ www.example.org <https://example.org>",
    "invoice\u202egpj.exe \u2066isolated\u2069",
    "nul\x00 half\ud83d del\x7f c1\x9b31m",
    "two\r\nlines\rand\x0bmore\x0c\x85end",
    "a\\|b \\` \\\\",
    "[red]markup[/] [/x] :smile: [link=http://x]y[/link]",
    "# heading\n\n- item\n\n> quote\n\n```\nfence\n```\n\n<div>",
    "| a | b |\n|---|---|\n| c | d |",
]
pieces = st.one_of(
    st.sampled_from(NASTY), st.text(max_size=20), st.text("`|*_<>[]()!\\&;~$:/.w \n\x1b\x9b", max_size=20)
)
outside = st.lists(pieces, min_size=1, max_size=4).map("".join)
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")


@given(outside)
def test_what_is_kept_has_no_control_character_and_can_be_written_anywhere(text: str) -> None:
    kept = clean_text(text)
    assert CONTROL.search(kept) is None
    kept.encode()
    assert clean_text(kept) == kept
    letters = [letter for letter in text if unicodedata.category(letter)[0] != "C"]
    assert Counter(letters) - Counter(kept) == Counter()  # nothing else is lost


@given(outside)
def test_what_is_shown_stands_in_one_line_and_turns_nothing_around(text: str) -> None:
    assert CONTROL.search(visible(text)) is DIRECTION.search(visible(text)) is None
    assert CONTROL.search(in_line(text)) is re.search("[\n\t]", in_line(text)) is None


def test_halves_that_belong_together_become_the_character_that_they_are() -> None:
    assert clean_text("\ud83d\ude00 and \ud83d") == "\U0001f600 and \ufffd"


@given(outside)
def test_markdown_says_the_text_and_nothing_more(text: str) -> None:
    parser = MarkdownIt("gfm-like", {"linkify": False})
    table = _table(("what", "rows"), [(text, 3), ("last", 1)])
    tokens = parser.parse(table)
    assert Counter(token.type for token in tokens) == Counter(
        token.type for token in parser.parse(_table(("what", "rows"), [("x", 3), ("last", 1)]))
    )
    inner = [token for token in tokens if token.type == "inline"][2]
    assert {child.type for child in inner.children or ()} <= {"text", "text_special"}
    assert "".join(child.content for child in inner.children or ()) == in_line(text).strip()


class Elements(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[Any] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        self.text += data


def page(text: str) -> Elements:
    row: Any = {"step": "s", "shard": text, "item": text, "document_id": "", "example_id": "", "reason": text}
    row["source"] = text
    found = Elements()
    source_file: Any = {"path": text, "bytes": 1, "became": "refused", "why": text}
    found.feed(render_page([text], {}, [row], text, [source_file]))
    return found


@given(outside)
def test_the_page_has_no_element_that_we_did_not_write(text: str) -> None:
    found = page(text)
    assert found.elements == page("x").elements
    assert CONTROL.search(found.text) is DIRECTION.search(found.text) is None


@given(outside.filter(lambda text: "\\[" not in text and not text.endswith("\\")))  # rich takes these for its own
def test_the_terminal_shows_the_text_and_obeys_nothing_in_it(text: str) -> None:
    console = terminal._Console(file=io.StringIO(), force_terminal=True, width=10_000, highlight=False, emoji=False)
    shown = console.render_str(f"[bold]{terminal.escape(text)}[/]")
    assert isinstance(shown, Text) and shown.plain == visible(text)
    assert {span.style for span in shown.spans} <= {"bold"}
    console.print(text, markup=False, soft_wrap=True)
    assert CONTROL.search(console.file.getvalue()) is None  # type: ignore[attr-defined]


@settings(max_examples=20, deadline=None)
@given(name=outside, reason=outside)
def test_tables_hold_names_and_texts_that_every_reader_takes(
    name: str, reason: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = Store(tmp_path_factory.mktemp("home"))
    write_quarantine(
        store, "segments", "a-001", [{"item": name, "document_id": "d", "example_id": "", "reason": reason}]
    )
    (row,) = store.rows(quarantine_of("segments"), "a-001")
    assert (row["item"], row["reason"]) == (in_line(name), in_line(reason))
    store.write_table(SOURCE_IMAGES, "a-001", [{"source_path": name, "ocr_text": reason}])  # type: ignore[list-item]
    table = pq.read_table(store.table_path("source_images", "a-001"))
    assert table.to_pylist()[0]["ocr_text"] == clean_text(reason)
    store.write_json(store.home / "any.json", {"name": name})
    json.loads((store.home / "any.json").read_text(encoding="utf-8"))


def test_markdown_of_ordinary_names_stays_readable() -> None:
    for name in ("Qwen/Qwen2.5-VL-7B-Instruct", "CC-BY-SA-4.0", "long_outputs.quarantine_share", "write@1a2b3c4d"):
        assert markdown(name) == name


def test_a_folder_of_nasty_names_is_read_and_no_name_reaches_a_table_as_it_is(factory: Any) -> None:
    """Real files: what a file system takes."""
    from tests.conftest import draw_page

    names = ["\x1b[31mred\x1b[0m line\nbreak.png", "<script>gpj\u202e[red]x[] \x9b1m.png"]
    for number, name in enumerate(names):
        draw_page(factory.sources / "odd" / name, ("Rivers begin in springs", "Bread rises in an hour")[number])
    (factory.sources / "odd" / "broken\x1b]0;t\x07.png").write_text("no picture")
    (shard,) = factory.scan()
    came = factory.run("shard_job", shard, assets=["source_images"])
    assert came.success
    shown = [row["source_path"] for row in factory.store.rows(SOURCE_IMAGES, shard)]
    assert len(shown) == len(names)
    (aside,) = factory.store.rows(quarantine_of("source_images"), shard)
    events = "".join(
        str(record.event_log_entry.user_message) + str(record.event_log_entry.dagster_event)
        for record in factory.instance.get_records_for_run(came.run_id).records
    )
    for text in (*shown, aside["item"], aside["reason"], events):
        assert CONTROL.search(text) is None
    assert not (Path(factory.home) / "odd").exists()


def test_one_of_a_kind_is_no_plural() -> None:
    assert [number_of(count, "file") for count in (0, 1, 2, 1200)] == ["0 files", "1 file", "2 files", "1,200 files"]
