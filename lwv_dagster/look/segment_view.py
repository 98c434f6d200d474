"""All that the queue shows of one segment: its page, its texts beside each other, its doubt, what people decided."""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assets.corrected_segments.laid_over import critics_row
from assets.corrected_segments.schema import CORRECTED_SEGMENTS, CorrectedSegment
from assets.long_outputs.schema import LONG_OUTPUTS
from assets.quality.names import names_for
from assets.segments.schema import SEGMENTS
from assets.signals.schema import SIGNALS, Signal
from lwv_dagster.annotate.targets import Place, segment_of
from lwv_dagster.look.standing import Standings, state_of
from lwv_dagster.look.word_diff import Run, word_diff
from resources.decisions.decision import Decision, Target
from resources.decisions.settle import Settled
from resources.store import Store
from resources.table import Row, Table

NEIGHBOUR = 160  # characters of the segment before and after that are shown
OUTPUT_COLUMNS = ("example_id", "document_id", "documents", "kind", "split", "language", "images", "request", "author")


@dataclass(frozen=True)
class Said:
    """A decision as it is shown. when: in words; changes: of a correction, against the critic's version; stale: made on
    a text that has changed since; counts: whether it is the one that is applied."""

    decision: Decision
    when: str
    changes: Sequence[Run]
    stale: bool
    counts: bool


@dataclass(frozen=True)
class View:
    """One segment. name: file and page; signal: None where `signals` has no row of it; before, after: the ends of its
    neighbours that touch it, as they now count; critic: the critic's row, None where it saw none of it; changes: what
    it changed; missing: of its images, those that are not stored."""

    place: Place
    name: str
    index: int
    signal: Signal | None
    before: str
    after: str
    critic: CorrectedSegment | None
    changes: Sequence[Run]
    missing: Sequence[str]
    state: str
    said: Sequence[Said]

    @property
    def current(self) -> str:
        """The text that counts now, whether the tables have it yet or not: where a correction begins."""
        counting = next((each.decision for each in self.said if each.counts), None)
        if counting is None or counting.verdict not in ("corrected", "fine"):
            return self.place.shown.text
        return counting.text if counting.verdict == "corrected" else self.place.shown.original

    @property
    def named(self) -> Sequence[str]:
        """The kinds of error that a correction begins with."""
        counting = next((each.decision for each in self.said if each.counts), None)
        return counting.errors if counting and counting.verdict == "corrected" else self.place.errors

    @property
    def known(self) -> str:
        """The ids of the decisions that are shown: whoever saves has seen these."""
        return " ".join(each.decision.decision_id for each in self.said)


def segment_view(store: Store, shard: str, segment_id: str, standings: Standings) -> View | None:
    """It as of now; None where it is gone. Raises MissingTableError, DamagedTableError."""
    example_id = segment_id.rpartition("-")[0]
    segments = {row["index"]: row for row in _of_example(store, SEGMENTS, shard, example_id)}
    segment = next((row for row in segments.values() if row["segment_id"] == segment_id), None)
    output = next(iter(_of_example(store, LONG_OUTPUTS, shard, example_id, OUTPUT_COLUMNS)), None)
    if segment is None or output is None:
        return None
    corrected = {row["index"]: row for row in _of_example(store, CORRECTED_SEGMENTS, shard, example_id)}
    index = segment["index"]
    critic = critics_row(corrected[index]) if index in corrected else None
    place = segment_of(shard, output, segment, critic)
    signals = [
        row
        for row in _of_example(store, SIGNALS, shard, example_id)
        if row["segment_id"] == segment_id and {"doubt", "parts", "rules"} <= set(row)  # or the table is older
    ]
    neighbours = {at: (corrected.get(at) or row)["text"] for at, row in segments.items()}
    said = said_of(place, standings)
    return View(
        place,
        names_for(store, [shard], [segment_id]).of(segment_id),
        index,
        signals[0] if signals else None,
        end_of(neighbours.get(index - 1, "")),
        begin_of(neighbours.get(index + 1, "")),
        critic,
        word_diff(place.shown.original, place.shown.text) if critic and critic["edited"] else (),
        [image for image in place.images if not store.image_path(image).is_file()],
        state_of(standings.outcomes[place.target]) if place.target in standings.outcomes else "",
        said,
    )


def end_of(text: str) -> str:
    """The last characters of a text, from a word or a Chinese character on."""
    if len(text) <= NEIGHBOUR:
        return text
    return "…" + re.sub(r"^[^\W\u3400-\u9fff]+\s+", "", text[-NEIGHBOUR:])


def begin_of(text: str) -> str:
    """The first characters of a text, up to a word or a Chinese character."""
    if len(text) <= NEIGHBOUR:
        return text
    return re.sub(r"\s+[^\W\u3400-\u9fff]+$", "", text[:NEIGHBOUR]) + "…"


def said_of(place: Place, standings: Standings) -> list[Said]:
    """What people decided about it or about the whole that it is of, newest first."""
    wholes = {Target("example", place.example_id), *(Target("document", name) for name in place.output["documents"])}
    outcome = standings.outcomes.get(place.target, Settled())
    found = [each for each in standings.decisions if each.about == place.target or each.about in wholes]
    return [_said(each, place, outcome) for each in reversed(found)]


def _said(decision: Decision, place: Place, outcome: Settled) -> Said:
    corrected = decision.verdict == "corrected"
    return Said(
        decision,
        time.strftime("%Y-%m-%d %H:%M", time.localtime(decision.at)),
        word_diff(place.shown.text, decision.text) if corrected else (),
        decision.kind == "segment" and decision.seen != place.shown.seen,
        decision == outcome.decision,
    )


def _of_example(
    store: Store, table: Table[Row], shard: str, example_id: str, columns: Sequence[str] | None = None
) -> list[Row]:
    if not store.has_table(table.name, shard):
        return []
    return list(store.rows_where(table, shard, "example_id", [example_id], columns))


def part_sentences(signal: Mapping[str, Any]) -> list[tuple[int, str, str]]:
    """(points, name of the part, a sentence) of each part of the doubt, most points first."""
    return [
        (part["points"], part["part"], f"{part['why'][:1].upper()}{part['why'][1:]}.") for part in signal["parts"] or ()
    ]
