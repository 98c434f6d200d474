"""What people's decisions come to: which one counts for each target, where two people differ, what is stale. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from resources.decisions.decision import Decision, Target
from resources.text.words import tokens


@dataclass(frozen=True)
class Settled:
    """What became of one target. decision: the one that counts, if any. contested: those of two people who differ, so
    that none counts. stale: of people who decided on a text that has changed since."""

    decision: Decision | None = None
    contested: tuple[Decision, ...] = ()
    stale: tuple[Decision, ...] = ()


def settle(decisions: Iterable[Decision], seen: Mapping[Target, str], alike: float) -> dict[Target, Settled]:
    """The outcome for each target that anything stands for. seen: target -> the hash of its text now; those that are
    gone are missing. alike: from which `likeness` on two corrections are one.

    Of each person the newest decision on the text of now counts, and none where they withdrew it. One person decides;
    of two who agree the newer one does; two who differ leave it contested. From the third person on, who came last
    decides, knowing the others.
    """
    by_person = defaultdict[Target, dict[str, list[Decision]]](lambda: defaultdict(list))
    for decision in sorted(set(decisions), key=_order):
        by_person[decision.about][decision.who].append(decision)
    found = {target: _settled(people, seen.get(target), alike) for target, people in by_person.items()}
    return {target: outcome for target, outcome in found.items() if outcome != Settled()}


def _order(decision: Decision) -> tuple[float, bool, str]:
    return decision.at, decision.verdict == "withdrawn", decision.decision_id


def _settled(people: Mapping[str, list[Decision]], seen: str | None, alike: float) -> Settled:
    counting, stale = list[list[Decision]](), list[Decision]()
    for made in people.values():
        withdrawn = max((place for place, each in enumerate(made, 1) if each.verdict == "withdrawn"), default=0)
        standing = made[withdrawn:]
        if valid := [each for each in standing if each.seen == seen]:
            counting.append(valid)
        elif standing:
            stale.append(standing[-1])
    counting.sort(key=lambda valid: _order(valid[0]))  # by who came first
    newest, behind = [valid[-1] for valid in counting], tuple(sorted(stale, key=_order))
    if len(newest) == 2 and not agree(newest[0], newest[1], alike):
        return Settled(contested=tuple(newest), stale=behind)
    deciding = newest[-1:] if len(newest) > 2 else newest
    return Settled(max(deciding, key=_order, default=None), stale=behind)


def agree(one: Decision, other: Decision, alike: float) -> bool:
    """Whether two decisions say the same: verdict, kinds of error, and a text that is alike."""
    return (
        one.verdict == other.verdict
        and set(one.errors) == set(other.errors)
        and likeness(one.text, other.text) >= alike
    )


def likeness(one: str, other: str) -> float:
    """How alike two texts are, 0 to 1: the share of pairs of neighbouring words that both have (Dice)."""
    if one == other:
        return 1.0
    left, right = (Counter(pairwise(["", *tokens(text), ""])) for text in (one, other))
    return 2 * (left & right).total() / (left.total() + right.total())
