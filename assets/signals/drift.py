"""Drift: how far the signals of a shard are from those of the shards before it (docs/quality.md). Pure functions.

A shard is summed up by counts on fixed levels, which add: many shards together are one more sum, whatever their rows.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import log, sqrt
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from resources.recipe.model import Checks

# Levels by value: of words, each 1/20 of a doubling; of a share, each hundredth; of a score, each point.
SHARES = ("repeated_share", "earlier_share", "page_share", "edit_share")
SCORES = ("length_score", "doubt")
MEASURED = ("words", *SCORES, *SHARES)
NAMED = ("language", "written_language")  # their levels are their values
SIGNALS = (*MEASURED, *NAMED)
A_DOUBLING = 20
BINS = 10
LEAST_COUNT = 0.5  # added to each bin's count, so that an empty one has a logarithm
# What chance alone shows once in so many comparisons is no drift: 9 signals of 87 shards are 783 of them, and of the
# measured ones PSI and KS have to agree.
ONE_IN = 100_000
QUANTILE = 4.2649  # of the normal distribution, at 1 - 1 / ONE_IN
Verdict = Literal["too few", "as before", "drifted"]
Level: TypeAlias = int | str
Values: TypeAlias = npt.NDArray[np.float64] | npt.NDArray[np.str_]


@dataclass(frozen=True)
class Spread:
    """One signal of some segments. counts: segments by level; independent: how many independent ones they are worth."""

    counts: Counter[Level] = field(default_factory=Counter)
    independent: float = 0.0

    @property
    def total(self) -> int:
        """Segments that have a value."""
        return self.counts.total()


class Spreads(NamedTuple):
    """The signals of a shard. rows: all its segments; by_signal: those of SIGNALS."""

    rows: int
    by_signal: Mapping[str, Spread]


class SignalDrift(NamedTuple):
    """One signal of a shard against the shards before it. psi: population stability index. ks: the largest distance
    between the two cumulative distributions, None of names; *_needed: from where on it counts."""

    signal: str
    psi: float
    psi_needed: float
    ks: float | None
    ks_needed: float
    says: str

    @property
    def drifted(self) -> bool:
        """Both have to say so."""
        return self.psi >= self.psi_needed and (self.ks is None or self.ks >= self.ks_needed)

    def told(self) -> str:
        """One clause: `median 95 after 210 (PSI 2.31, KS 0.62)`."""
        ks = "" if self.ks is None else f", KS {self.ks:.2f}"
        return f"{self.says} (PSI {self.psi:.2f}{ks})"


@dataclass(frozen=True)
class ShardDrift:
    """A shard against those before it. rows, before: segments of both sides; signals: the largest PSI first."""

    shard: str
    verdict: Verdict
    rows: int
    before: int
    signals: Sequence[SignalDrift] = ()

    @property
    def drifted(self) -> list[SignalDrift]:
        """The signals that are not as before."""
        return [signal for signal in self.signals if signal.drifted]


def spread_of(signal: str, values: Values, examples: npt.NDArray[np.int_]) -> Spread:
    """values: of the segments that have one; examples: a number for each segment's example."""
    if not len(values):
        return Spread()
    levels = values if signal in NAMED else _levels(signal, values.astype(float))
    names, place, times = np.unique(levels, return_inverse=True, return_counts=True)
    measured = (place == np.argmax(times)).astype(float) if signal in NAMED else np.asarray(levels, float)
    return Spread(Counter(dict(zip(names.tolist(), times.tolist(), strict=True))), independent(measured, examples))


def drift_of_shards(shards: Mapping[str, Spreads], limits: Checks) -> dict[str, ShardDrift]:
    """Each shard, in order, against those before it that have not drifted themselves: those of its own collection
    (`<collection>-<nnn>`) where these have enough rows, else all of them."""
    found, before, of_all = dict[str, ShardDrift](), dict[str, Spreads](), Spreads(0, {})
    for shard, spreads in shards.items():
        collection = shard.rpartition("-")[0]
        own = before.get(collection, Spreads(0, {}))
        found[shard] = drift_of(shard, spreads, own if own.rows >= limits.drift_rows else of_all, limits)
        if found[shard].verdict != "drifted":
            before[collection], of_all = together(own, spreads), together(of_all, spreads)
    return found


def together(some: Spreads, others: Spreads) -> Spreads:
    """Of several shards as one."""
    spreads = dict[str, Spread]()
    for name in SIGNALS:
        left, right = some.by_signal.get(name, Spread()), others.by_signal.get(name, Spread())
        counts = left.counts.copy()
        counts.update(right.counts)
        spreads[name] = Spread(counts, left.independent + right.independent)
    return Spreads(some.rows + others.rows, spreads)


def drift_of(shard: str, now: Spreads, before: Spreads, limits: Checks) -> ShardDrift:
    """One shard against others, taken together."""
    if min(now.rows, before.rows) < limits.drift_rows:
        return ShardDrift(shard, "too few", now.rows, before.rows)
    signals = [
        compare(name, now.by_signal[name], before.by_signal[name], limits)
        for name in SIGNALS
        if min(now.by_signal[name].total, before.by_signal[name].total) >= limits.drift_rows
    ]
    signals.sort(key=lambda signal: -signal.psi)
    drifted = any(signal.drifted for signal in signals)
    return ShardDrift(shard, "drifted" if drifted else "as before", now.rows, before.rows, signals)


