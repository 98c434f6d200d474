"""Plans are asked for within bounds, checked strictly, and scaled where their words alone are wrong."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.long_outputs.outline import (
    LEAST_WORDS,
    PlanError,
    PlannedSection,
    check_plan,
    plan_format,
    plan_room,
    scale_plan,
    with_pages,
)


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


@pytest.mark.parametrize(
    ("sections", "pages", "total", "deck", "complaint"),
    [
        ([], 1, 100, False, "no JSON object of the form"),
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


@pytest.mark.parametrize(
    ("named", "pages", "deck", "meant"),
    [
        ([(), ()], 1, False, [(1,), (1,)]),
        ([(), ()], 2, True, [(1,), (2,)]),
        ([(), ()], 3, True, [(), ()]),
        ([(), ()], 2, False, [(), ()]),
        ([(1,), ()], 1, False, [(1,), ()]),
    ],
)
def test_a_plan_without_pages_is_completed_only_where_it_can_mean_one_thing(named, pages, deck, meant) -> None:
    plan = [PlannedSection(number, "a", 100, covered) for number, covered in enumerate(named, 1)]
    assert [section.pages for section in with_pages(plan, pages, deck)] == meant


def bounds(pages: int, deck: bool, most: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The schemas of a plan's list of sections, and of a section's fields."""
    wanted: Any = plan_format(pages, 2400, deck, most)
    sections = wanted["json_schema"]["schema"]["properties"]["sections"]
    return sections, sections["items"]["properties"]


def test_the_plan_of_a_deck_has_exactly_a_section_for_each_page() -> None:
    sections, fields = bounds(9, True, 9)
    assert (sections["minItems"], sections["maxItems"]) == (9, 9)
    assert (fields["pages"]["minItems"], fields["pages"]["maxItems"]) == (1, 1)
    assert fields["pages"]["items"] == {"type": "integer", "minimum": 1, "maximum": 9}


def test_nothing_in_the_schema_of_a_plan_goes_on_without_end() -> None:
    sections, fields = bounds(4, False, 24)
    assert (sections["minItems"], sections["maxItems"], fields["pages"]["maxItems"]) == (1, 24, 4)
    assert fields["point"]["maxLength"] == 300 and fields["words"]["maximum"] == 2400
    assert "uniqueItems" not in str(sections)


def test_a_plan_gets_room_for_its_sections_and_no_more() -> None:
    """Nine pages had 5,072 tokens, twenty-six 9,152, which small servers refuse."""
    assert (plan_room(9, 9), plan_room(26, 26)) == (832, 1920)
