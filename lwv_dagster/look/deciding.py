"""A decision that a page sends: checked as one that a file brings, told what it does, and saved."""

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from assets.corrected_segments.schema import ERRORS
from assets.segments.schema import SEGMENTS
from lwv_dagster.annotate.reach import Reach, reach
from lwv_dagster.annotate.targets import Place, segment_place
from lwv_dagster.look.standing import Standing
from resources.decisions.decision import Decision
from resources.decisions.decision_faults import DecisionError, decision_of, fault
from resources.recipe.model import Recipe
from resources.store import Store
from resources.text.shown import in_line, number_of

CHANGED = (
    "This text has changed since you were shown it, so nothing was saved: what you wrote is kept here; look at the new "
    "text and save again."
)


class Refused(Exception):  # noqa: N818  # not an error of the program: an answer
    """A decision that is not taken; the sentence says why. known: the ids of the decisions that there are now, where
    somebody else decided meanwhile: who has seen them may save all the same."""

    def __init__(self, says: str, known: Sequence[str] = ()) -> None:
        super().__init__(says)
        self.known = known


@dataclass(frozen=True)
class Weighed:
    """A decision that may be taken: where, and what it does to the rows that are trained on."""

    decision: Decision
    place: Place
    reached: Sequence[Reach]
    new: bool

    @property
    def says(self) -> str:
        """What it does, a sentence."""
        return reach_says(self.reached)


def weighed(
    store: Store, shards: Collection[str], standing: Standing, recipe: Recipe, line: Mapping[str, object]
) -> Weighed:
    """A decision as a page sends it: the fields of `lwv annotate import` with `shard`, and `known`, ids of decisions
    that were shown beside it. Nothing of it is believed, and nothing is saved. shards: that there are.

    Raises Refused, LedgerError, MissingTableError, DamagedTableError.
    """
    try:
        decision = decision_of(line, time.time())
    except DecisionError as error:
        raise Refused(str(error)) from error
    shard = line.get("shard")
    known = isinstance(shard, str) and shard in shards and decision.kind == "segment"
    place = segment_place(store, str(shard), decision.target) if known else None
    if says := fault(decision, place.shown if place else None, ERRORS):
        raise Refused(says)
    assert place is not None, "fault() refuses what is gone"
    if decision.seen != place.shown.seen:
        raise Refused(CHANGED)
    before = standing.people().decisions(_targets(store, place))
    _require_seen([each for each in before if each.about == decision.about], decision, line.get("known"))
    newest = [each for each in before if (each.who, each.about) == (decision.who, decision.about)][-1:]
    new = [each.says for each in newest] != [decision.says]
    return Weighed(decision, place, reach(store, [place], before, [decision] if new else [], recipe), new)


def _require_seen(made: Sequence[Decision], decision: Decision, known: object) -> None:
    """Raises Refused where another person decided on it and that was not shown."""
    shown = known.split() if isinstance(known, str) else []
    for other in reversed(made):
        if decision.verdict != "withdrawn" and other.who != decision.who and other.decision_id not in shown:
            raise Refused(
                f"{in_line(other.who)} decided on this meanwhile: {other.verdict}. Nothing was saved; save again to "
                "say yours all the same.",
                [each.decision_id for each in made],
            )


def _targets(store: Store, place: Place) -> list[str]:
    """The ids of all that a decision can be about and that touches the rows of this example."""
    segments = store.rows_where(SEGMENTS, place.shard, "example_id", [place.example_id], ["segment_id", "example_id"])
    return [place.example_id, *place.output["documents"], *(row["segment_id"] for row in segments)]


def reach_says(reached: Iterable[Reach]) -> str:
    """`3 pairs new, 4 changed, weights of 7; …` of all examples together."""
    found = list(reached)
    if not found:
        return "No row that is trained on changes."
    counts = [sum(len(getattr(each, name)) for each in found) for name in ("new", "changed", "weighted", "gone")]
    names = ("{} new", "{} changed", "weights of {}", "{} gone")
    said = [name.format(f"{count:,}") for name, count in zip(names, counts, strict=True) if count]
    held = list(dict.fromkeys(name for each in found for name in each.held_by))
    holding = (
        f" {number_of(len(held), 'data set')} hold{'s' if len(held) == 1 else ''} the old rows: {', '.join(held)}."
    )
    return f"Rows that are trained on: {', '.join(said)}.{holding if held else ''}"