def compare(signal: str, now: Spread, then: Spread, limits: Checks) -> SignalDrift:
    """What chance shows is never drift: of one distribution, PSI / (1/n + 1/m) follows chi squared with a degree of
    freedom less than bins, and KS its own law."""
    levels = sorted({*now.counts, *then.counts}, key=lambda level: (str(type(level)), level))
    counts = [np.array([side.counts[level] for level in levels], float) for side in (now, then)]
    noise = 1 / max(1.0, now.independent) + 1 / max(1.0, then.independent)
    ks, says = None, _commonest(now, then)
    if signal in MEASURED:
        ks = ks_distance(*counts)
        says = f"median {_median(signal, now)} after {_median(signal, then)}"
        counts = _binned(*counts)
    psi_needed = max(limits.drift_psi, chi_squared(len(counts[0]) - 1) * noise)
    ks_needed = max(limits.drift_ks, sqrt(log(2 * ONE_IN) / 2 * noise))
    return SignalDrift(signal, psi_of(*counts), psi_needed, ks, ks_needed, says)


def psi_of(now: npt.NDArray[np.float64], then: npt.NDArray[np.float64]) -> float:
    """Population stability index: the sum over bins of (p - q) ln(p / q). now, then: counts by bin."""
    p, q = ((counts + LEAST_COUNT) / (counts + LEAST_COUNT).sum() for counts in (now, then))
    return float(np.sum((p - q) * np.log(p / q)))


def ks_distance(now: npt.NDArray[np.float64], then: npt.NDArray[np.float64]) -> float:
    """Kolmogorov-Smirnov: the largest distance between two cumulative distributions, 0-1. now, then: counts by level,
    in order."""
    return float(np.max(np.abs(np.cumsum(now) / now.sum() - np.cumsum(then) / then.sum())))


def chi_squared(freedom: int) -> float:
    """What chi squared with so many degrees of freedom exceeds once in ONE_IN, or a little more (Wilson and Hilferty
    1931)."""
    if freedom < 1:
        return 0.0
    spread = 2 / (9 * freedom)
    return float(freedom * (1 - spread + QUANTILE * sqrt(spread)) ** 3)


def independent(values: npt.NDArray[np.float64], examples: npt.NDArray[np.int_]) -> float:
    """How many independent values some are worth that come by example: n / (1 + (m - 1) r) of n values, m an example,
    which are alike within an example by r, the intraclass correlation (of one-way analysis of variance)."""
    count = len(values)
    _, group = np.unique(examples, return_inverse=True)
    sizes = np.bincount(group).astype(float)
    groups = len(sizes)
    if groups < 2 or groups == count:
        return float(groups)
    means = np.bincount(group, values) / sizes
    between = float(np.sum(sizes * (means - values.mean()) ** 2)) / (groups - 1)
    within = float(np.sum((values - means[group]) ** 2)) / (count - groups)
    size = (count - float(np.sum(sizes**2)) / count) / (groups - 1)
    total = between + (size - 1) * within
    alike = min(1.0, max(0.0, (between - within) / total)) if total > 0 else 1.0
    return count / (1 + (count / groups - 1) * alike)


def _levels(signal: str, values: npt.NDArray[np.float64]) -> npt.NDArray[np.int_]:
    if signal == "words":
        values = A_DOUBLING * np.log2(1 + np.maximum(values, 0))
    return np.rint(values * (100 if signal in SHARES else 1)).astype(np.int_)


def _binned(now: npt.NDArray[np.float64], then: npt.NDArray[np.float64]) -> list[npt.NDArray[np.float64]]:
    """Counts by the tenths of `then`; fewer bins where many segments are alike."""
    places = np.searchsorted(np.cumsum(then), np.arange(1, BINS) / BINS * then.sum(), side="left")
    edges = np.unique(places) + 1
    return [np.add.reduceat(np.append(side, 0.0), np.unique([0, *edges])) for side in (now, then)]


def _median(signal: str, spread: Spread) -> str:
    levels = sorted(level for level in spread.counts if isinstance(level, int))
    below = np.cumsum([spread.counts[level] for level in levels])
    level = levels[int(np.searchsorted(below, spread.total / 2))]
    value = 2 ** (level / A_DOUBLING) - 1 if signal == "words" else level
    return f"{value / 100:.0%}" if signal in SHARES else f"{value:.0f}"


def _commonest(now: Spread, then: Spread) -> str:
    """The name whose share changed most."""
    shares = {name: (now.counts[name] / now.total, then.counts[name] / then.total) for name in now.counts | then.counts}
    name, (share, before) = max(shares.items(), key=lambda item: abs(item[1][0] - item[1][1]))
    return f"{share:.0%} `{name}` after {before:.0%}"
