"""How much people agree on the segments that several of them decided about, and with the critic. Pure."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean
from typing import NamedTuple

from resources.decisions.decision import Decision, Target
from resources.decisions.settle import agree, likeness

EDITED = "edited"  # the quality besides the kinds of error: whether the draft was left as it was
MOST_PAIRS = 10  # of people, that are named


@dataclass(frozen=True)
class Alpha:
    """Krippendorff's alpha for nominal data. value: 1 where all agree, 0 as by chance; None where nothing varies or no
    unit has two values. units: that have two values or more; values: in them."""

    value: float | None
    units: int
    values: int


class Critics(NamedTuple):
    """What the critic made of a segment, and what it had. errors: kinds that it named."""

    original: str
    text: str
    errors: frozenset[str]


@dataclass(frozen=True)
class PairOfPeople:
    """Two people, over the segments that both decided about. differ: the share on which they say different things, 0-1;
    likeness: of the texts, mean, where both have one."""

    one: str
    other: str
    segments: int
    differ: float
    likeness: float | None


@dataclass(frozen=True)
class Agreement:
    """between, critic: kind of error, or EDITED -> alpha, between people and of each person against the critic.
    texts, texts_critic: mean likeness of two texts of one segment, 0-1, and of how many pairs. pairs: those who differ
    most first."""

    segments: int  # with the decision of one person or more
    shared: int  # … of two or more
    people: int
    between: Mapping[str, Alpha]
    critic: Mapping[str, Alpha]
    texts: tuple[float | None, int]
    texts_critic: tuple[float | None, int]
    pairs: Sequence[PairOfPeople]


Unit = tuple[
    Target, str
]  # a segment, and the hash of what was shown of it: who saw another text was asked another thing


def alpha(units: Iterable[Sequence[Hashable]]) -> Alpha:
    """Krippendorff's alpha, nominal: 1 - observed / expected disagreement, over the values that can be paired.

    units: the values that each unit got, in any order; of what nobody said there is no value. Source: K. Krippendorff,
    Computing Krippendorff's Alpha-Reliability (2011), section C.
    """
    paired = [Counter(values) for values in units if len(values) > 1]
    totals = Counter[Hashable]()
    for counts in paired:
        totals.update(counts)
    n = totals.total()
    expected = n * n - sum(count * count for count in totals.values())  # (n - 1) n times D_e
    if not expected:
        return Alpha(None, len(paired), n)
    observed = sum(
        (counts.total() ** 2 - sum(count * count for count in counts.values())) / (counts.total() - 1)
        for counts in paired
    )
    return Alpha(1 - (n - 1) * observed / expected, len(paired), n)


def agreement(
    decisions: Iterable[Decision], critics: Mapping[Unit, Critics], kinds: Sequence[str], alike: float
) -> Agreement:
    """Over the newest decision of each person on each text, without those that were withdrawn. `drop` says nothing of
    kinds or of a text. critics: of the segments whose text is that of now; alike: of the recipe.
    """
    said = newest(decisions)
    labelled = {
        unit: {who: each for who, each in by.items() if each.verdict in ("corrected", "fine")}
        for unit, by in said.items()
    }
    qualities = (*kinds, EDITED)
    against = [
        (_labels(each, kinds), _critics_labels(critics[unit], kinds), _text(each, critics[unit]), critics[unit].text)
        for unit, by in labelled.items()
        if unit in critics
        for each in by.values()
    ]
    between = {
        name: alpha([[_labels(each, kinds)[name] for each in by.values()] for by in labelled.values()])
        for name in qualities
    }
    likenesses = [
        likeness(one, other)
        for unit, by in labelled.items()
        for one, other in combinations(_texts(by.values(), critics.get(unit)), 2)
    ]
    return Agreement(
        len(said),
        sum(len(by) > 1 for by in said.values()),
        len({who for by in said.values() for who in by}),
        between,
        {name: alpha([(mine[name], critic[name]) for mine, critic, _, _ in against]) for name in qualities},
        _mean(likenesses),
        _mean([likeness(text, critic) for _, _, text, critic in against if text is not None]),
        _pairs(said, critics, alike)[:MOST_PAIRS],
    )


def newest(decisions: Iterable[Decision]) -> dict[Unit, dict[str, Decision]]:
    """Segment and text -> person -> what they said last of it; those who withdrew it are left out."""
    said = defaultdict[Unit, dict[str, Decision]](dict)
    withdrawn = dict[tuple[Target, str], Decision]()
    for each in sorted(decisions, key=lambda each: (each.at, each.verdict == "withdrawn", each.decision_id)):
        if each.kind != "segment":
            continue
        if each.verdict == "withdrawn":
            withdrawn[each.about, each.who] = each
        else:
            said[each.about, each.seen][each.who] = each
    found = dict[Unit, dict[str, Decision]]()
    for unit, by in said.items():
        kept = {
            who: each
            for who, each in by.items()
            if (unit[0], who) not in withdrawn or withdrawn[unit[0], who].at < each.at
        }
        found |= {unit: kept} if kept else {}
    return found


def _labels(decision: Decision, kinds: Sequence[str]) -> dict[str, bool]:
    return {**{name: name in decision.errors for name in kinds}, EDITED: decision.verdict == "corrected"}


def _critics_labels(critics: Critics, kinds: Sequence[str]) -> dict[str, bool]:
    return {**{name: name in critics.errors for name in kinds}, EDITED: critics.text != critics.original}


def _text(decision: Decision, critics: Critics | None) -> str | None:
    """The text that a decision leaves; None where it is not known."""
    if decision.verdict == "corrected":
        return decision.text
    return critics.original if decision.verdict == "fine" and critics else None


def _texts(decisions: Iterable[Decision], critics: Critics | None) -> list[str]:
    return [text for each in decisions if (text := _text(each, critics)) is not None]


def _pairs(
    said: Mapping[Unit, Mapping[str, Decision]], critics: Mapping[Unit, Critics], alike: float
) -> list[PairOfPeople]:
    common = defaultdict[tuple[str, str], list[tuple[bool, float | None]]](list)
    for unit, by in said.items():
        for one, other in combinations(sorted(by), 2):
            texts = _texts((by[one], by[other]), critics.get(unit))
            same = likeness(*texts) if len(texts) == 2 else None
            common[one, other].append((agree(by[one], by[other], alike), same))
    found = [
        PairOfPeople(
            one,
            other,
            len(some),
            fmean(not same for same, _ in some),
            _mean([each for _, each in some if each is not None])[0],
        )
        for (one, other), some in common.items()
    ]
    return sorted(found, key=lambda pair: (-pair.differ, -pair.segments, pair.one, pair.other))


def _mean(values: Sequence[float]) -> tuple[float | None, int]:
    return (fmean(values) if values else None), len(values)
