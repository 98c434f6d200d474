"""The training mix: its counts always add up, never exceed what is there, and meet the targets wherever they can."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.sft_dataset.mix import BUCKETS, LONG, SHORT, bucket_of, draw_order, largest_size, plan_mix
from resources.recipe.model import Mix
from resources.recipe.read import read_recipe

KINDS = ("single", "multi", "deck")
STRATA = [(kind, bucket) for kind in KINDS for bucket in BUCKETS]
counts = st.lists(st.integers(0, 400), min_size=len(STRATA), max_size=len(STRATA)).map(
    lambda numbers: Counter(dict(zip(STRATA, numbers, strict=True)))
)
shares = st.lists(st.integers(0, 10), min_size=5, max_size=5).filter(any)
mixes = st.builds(
    lambda size, kinds, buckets, long, short: Mix(
        size=size,
        kinds=dict(zip(KINDS, kinds, strict=True)) if kinds else {},
        buckets=dict(zip(BUCKETS, buckets, strict=True)) if buckets else {},
        long_share=long / 20,
        short_share=short / 20,
    ),
    st.integers(1, 3000),
    st.one_of(st.none(), st.lists(st.integers(0, 10), min_size=3, max_size=3).filter(any)),
    st.one_of(st.none(), shares),
    st.integers(0, 10),
    st.integers(0, 10),
)


@settings(max_examples=200, deadline=None)
@given(counts, mixes)
def test_a_plan_draws_as_many_as_are_asked_and_never_more_than_there_are(available: Counter, mix: Mix) -> None:
    plan = plan_mix(available, mix)
    assert plan.counts.total() == plan.size == min(mix.size or 0, available.total())
    assert all(0 < count <= available[stratum] for stratum, count in plan.counts.items())
    assert sum(plan.kinds.values()) == plan.size or not plan.size
    assert sum(plan.buckets.values()) == plan.size or not plan.size


@settings(max_examples=200, deadline=None)
@given(counts.filter(Counter.total), st.data())
def test_targets_that_a_sample_can_meet_are_met_exactly(available: Counter, data: st.DataObject) -> None:
    """Any sample's own sums are such targets: whatever strata it came from, a plan for them misses nothing."""
    sample = {stratum: data.draw(st.integers(0, count), label=str(stratum)) for stratum, count in available.items()}
    size = sum(sample.values())
    if not size:
        return
    kinds = {kind: sum(count for (found, _), count in sample.items() if found == kind) for kind in KINDS}
    buckets = {name: sum(count for (_, found), count in sample.items() if found == name) for name in BUCKETS}
    given_kinds, given_buckets = data.draw(st.booleans(), label="kinds"), data.draw(st.booleans(), label="buckets")
    mix = Mix(
        size=size,
        kinds=kinds if given_kinds else {},
        buckets=buckets if given_buckets else {},
        long_share=round(buckets[LONG] / size - 5e-7, 6) if buckets[LONG] else 0.0,
        short_share=max(0.0, round(sum(buckets[name] for name in SHORT) / size - 5e-7, 6)),
    )
    plan = plan_mix(available, mix)
    assert plan.off(mix) == 0
    if given_kinds:
        assert {kind: plan.drawn(kind) for kind in KINDS} == kinds
    if given_buckets:
        assert {name: plan.drawn(name) for name in BUCKETS} == buckets
    assert plan.drawn(LONG) >= buckets[LONG]
    assert sum(map(plan.drawn, SHORT)) >= sum(buckets[name] for name in SHORT)


@settings(max_examples=50, deadline=None)
@given(counts, mixes)
def test_the_largest_size_meets_every_share_and_one_more_does_not(available: Counter, mix: Mix) -> None:
    size = largest_size(available, mix)
    assert size == 0 or plan_mix(available, mix.model_copy(update={"size": size})).off(mix) == 0
    assert size == available.total() or plan_mix(available, mix.model_copy(update={"size": size + 1})).off(mix) > 0


def test_without_a_size_everything_is_trained_on() -> None:
    available = Counter({("single", "<500"): 3, ("deck", ">4000"): 1})
    assert plan_mix(available, Mix()).counts == available


def test_the_papers_sample_is_drawn_out_of_the_papers_pool() -> None:
    """10,000 of 22,158, of which a tenth is over 4,000 words: 21 % of the sample are, and kinds keep their shares."""
    mix, pool = read_recipe("paper").mix, {"single": 8115, "multi": 6313, "deck": 7730}
    lengths = {"<500": 0.18, "500-1500": 0.22, "1500-2000": 0.18, "2000-4000": 0.31, ">4000": 0.11}
    available = Counter(
        {(kind, name): int(count * share) for kind, count in pool.items() for name, share in lengths.items()}
    )
    plan = plan_mix(available, mix)
    assert plan.size == 10_000
    assert plan.off(mix) == 0
    assert plan.drawn(LONG) == 2100
    assert [plan.drawn(kind) for kind in KINDS] == [3660, 2850, 3490]
    for (kind, bucket), count in plan.counts.items():  # strata of a bucket stay near the kinds' shares
        assert count / plan.drawn(bucket) == pytest.approx(plan.drawn(kind) / plan.size, abs=0.02)


def test_where_kinds_and_long_texts_cannot_both_be_had_the_kinds_hold_and_the_plan_says_how_far_off_it_is() -> None:
    available = Counter({("single", "<500"): 100, ("deck", ">4000"): 100})
    mix = Mix(size=100, kinds={"single": 1.0}, long_share=0.5, short_share=0.1)
    plan = plan_mix(available, mix)
    assert plan.counts == Counter({("single", "<500"): 100})
    assert plan.off(mix) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("words", "bucket"),
    [
        (0, "<500"),
        (499, "<500"),
        (500, "500-1500"),
        (1499, "500-1500"),
        (1500, "1500-2000"),
        (1999, "1500-2000"),
        (2000, "2000-4000"),
        (4000, "2000-4000"),
        (4001, ">4000"),
        (50_000, ">4000"),
    ],
)
def test_every_length_stands_in_one_bucket(words: int, bucket: str) -> None:
    assert bucket_of(words) == bucket


def test_new_shards_change_few_of_the_examples_that_were_drawn() -> None:
    old = [f"old-{number}" for number in range(1000)]
    grown = [*old, *(f"new-{number}" for number in range(100))]

    def drawn(names: list[str]) -> set[str]:
        return set(sorted(names, key=lambda name: draw_order(42, name))[:500])

    kept = drawn(old) & drawn(grown)
    assert len(kept) > 430  # about 500 * 1000 / 1100
    assert drawn(grown) & set(old) <= drawn(old)  # nothing old comes in anew
    assert drawn(old) != set(sorted(old, key=lambda name: draw_order(7, name))[:500])
