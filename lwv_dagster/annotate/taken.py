"""Lines of whatever content, sorted out: the decisions that are taken, and a sentence for each line that is not."""

import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from assets.corrected_segments.schema import ERRORS
from assets.quality.names import all_shards
from lwv_dagster.annotate.set_aside import Aside, asides
from lwv_dagster.annotate.targets import Place, find
from resources.decisions.decision import KINDS, Decision, Target, text_hash
from resources.decisions.decision_faults import DecisionError, decision_of, fault
from resources.decisions.quarantined import fault_aside
from resources.recipe.read import read_recipe
from resources.store import Store


class Line(NamedTuple):
    """A JSON object that says what somebody decided. name: what it is called in a sentence: `Line 3`."""

    name: str
    says: dict[str, object]


@dataclass
class Taken:
    """What some lines hold. new: decisions that are not known yet; refused: a sentence for each line that is not taken;
    known, undecided: how many lines; stale: of the new ones, made on a text that has changed since. places, asides:
    where the targets of the new ones are."""

    new: list[Decision] = field(default_factory=list)
    places: dict[Target, Place] = field(default_factory=dict)
    asides: dict[Target, Aside] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    known: int = 0
    undecided: int = 0
    stale: int = 0


def sort_out(
    store: Store, lines: Sequence[Line], before: Sequence[Decision], taken: Taken, first: Iterable[str] = ()
) -> Taken:
    """Add what the lines say to `taken`. before: the decisions that are saved; first: shards that are looked into
    before the others. Raises RecipeError."""
    shards = all_shards(store)
    shards = [*(shard for shard in dict.fromkeys(first) if shard in shards), *shards]
    wanted = {target for line in lines if (target := _named(line.says))}
    found = find(store, dict.fromkeys(shards), {target for target in wanted if target.kind != "quarantined"})
    aside = dict[Target, Aside]()
    if any(target.kind == "quarantined" for target in wanted):
        alike = read_recipe().corrections.alike
        aside = {each.target: each for each in asides(store, all_shards(store), before, alike) if each.target in wanted}
    seen = {target: place.shown.seen for target, place in found.items()}
    seen |= {target: each.shown.seen for target, each in aside.items()}
    ids, newest = {each.decision_id for each in before}, {(each.who, each.about): each.says for each in before}
    decided, now = {each.about for each in before}, time.time()
    for name, says in lines:
        try:
            decision = decision_of(_with_seen(says, seen), now)
        except DecisionError as error:
            taken.refused.append(f"{name}: {error}")
            continue
        target = decision.about
        if why := _fault(decision, found, aside, decided):
            taken.refused.append(f"{name}: {why}")
        elif decision.decision_id in ids or (
            says.get("at") is None and newest.get((decision.who, target)) == decision.says
        ):
            taken.known += 1
        else:
            ids.add(decision.decision_id)
            newest[decision.who, target] = decision.says
            taken.new.append(decision)
            taken.places |= {target: found[target]} if target in found else {}
            taken.asides |= {target: aside[target]} if target in aside else {}
            taken.stale += decision.seen != seen.get(target, decision.seen)
    return taken


def _fault(
    decision: Decision, found: dict[Target, Place], aside: dict[Target, Aside], decided: Collection[Target]
) -> str:
    if decision.kind == "quarantined":
        item = aside.get(decision.about)
        if item is None and decision.verdict == "withdrawn" and decision.about in decided:
            return ""  # what was let through is in no quarantine any more
        return fault_aside(decision, item.shown if item else None)
    place = found.get(decision.about)
    return fault(decision, place.shown if place else None, ERRORS)


def _named(line: dict[str, object]) -> Target | None:
    kind = next((each for each in KINDS if each == line.get("kind", "segment")), None)
    return Target(kind, str(line.get("target")).strip()) if kind else None


def _with_seen(line: dict[str, object], seen: dict[Target, str]) -> dict[str, object]:
    """All but a segment may be named alone: it is meant as it is now."""
    target = _named(line)
    if target is None or target.kind == "segment" or line.get("seen"):
        return line
    return {**line, "seen": seen.get(target, text_hash(""))}  # of one that is gone, `fault` says so
