"""The training mix: how many examples of each kind and length are drawn, which ones, and how near that is to the aim.

A stratum is a kind and a length bucket. `plan_mix` finds counts per stratum whose sums over kinds and over buckets are
the wanted ones. Targets are met exactly wherever what is available allows it (a maximum flow from kinds to buckets
decides that), and inside them the strata keep the proportions of what is available (iterative proportional fitting).
"""

import hashlib
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from assets.sft_dataset.flow import Caps, fill_up, fit_margins
from resources.recipe.model import Mix

BUCKETS: dict[str, tuple[int, float]] = {  # words written: at least, fewer than
    "<500": (0, 500),
    "500-1500": (500, 1500),
    "1500-2000": (1500, 2000),
    "2000-4000": (2000, 4001),
    ">4000": (4001, float("inf")),
}
SHORT, LONG = ("<500", "500-1500"), ">4000"
Stratum = tuple[str, str]  # kind, bucket
Name = TypeVar("Name", str, int)


@dataclass(frozen=True)
class MixPlan:
    """counts: stratum -> examples to draw. kinds, buckets: the wanted examples of each, adding up to `size`."""

    size: int
    counts: Counter[Stratum]
    kinds: dict[str, int]
    buckets: dict[str, int]

    def drawn(self, name: str) -> int:
        """Examples drawn of a kind or of a bucket."""
        return sum(count for stratum, count in self.counts.items() if name in stratum)

    def off(self, mix: Mix) -> float:
        """By how much the worst share misses what the recipe sets, 0-1; 0: every target is met."""
        missed = [max(0, count - sum(map(self.drawn, names))) for names, count in _least(mix, self.size)]
        for given, wanted in ((mix.kinds, self.kinds), (mix.buckets, self.buckets)):
            missed += [abs(count - self.drawn(name)) for name, count in wanted.items()] if given else []
        return max(missed) / (self.size or 1)


def bucket_of(words: int) -> str:
    """The bucket of a text by the words that were written."""
    return next(name for name, (low, high) in BUCKETS.items() if low <= words < high)


def plan_mix(available: Mapping[Stratum, int], mix: Mix) -> MixPlan:
    """How many examples of each stratum to train on; never more than `available`, and `mix.size` in all where it can.

    size unset: everything. Else shares of kinds and buckets as the recipe sets them, or as they come where it sets
    none, and at least long_share and short_share. Where not all can be met, kinds come first, then the least shares,
    then the buckets; the plan's `off` says by how much it misses.
    """
    total = sum(available.values())
    size = min(mix.size or total, total)
    strata = {stratum: count for stratum, count in available.items() if count}
    given_kinds, given_buckets = dict[str, float](mix.kinds.items()), dict[str, float](mix.buckets.items())
    kinds = _whole(size, given_kinds or _natural(strata, 0, given_buckets))
    buckets = _bucket_targets(size, given_buckets or _natural(strata, 1, given_kinds), mix)
    if mix.size is None:
        return MixPlan(size, Counter(strata), kinds, buckets)
    any_kind, any_bucket = dict.fromkeys((kind for kind, _ in strata), size), dict.fromkeys(BUCKETS, size)
    soft_kinds = kinds if mix.kinds else any_kind
    soft_buckets = buckets if mix.buckets else any_bucket
    flow = Counter[Stratum]()
    for rows in (kinds, soft_kinds):
        _reach_least(flow, strata, rows, buckets, mix, size)
    for caps in (
        Caps(kinds, buckets),
        Caps(soft_kinds, buckets),
        Caps(kinds, soft_buckets),
        Caps(soft_kinds, soft_buckets),
        Caps(kinds, any_bucket),
        Caps(any_kind, any_bucket),
    ):
        fill_up(flow, strata, caps, size)
    return MixPlan(size, fit_margins(flow, strata), kinds, buckets)


def largest_size(available: Mapping[Stratum, int], mix: Mix) -> int:
    """The most examples that meet every share of the recipe; 0 where no number does."""
    low, high = 0, sum(available.values())
    while low < high:
        middle = (low + high + 1) // 2
        met = plan_mix(available, mix.model_copy(update={"size": middle})).off(mix) == 0
        low, high = (middle, high) if met else (low, middle - 1)
    return low


def draw_order(seed: int, example_id: str) -> int:
    """Examples of a stratum are drawn by this hash, lowest first: more shards change few of those drawn before."""
    return int.from_bytes(hashlib.blake2b(f"{seed} {example_id}".encode(), digest_size=8).digest(), "big")


def _reach_least(
    flow: Counter[Stratum],
    strata: Mapping[Stratum, int],
    rows: Mapping[str, int],
    buckets: Mapping[str, int],
    mix: Mix,
    size: int,
) -> None:
    """Raise `flow` towards the least numbers of long texts, then of short ones, as the wanted buckets split these."""
    for names, least in _least(mix, size):
        for caps in ({name: buckets[name] for name in names}, dict.fromkeys(names, size)):
            have = sum(count for (_, bucket), count in flow.items() if bucket in names)
            fill_up(flow, strata, Caps(rows, caps), min(size, flow.total() + max(0, least - have)))


def _least(mix: Mix, size: int) -> tuple[tuple[tuple[str, ...], int], ...]:
    """The buckets that the recipe sets a least share for, and how many examples that is."""
    long = math.ceil(round(mix.long_share * size, 6))
    return ((LONG,), long), (SHORT, min(size - long, math.ceil(round(mix.short_share * size, 6))))


def _natural(strata: Mapping[Stratum, int], axis: int, other: Mapping[str, float]) -> dict[str, float]:
    """Shares of kinds (axis 0) or buckets (1) as they come, under the shares that the recipe sets for the other."""
    sums = Counter[str]()
    for stratum, count in strata.items():
        sums[stratum[1 - axis]] += count
    shares = dict.fromkeys((stratum[axis] for stratum in strata), 0.0)
    for stratum, count in strata.items():
        beside = stratum[1 - axis]
        shares[stratum[axis]] += (other.get(beside, 0) if other else sums[beside]) * count / sums[beside]
    return shares


def _bucket_targets(size: int, shares: Mapping[str, float], mix: Mix) -> dict[str, int]:
    """Examples of every bucket: the shares, raised to the least numbers; what exceeds these shrinks in proportion."""
    total = sum(shares.values()) or 1.0
    wanted = {name: size * shares.get(name, 0.0) / total for name in BUCKETS}
    middle = tuple(name for name in BUCKETS if name not in (*SHORT, LONG))
    groups = [*_least(mix, size), (middle, 0)]
    raised = [max(least, sum(wanted[name] for name in names)) for names, least in groups]
    spare = sum(value - least for value, (_, least) in zip(raised, groups, strict=True))
    give = max(0.0, sum(raised) - size) / spare if spare else 0.0
    whole = _whole(
        size,
        {
            index: value - give * (value - least)
            for index, (value, (_, least)) in enumerate(zip(raised, groups, strict=True))
        },
    )
    return {
        name: count
        for index, (names, _) in enumerate(groups)
        for name, count in _whole(whole[index], {name: wanted[name] for name in names}).items()
    }


def _whole(size: int, shares: Mapping[Name, float]) -> dict[Name, int]:
    """Shares as whole numbers that add up to `size` (largest remainder); equal ones where all shares are 0."""
    total = sum(shares.values())
    exact = {name: size * share / total if total else size / len(shares) for name, share in shares.items()}
    counts = {name: int(value + 1e-9) for name, value in exact.items()}
    for name in sorted(exact, key=lambda name: counts[name] - exact[name])[: size - sum(counts.values())]:
        counts[name] += 1
    return counts
