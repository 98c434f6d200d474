"""Long texts are cut at page headings without losing a character that matters."""

from hypothesis import given
from hypothesis import strategies as st

from assets.segments.splitter import split_pages

BODY = st.text(alphabet=st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="#"), min_size=1,
               max_size=60).map(str.strip).filter(bool)


@given(st.lists(BODY, min_size=1, max_size=12))
def test_a_deck_with_every_page_splits_into_its_pages_and_joins_back(bodies: list[str]) -> None:
    texts = [f"## Slide {page}\n\n{body}" for page, body in enumerate(bodies, 1)]
    output = "\n\n".join(texts)
    assert split_pages(output, len(texts)) == texts
    assert "\n\n".join(split_pages(output, len(texts))) == output


def test_a_page_that_was_not_written_is_empty() -> None:
    assert split_pages("## Slide 1\n\na\n\n## Slide 3\n\nc", 3) == ["## Slide 1\n\na", "", "## Slide 3\n\nc"]


def test_chinese_headings_are_pages_too() -> None:
    assert split_pages("## 第1页\n\n甲\n\n## 第 2 页：桥\n\n乙", 2) == ["## 第1页\n\n甲", "## 第 2 页：桥\n\n乙"]


def test_words_before_the_first_heading_and_pages_that_do_not_exist_are_kept() -> None:
    assert split_pages("Hello.\n\n## Slide 1\n\na\n\n## Slide 9\n\nz", 1) == [
        "Hello.\n\n## Slide 1\n\na\n\n## Slide 9\n\nz"]


def test_a_page_headed_twice_keeps_both_parts() -> None:
    assert split_pages("## Slide 1\n\na\n\n## Slide 2\n\nb\n\n## Slide 1\n\nc", 2) == [
        "## Slide 1\n\na\n\n## Slide 1\n\nc", "## Slide 2\n\nb"]
