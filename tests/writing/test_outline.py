"""Plans are read tolerantly and checked strictly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.long_outputs.outline import LEAST_WORDS, PlanError, PlannedSection, check_plan, parse_plan, scale_plan

PLAN = """Here is the plan:
Section 1 - Main Point: What Section 3 of the law says - Word Count: 200 - Pages: 1
**Section 2** - Main Point: [The bridge] - Word Count: [1,300 words] - Pages: [2, 3]
Section 7 - Main Point: 桥梁 - Word Count: 100字 - Pages: 4-6
"""


def test_a_plan_is_read_line_by_line_and_numbered_anew() -> None:
    assert parse_plan(PLAN) == [
        PlannedSection(1, "What Section 3 of the law says", 200, (1,)),
        PlannedSection(2, "The bridge", 1300, (2, 3)),
        PlannedSection(3, "桥梁", 100, (4, 5, 6)),
    ]


@pytest.mark.parametrize(
    "text",
    [
        f"Section 1 - Main Point: a - Word Count: {'9' * 5000} - Pages: 1",
        '{"sections": [{"point": "a", "words": 1e999, "pages": [1]}]}',
        '{"a":' * 5000 + "}",
    ],
)
def test_a_plan_of_absurd_numbers_or_depth_is_no_plan(text: str) -> None:
    assert parse_plan(text) == []


@given(st.lists(st.integers(0, 2000), min_size=1, max_size=30), st.integers(1, 30_000))
def test_scaled_words_add_up_to_about_the_total_and_none_is_too_short_to_write_to(words: list[int], total: int) -> None:
    scaled = [
        section.words
        for section in scale_plan(
            [PlannedSection(number, "a", count, (1,)) for number, count in enumerate(words, 1)], total
        )
    ]
    assert min(scaled) >= max(1, min(LEAST_WORDS, total // len(words)))
    assert sum(scaled) <= total + len(words) * (LEAST_WORDS + 1)
    assert sum(scaled) >= total - len(words)


def test_text_without_the_form_is_no_plan() -> None:
    assert parse_plan("Section 3 is about bridges.\nI would write 200 words.") == []


@pytest.mark.parametrize(
    ("sections", "pages", "total", "deck", "complaint"),
    [
        ([], 1, 100, False, "no line"),
        ([PlannedSection(1, "a", 100, (1,))], 2, 100, False, "page 2"),
        ([PlannedSection(1, "a", 100, (1, 9))], 1, 100, False, "no page 9"),
        ([PlannedSection(1, "a", 100, (1,))], 1, 200, False, "add up to 100"),
        ([PlannedSection(1, "a", 0, (1,)), PlannedSection(2, "b", 100, (2,))], 2, 100, True, "section 1 has no words"),
        ([PlannedSection(1, "a", 100, (2,)), PlannedSection(2, "b", 100, (1,))], 2, 200, True, "page order"),
    ],
)
def test_a_plan_that_cannot_be_written_to_is_refused_with_the_reason(sections, pages, total, deck, complaint) -> None:
    with pytest.raises(PlanError, match=complaint):
        check_plan(sections, pages, total, page_per_section=deck)


def test_a_good_plan_passes() -> None:
    check_plan([PlannedSection(1, "a", 100, (1,)), PlannedSection(2, "b", 105, (2,))], 2, 200, page_per_section=True)
