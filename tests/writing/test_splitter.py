"""Long texts are cut at page headings without losing a character that matters."""

from hypothesis import given
from hypothesis import strategies as st

from assets.segments.splitter import GROUP_WORDS, split_draft, split_pages, split_sections
from resources.text.words import count_words

BODY = (
    st.text(
        alphabet=st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="#"), min_size=1, max_size=60
    )
    .map(str.strip)
    .filter(bool)
)


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
        "Hello.\n\n## Slide 1\n\na\n\n## Slide 9\n\nz"
    ]


def test_a_page_headed_twice_keeps_both_parts() -> None:
    assert split_pages("## Slide 1\n\na\n\n## Slide 2\n\nb\n\n## Slide 1\n\nc", 2) == [
        "## Slide 1\n\na\n\n## Slide 1\n\nc",
        "## Slide 2\n\nb",
    ]


def test_a_deck_without_any_page_heading_is_all_page_1() -> None:
    assert split_pages("Just words.\n\nMore words.", 3) == ["Just words.\n\nMore words.", "", ""]


def draft_of(text: str, kind: str, images: int) -> list[dict]:
    output = {"example_id": "e", "document_id": "d", "split": "preference", "kind": kind, "images": ["i"] * images}
    return split_draft(output, {"output": text, "author": "tiny sft 1"})


# What a poor writer writes: headings of any page in any order, twice, or in the middle of nothing.
LINE = st.one_of(BODY, st.integers(0, 9).map("## Slide {}".format), st.just("## A heading"), st.just(""))


@given(st.lists(LINE, max_size=20).map("\n".join), st.sampled_from(["deck", "single", "multi"]), st.integers(1, 6))
def test_whatever_a_draft_is_its_segments_hold_each_of_its_lines(text: str, kind: str, images: int) -> None:
    rows = draft_of(text, kind, images)
    lines = sorted(line.strip() for row in rows for line in row["text"].splitlines() if line.strip())
    assert lines == sorted(line.strip() for line in text.splitlines() if line.strip())
    assert [row["index"] for row in rows] == list(range(len(rows)))
    assert rows and all(row["drafted_by"] == "checkpoint" for row in rows)
    if kind == "deck":
        assert [row["page"] for row in rows] == list(range(1, images + 1))
    else:
        assert {row["page"] for row in rows} == ({1} if images == 1 else {None})


def test_a_draft_that_is_no_deck_is_cut_at_its_headings() -> None:
    assert split_sections("Hello.\n\n## One\n\na\n\n### Deeper\n\n## Two\nb") == [
        "Hello.",
        "## One\n\na\n\n### Deeper",
        "## Two\nb",
    ]


@given(st.lists(st.integers(1, 300), min_size=1, max_size=12))
def test_a_draft_without_headings_is_cut_into_groups_of_paragraphs(lengths: list[int]) -> None:
    text = "\n\n".join(" ".join(["word"] * length) for length in lengths)
    groups = split_sections(text)
    assert "\n\n".join(groups) == text
    assert all(count_words(group) >= GROUP_WORDS for group in groups[:-1])
    assert all(count_words(group) < GROUP_WORDS + 300 for group in groups)


def test_an_empty_draft_is_one_missing_segment_or_a_deck_of_missing_pages() -> None:
    assert [row["text"] for row in draft_of("", "single", 1)] == [""]
    assert [row["text"] for row in draft_of("", "deck", 3)] == ["", "", ""]
