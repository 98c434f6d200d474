"""What people decide about quarantined items: ask again, keep out, let one row through one rule of a gate. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from resources.decisions.decision import Decision, Target, text_hash
from resources.decisions.settle import settle

# The rules of a gate that a person may lift for one row: those of taste. The others hold a promise (nothing of the
# benchmark, nothing twice, nothing that was dropped or does not fit).
LIFTABLE = ("refusal", "language", "coverage", "repetition", "length", "near_duplicate")


def item_target(step: str, item: str) -> Target:
    """What a step set aside. item: id of the example, of the document where there is no example yet."""
    return Target("quarantined", f"{step}/{item}")


def rule_target(gate: str, rule: str, row: str) -> Target:
    """A row that a gate left out by a rule: to be let through by one rule is not to be let through by the others."""
    return Target("quarantined", f"{gate}/{rule}/{row}")


@dataclass(frozen=True)
class ShownAside:
    """What a person sees of a quarantined item. rule: of a gate, by which it was left out, empty of other steps. text:
    what that row teaches; call_id: key of the last question to a model, empty where none was asked."""

    step: str
    rule: str = ""
    text: str = ""
    call_id: str = ""

    @property
    def seen(self) -> str:
        """The hash by which a decision is known to be about just this: of the text, or of the question to a model."""
        return self.call_id if self.call_id and not self.rule else text_hash(self.text)


@dataclass(frozen=True)
class QuarantineDecisions:
    """again: keys of calls whose answers are not to be used; dropped: what is kept out, by the id of its target."""

    again: frozenset[str] = frozenset()
    dropped: frozenset[str] = frozenset()


def quarantine_decisions(decisions: Iterable[Decision]) -> QuarantineDecisions:
    """What steps do about them. `drop` counts for the item, whatever was wrong with it. Each `retry` that stands counts
    once, for the answer that it was made on: when the further attempt fails too, the next `retry` is on that one.
    """
    made = defaultdict[Target, list[Decision]](list)
    for decision in decisions:
        if decision.kind == "quarantined":
            made[decision.about].append(decision)
    whatever = (replace(each, seen="") for some in made.values() for each in some)
    outcomes = settle(whatever, dict.fromkeys(made, ""), 1.0)
    counting = {target: outcome.decision.verdict for target, outcome in outcomes.items() if outcome.decision}
    return QuarantineDecisions(
        frozenset(
            each.seen for target, verdict in counting.items() if verdict == "retry" for each in _retries(made[target])
        ),
        frozenset(target.id for target, verdict in counting.items() if verdict == "drop"),
    )


def _retries(decisions: Sequence[Decision]) -> list[Decision]:
    """Those that their person has not withdrawn since."""
    withdrawn = dict[str, float]()
    for each in decisions:
        if each.verdict == "withdrawn":
            withdrawn[each.who] = max(each.at, withdrawn.get(each.who, each.at))
    return [each for each in decisions if each.verdict == "retry" and each.at > withdrawn.get(each.who, -1.0)]


def fault_aside(decision: Decision, shown: ShownAside | None) -> str:
    """Why a decision about a quarantined item is not taken, one sentence; empty where it is. None: it is gone."""
    name, verdict = decision.target, decision.verdict
    if shown is None:
        return f"{name}: no quarantine has this item: it is gone, or was let through since."
    if verdict == "retry" and shown.rule:
        return f"{name}: a gate asks no model: `accept` lets a row through, a segment can be corrected."
    if verdict == "retry" and not shown.call_id:
        return (
            f"{name}: no model was asked for it, so there is nothing to ask again: mend its source and run its shard."
        )
    if verdict == "accept" and shown.rule not in LIFTABLE:
        what = f"`{shown.rule}` of {shown.step}" if shown.rule else f"what {shown.step} could not make"
        return f"{name}: {what} cannot be let through: `accept` lifts {', '.join(LIFTABLE)} of sft_dataset."
    if verdict == "drop" and shown.rule:
        return f"{name}: is left out already; to keep it out for good, drop the example (`kind`: example)."
    if verdict in ("corrected", "fine"):
        return f"{name}: a quarantined item has no text to be {verdict}: retry, accept, drop and withdrawn are for it."
    return ""
