"""Intervals cover what they promise, and two contestants are told apart where they differ, and only there."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.benchmark_scores.intervals import Part, contrast, holm, interval

SETS = 2_000
CASES = [(8, 4), (12, 3), (19, 1), (120, 1)]


def scores(random: np.random.Generator, clusters: int, each: int, mean: float = 60.0) -> np.ndarray:
    """[clusters, each]: items of a document are alike."""
    return mean + random.normal(0, 12, (clusters, 1)) + random.normal(0, 10, (clusters, each))


def names(clusters: int, each: int) -> list[str]:
    return [f"document-{number}" for number in range(clusters) for _ in range(each)]


@pytest.mark.parametrize(("clusters", "each"), CASES)
def test_an_interval_of_95_percent_covers_the_mean_in_about_95_percent(clusters: int, each: int) -> None:
    random, labels = np.random.default_rng(1), names(clusters, each)
    covered = 0
    for _ in range(SETS):
        found = interval([Part(1.0, scores(random, clusters, each).ravel().tolist())], labels)
        assert found is not None and found.low is not None and found.high is not None
        covered += found.low <= 60 <= found.high
    assert 0.93 <= covered / SETS <= 0.97


@pytest.mark.parametrize(("clusters", "each"), CASES)
def test_two_equal_contestants_are_told_apart_in_at_most_six_percent(clusters: int, each: int) -> None:
    """Their answers to an item are alike, as those of two checkpoints are; a fifth of the judgements is missing."""
    random, labels = np.random.default_rng(2), names(clusters, each)
    told = 0
    for _ in range(SETS):
        easy = scores(random, clusters, each).ravel()
        one, other = (_with_gaps(easy + random.normal(0, 8, easy.size), random) for _ in range(2))
        found = contrast([Part(1.0, one)], [Part(1.0, other)], labels)
        assert found is not None
        told += found.verdict != "not told apart"
    assert told / SETS <= 0.06


def _with_gaps(values: np.ndarray, random: np.random.Generator) -> list[float | None]:
    return [None if gap else float(value) for value, gap in zip(values, random.random(values.size) < 0.1, strict=True)]


def test_the_difference_that_could_be_seen_is_seen_in_about_four_of_five() -> None:
    random, labels = np.random.default_rng(3), names(40, 2)
    told, visible = 0, []
    for _ in range(1_000):
        easy = scores(random, 40, 2).ravel()
        one, other = easy + 3.0 + random.normal(0, 8, easy.size), easy + random.normal(0, 8, easy.size)
        found = contrast([Part(1.0, one.tolist())], [Part(1.0, other.tolist())], labels)
        assert found is not None and found.visible is not None
        told += found.verdict == "better"
        visible.append(found.visible)
    assert np.mean(visible) == pytest.approx(3.6, abs=0.3)
    assert 0.55 < told / 1_000 < 0.75  # 3.0 is less than the 3.6 that four of five would see


def test_a_whole_score_is_resampled_whole() -> None:
    """Length and quality of an item go together: S is surer than two intervals added would say."""
    random, labels = np.random.default_rng(4), names(20, 1)
    length = scores(random, 20, 1).ravel()
    quality = 120 - length  # where one is high the other is low: their mean is always 60
    parts = [Part(0.5, length.tolist()), Part(0.5, quality.tolist())]
    found = interval(parts, labels)
    assert found is not None and found.low is not None and found.high is not None
    assert (found.mean, found.low, found.high) == (pytest.approx(60), pytest.approx(60), pytest.approx(60))


def test_what_is_missing_is_counted_and_moves_no_other_item() -> None:
    labels = names(5, 2)
    values: list[float | None] = [10.0, None, *([20.0] * 8)]
    found = interval([Part(1.0, values)], labels)
    assert found is not None
    assert (found.items, found.missing, found.clusters) == (9, 1, 5)
    assert found.mean == pytest.approx((10 + 8 * 20) / 9)
    assert interval([Part(1.0, [None] * 10)], labels) is None
    alone = interval([Part(1.0, [1.0, 2.0])], ["a", "a"])
    assert alone is not None
    assert (alone.mean, alone.low, alone.method) == (1.5, None, "one cluster")


def test_the_same_draws_serve_all_contestants() -> None:
    """So two that are equal have the same interval, to the last digit."""
    random, labels = np.random.default_rng(5), names(50, 2)
    values = scores(random, 50, 2).ravel().tolist()
    assert interval([Part(1.0, values)], labels) == interval([Part(1.0, list(values))], labels)


@given(st.lists(st.floats(0, 100), min_size=4, max_size=40), st.floats(-50, 50))
def test_a_shift_of_all_items_shifts_the_interval_and_keeps_its_width(values: list[float], shift: float) -> None:
    labels = [str(number // 2) for number in range(len(values))]
    before, after = (interval([Part(1.0, [value + by for value in values])], labels) for by in (0.0, shift))
    assert before is not None and after is not None
    for one, other in _pairs(before, after):
        assert other - one == pytest.approx(shift, abs=1e-6)


def _pairs(before: object, after: object) -> Sequence[tuple[float, float]]:
    return [
        (getattr(before, name), getattr(after, name))
        for name in ("mean", "low", "high")
        if getattr(before, name) is not None
    ]


@given(st.dictionaries(st.text(min_size=1, max_size=3), st.floats(0, 1), min_size=1, max_size=8))
def test_a_corrected_p_is_no_smaller_and_keeps_the_order(p: dict[str, float]) -> None:
    corrected = holm(p)
    assert all(p[name] <= corrected[name] <= 1 for name in p)
    assert corrected[min(p, key=lambda name: p[name])] == pytest.approx(min(1.0, len(p) * min(p.values())))
    order = sorted(p, key=lambda name: p[name])
    assert all(corrected[one] <= corrected[other] for one, other in pairwise(order))


def test_documents_of_which_nothing_was_judged_tell_nothing() -> None:
    labels = [f"d{number}" for number in range(40)]
    one: list[float | None] = [80.0, *([None] * 39)]
    alone = interval([Part(1.0, one)], labels)
    assert alone is not None
    assert (alone.mean, alone.low, alone.clusters) == (80.0, None, 1)
    two = interval([Part(1.0, [80.0, 90.0, *([None] * 38)])], labels)
    assert two is not None and two.low is not None and two.high is not None
    assert two.clusters == 2
    assert two.high - two.low > 100  # t with one degree of freedom
    few = interval([Part(0.5, [50.0 + number for number in range(40)]), Part(0.5, one)], labels)  # S, one judged
    assert few is not None
    assert few.low is None


def test_what_is_no_number_tells_nothing_apart() -> None:
    labels = ["a", "b", "c"]
    found = contrast([Part(1.0, [1.0, float("nan"), 2.0])], [Part(1.0, [1.0, 1.0, 1.0])], labels)
    assert found is not None
    assert found.verdict == "not told apart"
    equal = contrast([Part(1.0, [0.1 + 0.2, 0.3, 0.3])], [Part(1.0, [0.3, 0.1 + 0.2, 0.3])], labels)
    assert equal is not None
    assert equal.verdict == "not told apart"


def test_thousands_of_documents_take_no_gigabyte() -> None:
    random = np.random.default_rng(6)
    found = interval([Part(1.0, scores(random, 10_000, 1).ravel().tolist())], names(10_000, 1))
    assert found is not None
    assert found.method == "t on clusters"
