"""How sure a mean or a difference of means is: intervals over clusters of items that share a document. Pure.

The unit is the cluster, for items of one document are alike: an interval over rows covers 73 % where it says 95 (8
clusters of 4). Below MANY clusters Student's t on the clusters' sums, for there the bootstrap is too narrow (89 %);
from there on the bootstrap over clusters, whose draws are the same for all contestants.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MANY = 30  # clusters
ENOUGH = 1_000  # from so many on t is as good again, and the draws would take a GB
ROUNDING = 1e-9
DRAWS = 10_000
LEVEL = 0.95
POWER = 0.8  # at which a difference could have been seen
Verdict = Literal["better", "worse", "not told apart"]


class Part(NamedTuple):
    """A mean over items as one summand of a measure. values: None where an item has none, and does not count."""

    weight: float
    values: Sequence[float | None]


@dataclass(frozen=True)
class Interval:
    """mean: of the measure; low, high: at LEVEL, None where there are fewer than two clusters. error: its standard
    error. items: that count in each part, the fewest; missing: those that do not, the most."""

    mean: float
    low: float | None
    high: float | None
    error: float | None
    method: str
    items: int
    clusters: int
    missing: int


@dataclass(frozen=True)
class Contrast:
    """How much higher `a` is than `b`, paired by item. visible: the smallest difference that would have been seen in
    four of five such comparisons. p: of no difference at all, before Holm's correction."""

    difference: Interval
    visible: float | None
    p: float | None

    @property
    def verdict(self) -> Verdict:
        """Of `a`, where the interval leaves zero out."""
        low, high = self.difference.low, self.difference.high
        if low is not None and low > ROUNDING:
            return "better"
        return "worse" if high is not None and high < -ROUNDING else "not told apart"


def interval(parts: Sequence[Part], clusters: Sequence[str]) -> Interval | None:
    """Of the sum of weighted means; None where a part has no value at all.

    parts: each with a value per item, in one order. clusters: of each item. S, for one, is
    [Part(0.5, length scores), Part(0.5, quality scores)]: it is resampled whole.
    """
    sums, counts = (np.array(found) for found in _per_cluster(parts, clusters))
    if not sums.size or not counts.sum(axis=1).all():
        return None
    weights = np.array([part.weight for part in parts])
    counted = counts.any(axis=0)
    sums, counts = sums[:, counted], counts[:, counted]  # a cluster in which nothing counts tells nothing
    totals = counts.sum(axis=1)
    means = sums.sum(axis=1) / totals
    mean, number = float(weights @ means), int((counts > 0).sum(axis=1).min())
    items, missing = int(totals.min()), int(len(clusters) - totals.min())
    if number < 2:
        return Interval(mean, None, None, None, "one cluster", items, number, missing)
    influence = weights @ ((sums - means[:, None] * counts) / totals[:, None])  # of each cluster, on the measure
    error = float(np.sqrt(number / (number - 1) * (influence**2).sum()))
    if not MANY <= number < ENOUGH:
        reach = _t_quantile(number - 1, 0.5 + LEVEL / 2) * error
        return Interval(mean, mean - reach, mean + reach, error, "t on clusters", items, number, missing)
    drawn = draws(counts.shape[1])
    with np.errstate(invalid="ignore"):  # a draw in which nothing counts is none
        found = weights @ ((sums @ drawn) / (counts @ drawn))
    low, high = np.nanquantile(found, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2])
    return Interval(mean, float(low), float(high), error, "bootstrap over clusters", items, number, missing)


def contrast(a: Sequence[Part], b: Sequence[Part], clusters: Sequence[str]) -> Contrast | None:
    """a and b: the same parts of two contestants over the same items; an item that one of them has no value for is out.
    None where nothing is left."""
    parts = [
        Part(
            mine.weight,
            [
                None if one is None or other is None else one - other
                for one, other in zip(mine.values, theirs.values, strict=True)
            ],
        )
        for mine, theirs in zip(a, b, strict=True)
    ]
    found = interval(parts, clusters)
    if found is None:
        return None
    if found.error is None:
        return Contrast(found, None, None)
    freedom = found.clusters - 1
    visible = (_t_quantile(freedom, 0.5 + LEVEL / 2) + _t_quantile(freedom, POWER)) * found.error
    return Contrast(found, visible, _two_sided(found.mean, found.error, freedom))


def holm(p: Mapping[str, float]) -> dict[str, float]:
    """p-values of several questions, corrected for their number."""
    corrected: dict[str, float] = {}
    most = 0.0
    for rank, name in enumerate(sorted(p, key=lambda name: p[name])):
        most = max(most, min(1.0, (len(p) - rank) * p[name]))
        corrected[name] = most
    return corrected


@lru_cache(maxsize=4)
def draws(clusters: int) -> "NDArray[np.float64]":
    """[clusters, DRAWS] how often each cluster is drawn: the same for whatever is measured."""
    chosen = np.random.default_rng(0).multinomial(clusters, np.full(clusters, 1 / clusters), DRAWS)
    return chosen.T.astype(np.float64)


def _per_cluster(parts: Sequence[Part], clusters: Sequence[str]) -> tuple[list[list[float]], list[list[int]]]:
    """[parts, clusters] sums and counts of the values that there are."""
    places = {name: place for place, name in enumerate(dict.fromkeys(clusters))}
    sums = [[0.0] * len(places) for _ in parts]
    counts = [[0] * len(places) for _ in parts]
    for number, part in enumerate(parts):
        for value, cluster in zip(part.values, clusters, strict=True):
            if value is not None:
                sums[number][places[cluster]] += value
                counts[number][places[cluster]] += 1
    return sums, counts


@cache
def _t_quantile(freedom: int, share: float) -> float:
    from scipy.stats import t

    return float(t.ppf(share, freedom))


def _two_sided(mean: float, error: float, freedom: int) -> float:
    from scipy.stats import t

    if error == 0:
        return 1.0 if mean == 0 else 0.0
    return float(2 * t.sf(math.fabs(mean) / error, freedom))
