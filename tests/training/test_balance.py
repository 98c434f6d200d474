"""Passes that are planned: no document is lost, none is over its budget, and devices seldom wait for each other."""

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from resources.training.balance import idle_share, plan_passes

TOKENS = st.lists(st.integers(1, 40_000), min_size=1, max_size=300)
BUDGET = st.one_of(st.none(), st.integers(256, 40_000))


def documents_of_the_paper() -> list[int]:
    """Tokens of 4,000 documents: words as the paper has them (mean 2,037, median 1,732, at most 10,000), pages at three
    resolutions."""
    draw = random.Random(0)
    pages = [1] * 37 + [2, 3, 4] * 10 + [draw.randint(5, 26) for _ in range(35)]
    return [
        int(min(10_000, max(60, draw.lognormvariate(7.457, 0.57))) * 1.35)
        + draw.choice(pages) * draw.choice([100, 260, 780])
        for _ in range(4000)
    ]


@given(TOKENS, st.integers(1, 64), BUDGET, st.integers(1, 8), st.integers(0, 5))
def test_each_document_is_trained_once_but_for_those_that_fill_a_last_round(
    tokens: list[int], per_update: int, budget: int | None, devices: int, epoch: int
) -> None:
    plan = plan_passes(tokens, per_update, budget, devices, 7)
    seen = Counter(number for one in plan.passes(7, epoch) for number in one)
    assert seen.keys() == set(range(len(tokens)))
    assert all(len(each) == devices for each in plan.rounds)
    windows = -(-len(tokens) // 1024)
    filled = [one for each in plan.rounds for one in each]
    assert len(filled) - len(set(filled)) <= windows * (devices - 1)
    assert len(plan.passes(7, epoch)) == len(filled)


@given(TOKENS, st.integers(1, 64), st.integers(256, 40_000), st.integers(1, 8))
def test_a_pass_of_several_documents_is_never_over_its_budget(
    tokens: list[int], per_update: int, budget: int, devices: int
) -> None:
    for one in plan_passes(tokens, per_update, budget, devices, 1).passes(1, 0):
        assert len(one) == 1 or sum(tokens[number] for number in one) <= budget


def test_devices_are_idle_at_most_3_of_100_on_documents_as_the_papers() -> None:
    tokens = documents_of_the_paper()
    for devices in (2, 4, 8):
        for budget in (None, 8192, 32_768):
            for per_update in (16, 64):
                assert idle_share(plan_passes(tokens, per_update, budget, devices, 42), tokens) <= 0.03


def test_documents_in_random_order_leave_devices_idle() -> None:
    tokens = documents_of_the_paper()
    random.Random(1).shuffle(tokens)
    rounds = [tokens[at : at + 8] for at in range(0, len(tokens), 8)]
    assert 1 - sum(map(sum, rounds)) / sum(8 * max(each) for each in rounds) > 0.5


def test_a_pass_is_filled_and_an_update_has_about_as_many_documents_as_were_asked_for() -> None:
    tokens = documents_of_the_paper()
    plan = plan_passes(tokens, 64, 32_768, 2, 42)
    assert sum(tokens) / len(plan.passes(42, 0)) > 0.95 * 32_768
    assert 48 < len(tokens) * plan.rounds_per_update / len(plan.rounds) < 80


def test_epochs_have_the_same_passes_in_an_order_of_their_own() -> None:
    tokens = documents_of_the_paper()[:200]
    plan = plan_passes(tokens, 16, 8192, 2, 42)
    first, second = plan.passes(42, 0), plan.passes(42, 1)
    assert sorted(first) == sorted(second) and first != second and first == plan.passes(42, 0)
