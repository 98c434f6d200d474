"""People's decisions, laid over what the critic made of an example: after its chain, which sees only its own texts."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from assets.corrected_segments.schema import ERRORS, CorrectedSegment
from resources.authors import with_person
from resources.decisions.decision import Decision, Target, text_hash
from resources.decisions.settle import settle
from resources.text.words import count_words


class LaidOver(NamedTuple):
    """The rows with what was decided; how many of their segments are contested, and how many have a stale decision."""

    rows: list[CorrectedSegment]
    contested: int
    stale: int


def lay_over(rows: Sequence[CorrectedSegment], decisions: Iterable[Decision], alike: float) -> LaidOver:
    """rows: of one example or several, with or without earlier decisions laid over. Pure.

    `drop` changes no row: the gate obeys it.
    """
    critics = [critics_row(row) for row in rows]
    here = segments_seen(critics)
    outcomes = settle((each for each in decisions if each.about in here), here, alike)
    found = []
    for row in critics:
        outcome = outcomes.get(Target("segment", row["segment_id"]))
        found.append(decided_row(row, outcome.decision) if outcome and outcome.decision else row)
    return LaidOver(
        found,
        sum(bool(outcome.contested) for outcome in outcomes.values()),
        sum(bool(outcome.stale) for outcome in outcomes.values()),
    )


def segments_seen(rows: Iterable[CorrectedSegment]) -> dict[Target, str]:
    """The hashes of what a person is shown of each row: the original beside the critic's version."""
    return {Target("segment", row["segment_id"]): text_hash(row["original"], critics_row(row)["text"]) for row in rows}


def decided_row(row: CorrectedSegment, decision: Decision) -> CorrectedSegment:
    """A critic's row as the decision leaves it; the row itself where that changes neither text nor kinds of error."""
    text, named = row["text"], row["errors"]
    if decision.verdict == "corrected":
        text, named = decision.text, list(decision.errors)
    elif decision.verdict == "fine":  # a page that was not written has nothing to go back to
        text = row["original"] or text
    errors = [name for name in ERRORS if name in named and text != row["original"]]
    if (text, errors) == (row["text"], row["errors"]):
        return row
    return {
        **row,
        "text": text,
        "words": count_words(text),
        "edited": text != row["original"],
        "errors": errors,
        "reason": decision.reason,
        "corrector": with_person(row["corrector"]),
        "decision_id": decision.decision_id,
        "critic": {
            "text": row["text"],
            "errors": row["errors"],
            "reason": row["reason"],
            "corrector": row["corrector"],
        },
    }


def critics_row(row: CorrectedSegment) -> CorrectedSegment:
    """The row as the critic left it, whatever a person decided. Tables from before there were decisions have none."""
    critic = row.get("critic")
    if critic is None:
        return {**row, "decision_id": None, "critic": None}
    return {
        **row,
        "text": critic["text"],
        "words": count_words(critic["text"]),
        "edited": critic["text"] != row["original"],
        "errors": critic["errors"],
        "reason": critic["reason"],
        "corrector": critic["corrector"],
        "decision_id": None,
        "critic": None,
    }
