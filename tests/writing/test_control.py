"""Faults of a section are found, and mended or given up, by decisions on its text alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.long_outputs.control import better, find_fault, go_on, unusable, whole_words
from assets.segments.splitter import split_pages
from resources.recipe.model import Writing
from resources.text.headings import under_heading, without_heading
from resources.text.repetition import cut_loop, loop_start, runs
from resources.text.words import count_words
from testing.engine.server import WORDS

LOOP = "And so it goes on and on without an end to it all. "


def prose(words: int, start: int = 0) -> str:
    return " ".join(WORDS[start : start + words]) + "."


@pytest.mark.parametrize(
    ("text", "language", "kind"),
    [
        (prose(100), "en", None),
        (prose(80), "en", None),
        (prose(125), "en", None),
        (prose(79), "en", "short"),
        (prose(126), "en", "long"),
        ("", "en", "short"),
        ("这是一段文字。" * 20, "en", "language"),
        (prose(100), "zh", "language"),
        (prose(60) + " " + LOOP * 6, "en", "loop"),
        ("无穷无尽的循环让人厌倦不已。" * 8, "zh", "loop"),
        (prose(100, start=500), "en", "repeat"),
        ("I’m sorry, but I can’t say. " + prose(95), "en", "refused"),
    ],
)
def test_each_fault_is_found_and_good_sections_have_none(text: str, language: str, kind: str | None) -> None:
    earlier = runs(prose(200, start=450))
    fault = find_fault(f"## A heading\n\n{text}", 100, language, earlier, Writing())
    assert (fault.kind if fault else None) == kind


def test_controls_are_switches_but_the_wrong_language_is_always_a_fault() -> None:
    off = Writing(length_control=False, loop_control=False)
    assert find_fault(LOOP * 9, 20, "en", set(), off) is None
    fault = find_fault(LOOP, 20, "zh", set(), off)
    assert fault is not None and fault.kind == "language"


@given(st.integers(0, 300), st.integers(3, 12))
def test_a_loop_is_cut_where_it_begins_and_nothing_before_it_is_lost(start: int, times: int) -> None:
    good = prose(start) if start else ""
    kept = cut_loop(f"{good} {LOOP * times}".strip())
    assert loop_start(kept) is None
    assert kept.startswith(good)
    assert kept.count("without an end") <= 2


@pytest.mark.parametrize(
    "text",
    [
        (
            "中国科学院自动化研究所成立了。"
            "甲乙丙丁戊己庚辛壬癸子丑寅卯"
            "中国科学院自动化研究所长大了。"
            "金木水火土天地玄黄宇宙洪荒"
            "中国科学院自动化研究所有名了。"
            "春夏秋冬东西南北上下左右前后里外"
        ),
        " ".join(
            f"{prose(60, 60 * number)} Let us now go on to the next slide and see what it shows."
            for number in range(12)
        ),
    ],
)
def test_a_name_or_a_phrase_that_comes_back_is_no_loop(text: str) -> None:
    assert loop_start(text) is None


def test_a_loop_that_counts_its_rounds_is_one_and_is_cut() -> None:
    rounds = "".join(f"Step {number} of it is to open the lid and then to close the lid again. " for number in range(9))
    kept = cut_loop(f"{prose(100)} {rounds}")
    assert kept.startswith(prose(100)) and kept.count("open the lid") <= 2


@pytest.mark.parametrize(
    ("line", "stands"),
    [
        ("### Details", "### Details"),
        ("#### More", "#### More"),
        ("# Title", "### Title"),
        ("##Slide 3", "### Slide 3"),
        ("#Sunset #Beach", "#Sunset #Beach"),
        ("#1 in town", "#1 in town"),
        ("#include <x>", "#include <x>"),
    ],
)
def test_only_headings_that_a_text_is_cut_at_are_lowered(line: str, stands: str) -> None:
    assert under_heading(f"## Slide 2\n\nText.\n{line}\nMore.", "Slide 2") == (f"## Slide 2\n\nText.\n{stands}\nMore.")


@given(
    st.text(max_size=300)
    | st.lists(st.sampled_from(["#", "##", "###", "# a", "## ", "##a", "b", ""]), max_size=8).map("\n".join)
)
def test_any_section_stands_under_exactly_its_own_heading(text: str) -> None:
    section = under_heading(text, "Slide 2")
    assert section.startswith("## Slide 2\n\n")
    assert sum(line.startswith("## ") for line in section.split("\n")) == 1
    assert under_heading(section, "Slide 2") == section


def test_a_section_that_also_writes_the_next_page_does_not_move_its_border() -> None:
    text = "\n\n".join(
        under_heading(body, f"Slide {page}")
        for page, body in ((1, "One.\n## Slide 2\nStill one."), (2, "## Slide 2\nTwo."))
    )
    first, second = split_pages(text, 2)
    assert "Still one." in first and second == "## Slide 2\n\nTwo."


@pytest.mark.parametrize(
    ("before", "after", "whole"),
    [
        ("The sea is bl", "blue today.", "The sea is blue today."),
        ("The sea is blue.", "It is deep.", "The sea is blue. It is deep."),
        ("海是蓝", "色的。", "海是蓝色的。"),
    ],
)
def test_a_cut_text_goes_on_from_its_last_whole_word(before: str, after: str, whole: str) -> None:
    assert go_on(whole_words(before), after) == whole


def test_of_two_attempts_the_lesser_fault_and_then_the_nearer_length_is_kept() -> None:
    recipe = Writing()

    def choice(first: str, second: str) -> int:
        faults = find_fault(first, 100, "en", set(), recipe), find_fault(second, 100, "en", set(), recipe)
        return better(first, second, faults, 100)

    assert choice(prose(60), prose(100)) == 1
    assert choice(prose(60), prose(40)) == 0
    assert choice(LOOP * 9, prose(60)) == 1
    assert choice(prose(60), LOOP * 9) == 0


def test_a_section_of_no_use_is_given_up_and_one_that_is_only_off_its_length_stands() -> None:
    short = find_fault(prose(60), 100, "en", set(), Writing())
    assert unusable(prose(60), short, 100) is None
    assert unusable(prose(30), find_fault(prose(30), 100, "en", set(), Writing()), 100) == "short"
    assert unusable("文字" * 40, find_fault("文字" * 40, 100, "en", set(), Writing()), 100) == "language"
    assert unusable(prose(100), None, 100) is None
    assert count_words(without_heading(f"## Words here\n\n{prose(7)}")) == 7
