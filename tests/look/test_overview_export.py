"""Segments and overview as files that can be mailed: they ask for nothing, hold what the filter asks, escape texts."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from assets.segments.schema import SEGMENTS
from lwv_dagster.cli import main
from lwv_dagster.look.mailed_samples import MOST, WordError, filter_of
from resources.store import Store
from testing.look_home import Size, write_look_home

OUTSIDE = re.compile(r"""(?:src|href)\s*=(?!\s*["']?data:)|url\(|@import|<script|<link""")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mailed")
    write_look_home(folder, Size(documents=60, pages=4, in_shard=20, images=2))
    return folder


def export(home: Path, file: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["look", "--export", str(file), *words], env={"LWV_HOME": str(home)})


def test_the_file_has_at_most_200_segments_with_their_pages_and_asks_for_nothing(home: Path, tmp_path: Path) -> None:
    result = export(home, tmp_path / "all.html")
    assert result.exit_code == 0, result.output
    page = (tmp_path / "all.html").read_text()
    assert page.count('<article class="sample">') == MOST
    assert page.count('src="data:image/jpeg;base64,') == MOST
    assert not OUTSIDE.search(page)
    assert "200 of 240 segments" in page


def test_the_filter_is_that_of_the_queue(home: Path, tmp_path: Path) -> None:
    assert export(home, tmp_path / "one.html", "shard=lectures-002", "split=sft").exit_code == 0
    page = (tmp_path / "one.html").read_text()
    assert 0 < page.count("· lectures-002") == page.count('<article class="sample">') < 80


def test_a_name_that_comes_twice_holds_any_of_its_values() -> None:
    assert filter_of(["shard=a", "shard=b", "decided=no"]).shard == "a,b"


@pytest.mark.parametrize("word", ["shards=a", "lectures-001", "decided=maybe", "sort=colour", "offset=3"])
def test_a_word_that_means_nothing_is_said_and_nothing_is_written(home: Path, tmp_path: Path, word: str) -> None:
    with pytest.raises(WordError):
        filter_of([word])
    result = export(home, tmp_path / "none.html", word)
    assert result.exit_code == 2 and word.partition("=")[0] in result.output
    assert not (tmp_path / "none.html").exists()


def test_where_no_segment_is_meant_nothing_is_written(home: Path, tmp_path: Path) -> None:
    result = export(home, tmp_path / "none.html", "shard=nowhere-001")
    assert result.exit_code == 2 and "nothing was written" in result.output
    assert not (tmp_path / "none.html").exists()


def test_a_filter_without_a_file_is_refused(home: Path) -> None:
    result = CliRunner().invoke(main, ["look", "shard=lectures-001"], env={"LWV_HOME": str(home)})
    assert result.exit_code == 2 and "--export" in result.output


def test_texts_are_texts_and_a_missing_image_is_said(tmp_path: Path) -> None:
    write_look_home(tmp_path / "home", Size(documents=1, pages=2, in_shard=1, images=1))
    store = Store(tmp_path / "home")
    rows = [
        {**row, "text": "<script>alert(1)</script>![](http://outside/x.png)"}
        for row in store.rows(SEGMENTS, "lectures-001")
    ]
    store.write_table(SEGMENTS, "lectures-001", rows)  # type: ignore[arg-type]
    for image in store.home.glob("images/*/*.jpg"):
        image.unlink()
    assert export(store.home, tmp_path / "x.html").exit_code == 0
    page = (tmp_path / "x.html").read_text()
    assert not OUTSIDE.search(page)
    assert "&lt;script&gt;alert(1)" in page and "No page image." in page


def test_what_is_no_file_is_not_replaced_by_one(home: Path) -> None:
    result = export(home, Path("/dev/null"))
    assert result.exit_code == 2 and "is no file that can be written" in result.output
    assert Path("/dev/null").is_char_device()
