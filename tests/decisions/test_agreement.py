"""Krippendorff's alpha is that of the published examples, and says what it should of people who agree or differ."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.corrected_segments.schema import ERRORS
from lwv_dagster.annotate.agreement import EDITED, Alpha, Critics, agreement, alpha
from resources.decisions.decision import Decision, Target, text_hash

SEEN = text_hash("draft", "critic")


def columns(*rows: str) -> list[list[str]]:
    """Units out of a reliability matrix as it is printed: a line for each observer; a dot where one said nothing."""
    return [[value for value in unit if value != "."] for unit in zip(*(row.split() for row in rows), strict=True)]


@pytest.mark.parametrize(
    ("rows", "value", "units", "values"),
    [
        # Krippendorff, Computing Krippendorff's Alpha-Reliability (2011): A (binary), B (nominal), C (missing values).
        (("0 1 0 0 0 0 0 0 1 0", "1 1 1 0 0 1 0 0 0 0"), 0.095, 10, 20),
        (("a a b b d c c c e d d a", "b a b b b c c c e d d d"), 0.692, 12, 24),
        (
            (
                "1 2 3 3 2 1 4 1 2 . . .",
                "1 2 3 3 2 2 4 1 2 5 . 3",
                ". 3 3 3 2 3 4 2 2 5 1 .",
                "1 2 3 3 2 4 4 1 2 5 1 .",
            ),
            0.743,
            11,
            40,
        ),
    ],
)
def test_alpha_is_that_of_the_published_examples(rows: tuple[str, ...], value: float, units: int, values: int) -> None:
    found = alpha(columns(*rows))
    assert found.value == pytest.approx(value, abs=5e-4)
    assert (found.units, found.values) == (units, values)


UNITS = st.lists(st.lists(st.sampled_from("abc"), max_size=4), max_size=12)


@settings(deadline=None)
@given(UNITS, st.randoms())
def test_alpha_knows_no_order_and_no_names_and_nothing_of_units_with_one_value(
    units: list[list[str]], draw: random.Random
) -> None:
    found = alpha(units)
    shuffled = [draw.sample(unit, len(unit)) for unit in draw.sample(units, len(units))]
    renamed = [[{"a": "z", "b": "y", "c": "x"}[value] for value in unit] for unit in units]
    for other in (alpha(shuffled), alpha(renamed), alpha([*units, ["a"], []])):
        assert other.value == (None if found.value is None else pytest.approx(found.value))
        assert (other.units, other.values) == (found.units, found.values)
    assert found.value is None or -1 <= found.value <= 1


@settings(deadline=None)
@given(UNITS)
def test_alpha_is_one_exactly_where_no_unit_has_two_different_values(units: list[list[str]]) -> None:
    found = alpha(units)
    if found.value is not None:
        assert (found.value == 1) == all(len(set(unit)) < 2 for unit in units)
    else:
        assert len({value for unit in units if len(unit) > 1 for value in unit}) < 2


def test_people_who_draw_agree_as_by_chance() -> None:
    draw = random.Random(1)
    found = alpha([[draw.random() < 0.3 for _ in range(2)] for _ in range(20_000)])
    assert found.value == pytest.approx(0, abs=0.02)


def said(
    who: str, segment: int, verdict: str, *errors: str, text: str = "", at: float = 1.0, seen: str = SEEN
) -> Decision:
    return Decision(who, at, "segment", f"e-{segment:03d}", seen, verdict, text, errors)  # type: ignore[arg-type]


def test_it_is_measured_by_kind_for_edited_or_not_between_people_and_against_the_critic() -> None:
    decisions = [
        said("anna", 0, "corrected", "factual", text="one two three"),
        said("ben", 0, "corrected", "factual", text="one two three"),
        said("anna", 1, "corrected", "factual", text="one two four"),
        said("ben", 1, "corrected", "missing", text="five six"),
        said("anna", 2, "fine"),
        said("ben", 2, "fine"),
        said("anna", 3, "corrected", "missing", text="alone"),  # nobody else: against the critic only
        said("cleo", 2, "drop"),  # says nothing of kinds
    ]
    critics = {
        (Target("segment", f"e-{number:03d}"), SEEN): Critics("draft", "draft" if number == 2 else "critic", errors)
        for number, errors in enumerate(
            [frozenset({"factual"}), frozenset({"factual"}), frozenset[str](), frozenset({"missing"})]
        )
    }
    found = agreement(decisions, critics, ERRORS, 0.9)
    assert (found.segments, found.shared, found.people) == (4, 3, 3)
    assert found.between[EDITED] == Alpha(1.0, 3, 6)
    assert found.between["factual"] == alpha([[True, True], [True, False], [False, False]])
    assert found.between["repetitive"].value is None  # nobody named it: there is nothing to agree on
    assert (found.critic[EDITED].value, found.critic[EDITED].units) == (1.0, 7)
    assert found.critic["missing"] == alpha(
        [(False, False)] * 3 + [(True, False)] + [(False, False)] * 2 + [(True, True)]
    )
    assert found.texts == (pytest.approx(2 / 3), 3)  # 1, 0, and 1 of the two who left the draft as it was
    assert found.texts_critic[1] == 7
    assert [(pair.one, pair.other, pair.segments, pair.differ) for pair in found.pairs] == [
        ("anna", "cleo", 1, 1.0),
        ("ben", "cleo", 1, 1.0),
        ("anna", "ben", 3, pytest.approx(1 / 3)),
    ]


def test_the_newest_counts_the_withdrawn_does_not_and_another_text_is_another_question() -> None:
    decisions = [
        said("anna", 0, "corrected", "factual", text="a", at=1),
        said("anna", 0, "fine", at=2),
        said("ben", 0, "fine", at=1),
        said("cleo", 0, "corrected", "missing", text="b", at=1),
        said("cleo", 0, "withdrawn", at=2),
        said("dan", 0, "corrected", "missing", text="b", seen=text_hash("other")),
    ]
    found = agreement(decisions, {}, ERRORS, 0.9)
    assert (found.segments, found.shared, found.people) == (2, 1, 3)
    assert found.between[EDITED] == Alpha(None, 1, 2)  # both say fine
    assert [(pair.one, pair.other, pair.differ) for pair in found.pairs] == [("anna", "ben", 0.0)]


def test_of_nothing_there_is_nothing_to_say() -> None:
    found = agreement([], {}, ERRORS, 0.9)
    assert (found.segments, found.shared, found.pairs, found.texts) == (0, 0, [], (None, 0))
