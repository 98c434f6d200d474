"""The doubt of a segment, 0 to 100: a sum of parts that people are shown (docs/quality.md)."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from assets.signals.schema import DoubtPart, Part, Signal

MOST = 100
EMPTY = 80
PLACEHOLDER = 50
HEADING = 45
LOOP = 60
REPEATED_FREE, REPEATED_MOST = (
    0.1,
    40,
)  # share of repeated sentences that costs nothing; points of a text of nothing else
EARLIER_FREE, EARLIER_MOST = 0.1, 50
LANGUAGE = 60
NUMBER, NUMBER_MORE, NUMBER_ELSEWHERE, NUMBERS_MOST = 40, 10, 8, 60
NAME, NAME_ELSEWHERE, NAMES_MOST = 5, 1, 20
COVERAGE_ENOUGH, COVERAGE_MOST = 0.3, 15  # share of the page's words from which on nothing is doubted
LENGTH_MOST = 20
ERROR, EDIT, CRITIC_MOST = 3, 20, 20
RULE, RULES_MOST = 5, 20
ABOUT_PAGES = "source_images."  # rules of pages are shown, and say nothing of a text
NAMED = 5  # items that a clause lists


class _Found(NamedTuple):
    part: Part
    points: float
    why: str


def doubt_parts(signal: Signal) -> list[DoubtPart]:
    """The parts that have a point at least, most points first. signal: all columns but `doubt` and `parts`."""
    found = [each for each in _parts(signal) if round(each.points) > 0]
    found.sort(key=lambda each: -round(each.points))
    return [{"part": each.part, "points": round(each.points), "why": each.why} for each in found]


def doubt_of(parts: Sequence[DoubtPart]) -> int:
    """Their sum, at most 100."""
    return min(MOST, sum(part["points"] for part in parts))


def _parts(signal: Signal) -> Iterator[_Found]:
    if not signal["written_language"]:
        yield _Found("empty", EMPTY, "nothing was written")
    elif signal["written_language"] != signal["language"]:
        wanted = "Chinese" if signal["language"] == "zh" else "English"
        yield _Found("language", LANGUAGE, f"it is not written in {wanted}")
    if signal["placeholders"]:
        yield _Found("placeholder", PLACEHOLDER, f"left to be filled in: {_listed(signal['placeholders'])}")
    if signal["heading_lost"]:
        yield _Found("heading", HEADING, "its heading is gone")
    yield _repetition(signal)
    yield from _off_the_page(signal)
    if signal["length_score"] is not None:
        says = f"{signal['words']} words where {signal['target_words']} were planned"
        yield _Found("length", LENGTH_MOST * (1 - signal["length_score"] / 100), says)
    if signal["edited"]:
        points = ERROR * len(signal["errors"]) + EDIT * (signal["edit_share"] or 0.0)
        says = f"the critic changed {signal['edit_share'] or 0.0:.0%} of it: {', '.join(signal['errors'])}"
        yield _Found("critic", min(CRITIC_MOST, points), says)
    if rules := [rule for rule in signal["rules"] if not rule.startswith(ABOUT_PAGES)]:
        yield _Found("rules", min(RULES_MOST, RULE * len(rules)), f"named by {_listed(rules)}")


def _repetition(signal: Signal) -> _Found:
    """The worst of three."""
    repeated, earlier = signal["repeated_share"], signal["earlier_share"]
    return max(
        _Found("repetition", LOOP * signal["loops"], "it says the same again and again"),
        _Found(
            "repetition",
            _beyond(repeated, REPEATED_FREE, REPEATED_MOST),
            f"{repeated:.0%} of its sentences are repeats",
        ),
        _Found(
            "repetition",
            _beyond(earlier, EARLIER_FREE, EARLIER_MOST),
            f"{earlier:.0%} of it stands in the segments before it",
        ),
        key=lambda found: found.points,
    )


def _off_the_page(signal: Signal) -> Iterator[_Found]:
    """Numbers, names, and what is left out; nothing where the page has too few words to tell."""
    off, elsewhere = signal["numbers_off"], signal["numbers_elsewhere"]
    points = bool(off) * NUMBER + NUMBER_MORE * max(0, len(off) - 1) + NUMBER_ELSEWHERE * len(elsewhere)
    yield _Found("numbers", min(NUMBERS_MOST, points), f"not on its page: {_listed([*off, *elsewhere])}")
    off, elsewhere = signal["names_off"], signal["names_elsewhere"]
    points = NAME * len(off) + NAME_ELSEWHERE * len(elsewhere)
    yield _Found("names", min(NAMES_MOST, points), f"not on its page: {_listed([*off, *elsewhere])}")
    if (share := signal["page_share"]) is not None and signal["written_language"]:
        points_left = COVERAGE_MOST * max(0.0, 1 - share / COVERAGE_ENOUGH)
        yield _Found("coverage", points_left, f"it uses {share:.0%} of the words on its page")


def _beyond(share: float, free: float, most: float) -> float:
    """0 up to `free`, then a straight line to `most` at 1."""
    return most * max(0.0, share - free) / (1 - free)


def _listed(items: Sequence[str]) -> str:
    more = f" and {len(items) - NAMED} more" if len(items) > NAMED else ""
    return ", ".join(items[:NAMED]) + more
