"""What people's decisions come to: the same in any order, once however often told, nothing of what was withdrawn."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from resources.decisions.decision import Decision, Target, text_hash
from resources.decisions.settle import Settled, agree, likeness, settle

ALIKE = 0.9
SEEN = {Target("segment", f"e-{number:03d}"): text_hash(f"text {number}") for number in range(3)}
TEXTS = st.sampled_from(["The river is long.", "The river is short.", "Nobody knows how long a river is."])
DECISIONS = st.builds(
    Decision,
    who=st.sampled_from(["anna", "ben", "cleo", "dan"]),
    at=st.integers(0, 6).map(float),
    kind=st.just("segment"),
    target=st.sampled_from([*(target.id for target in SEEN), "gone-000"]),
    seen=st.sampled_from([*SEEN.values(), text_hash("before")]),
    verdict=st.sampled_from(["corrected", "fine", "drop", "withdrawn"]),
    text=TEXTS,
    errors=st.sampled_from([("factual",), ("missing", "factual")]),
)
MANY = st.lists(DECISIONS, max_size=14)
ONE = Decision("anna", 1.0, "segment", "e-000", text_hash("text 0"), "corrected", "A b c d e f.", ("factual",))


def settled(*decisions: Decision) -> Settled:
    return settle(decisions, SEEN, ALIKE).get(Target("segment", "e-000"), Settled())


@given(MANY, st.randoms(use_true_random=False))
def test_the_order_of_rows_and_what_is_told_twice_change_nothing(decisions: list[Decision], draw: object) -> None:
    shuffled = [*decisions, *decisions[::2]]
    draw.shuffle(shuffled)  # type: ignore[attr-defined]
    assert settle(shuffled, SEEN, ALIKE) == settle(decisions, SEEN, ALIKE)


@given(MANY)
def test_only_decisions_on_the_text_of_now_count_and_each_outcome_is_of_its_own_target(
    decisions: list[Decision],
) -> None:
    for target, outcome in settle(decisions, SEEN, ALIKE).items():
        for each in filter(None, (outcome.decision, *outcome.contested)):
            assert (each.about, each.seen) == (target, SEEN[target])
            assert each in decisions and each.verdict != "withdrawn"
        assert all(each.seen != SEEN.get(target) for each in outcome.stale)
        assert outcome.decision is None or not outcome.contested
        assert len({each.who for each in outcome.contested}) in (0, 2)


@given(MANY)
def test_what_everybody_withdraws_is_as_if_nobody_had_decided(decisions: list[Decision]) -> None:
    after = [replace(each, verdict="withdrawn", at=each.at + 10) for each in decisions]
    assert settle([*decisions, *after], SEEN, ALIKE) == {}


@given(MANY, DECISIONS)
def test_a_decision_touches_no_other_target(decisions: list[Decision], more: Decision) -> None:
    before, after = settle(decisions, SEEN, ALIKE), settle([*decisions, more], SEEN, ALIKE)
    others = {*before, *after} - {more.about}
    assert {target: before.get(target) for target in others} == {target: after.get(target) for target in others}


@given(MANY)
def test_who_decides_again_on_the_same_text_is_believed_as_of_then(decisions: list[Decision]) -> None:
    alone = [replace(each, who="anna", target="e-000", seen=ONE.seen) for each in decisions]
    again = replace(ONE, at=100.0)
    assert settled(*alone, again).decision == again


def test_a_decision_on_a_text_that_changed_is_listed_and_counts_again_once_the_text_is_back() -> None:
    old = replace(ONE, seen=text_hash("before"))
    assert settled(old) == Settled(stale=(old,))
    assert settled(ONE, old) == Settled(ONE)  # who decided on the text of now has said all
    gone = replace(ONE, target="gone-000")
    assert settle([gone], SEEN, ALIKE) == {gone.about: Settled(stale=(gone,))}


def test_two_who_differ_leave_it_contested_until_a_third_decides() -> None:
    anna, ben, cleo = (replace(ONE, who=who, at=at) for at, who in enumerate(("anna", "ben", "cleo")))
    same = replace(ben, text="A b c d e f!")
    assert settled(anna, same) == Settled(same)
    for other in (
        replace(ben, text="Something else altogether."),
        replace(ben, errors=("missing",)),
        replace(ben, verdict="fine", text="", errors=()),
    ):
        assert settled(anna, other) == Settled(contested=(anna, other))
        assert settled(anna, other, cleo) == Settled(cleo)
        again = replace(anna, at=9.0)  # the first, once more: still one of the two who differ
        assert settled(anna, other, again) == Settled(contested=(again, other))
        assert settled(anna, other, cleo, again) == Settled(cleo)
        assert settled(anna, other, cleo, replace(cleo, verdict="withdrawn", at=5.0)).contested


@given(st.text(max_size=60), st.text(max_size=60))
def test_likeness_is_symmetric_from_0_to_1_and_1_of_a_text_to_itself(one: str, other: str) -> None:
    assert 0 <= likeness(one, other) == likeness(other, one) <= 1
    assert likeness(one, one) == 1


def test_few_words_in_many_are_alike_and_other_words_or_another_order_are_not() -> None:
    text = " ".join(f"word{number}" for number in range(100))
    assert likeness(text, text.replace("word50", "other")) > 0.95
    assert likeness(text, " ".join(reversed(text.split()))) < 0.1
    assert likeness("河水很长", "河水很短") < 0.9
    assert agree(replace(ONE, text=text), replace(ONE, who="ben", text=text + " end"), ALIKE)
