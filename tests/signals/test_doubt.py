"""The doubt is the sum of its parts, from 0 to 100, and each fault adds to it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.signals.doubt import doubt_of, doubt_parts

GOOD: dict[str, Any] = {
    "language": "en",
    "written_language": "en",
    "words": 200,
    "target_words": 200,
    "length_score": 100.0,
    "repeated_share": 0.0,
    "earlier_share": 0.0,
    "loops": False,
    "page_share": 0.8,
    "numbers_off": [],
    "numbers_elsewhere": [],
    "names_off": [],
    "names_elsewhere": [],
    "placeholders": [],
    "heading_lost": False,
    "edited": False,
    "edit_share": 0.0,
    "errors": [],
    "rules": [],
}


def parts(**values: Any) -> dict[str, int]:
    return {part["part"]: part["points"] for part in doubt_parts({**GOOD, **values})}  # type: ignore[typeddict-item]


def test_a_sound_segment_is_not_doubted() -> None:
    assert parts() == {}
    assert doubt_of([]) == 0


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"written_language": "", "page_share": 0.0, "length_score": None}, {"empty": 80}),
        ({"written_language": "zh"}, {"language": 60}),
        ({"loops": True, "repeated_share": 0.9}, {"repetition": 60}),
        ({"repeated_share": 0.55}, {"repetition": 20}),
        ({"earlier_share": 1.0, "repeated_share": 1.0}, {"repetition": 50}),
        ({"repeated_share": 0.1, "earlier_share": 0.1}, {}),
        ({"numbers_off": ["5"]}, {"numbers": 40}),
        ({"numbers_off": ["5", "6", "7", "8"]}, {"numbers": 60}),
        ({"numbers_elsewhere": ["5"]}, {"numbers": 8}),
        ({"placeholders": ["TODO"]}, {"placeholder": 50}),
        ({"heading_lost": True}, {"heading": 45}),
        ({"names_off": ["Bob"], "names_elsewhere": ["Ann", "Eve"]}, {"names": 7}),
        ({"length_score": 50.0}, {"length": 10}),
        ({"edited": True, "errors": ["factual", "missing"], "edit_share": 0.25}, {"critic": 11}),
        ({"edited": None, "edit_share": None}, {}),
        ({"rules": ["segments.nothing_missing", "source_images.pages_differ"]}, {"rules": 5}),
        ({"page_share": 0.15}, {"coverage": 8}),
        ({"page_share": None}, {}),
    ],
)
def test_each_fault_has_its_points(values: dict[str, Any], expected: dict[str, int]) -> None:
    assert parts(**values) == expected


def test_a_clause_names_what_is_wrong() -> None:
    (part,) = doubt_parts({**GOOD, "numbers_off": [str(at) for at in range(8)]})  # type: ignore[typeddict-item]
    assert part["why"] == "not on its page: 0, 1, 2, 3, 4 and 3 more"


shares = st.floats(0, 1)
names = st.lists(st.text(max_size=5), max_size=9)


@given(
    st.fixed_dictionaries(
        {
            "written_language": st.sampled_from(["en", "zh", ""]),
            "length_score": st.one_of(st.none(), st.floats(0, 100)),
            "repeated_share": shares,
            "earlier_share": shares,
            "loops": st.booleans(),
            "page_share": st.one_of(st.none(), shares),
            "numbers_off": names,
            "names_off": names,
            "placeholders": names,
            "heading_lost": st.booleans(),
            "edited": st.booleans(),
            "edit_share": shares,
            "rules": names,
        }
    )
)
def test_it_is_from_0_to_100_and_every_part_has_points_and_comes_once(values: dict[str, Any]) -> None:
    found = doubt_parts({**GOOD, **values})  # type: ignore[typeddict-item]
    assert 0 <= doubt_of(found) <= 100
    assert all(part["points"] >= 1 and part["why"] for part in found)
    assert len({part["part"] for part in found}) == len(found)
    assert [part["points"] for part in found] == sorted((part["points"] for part in found), reverse=True)
