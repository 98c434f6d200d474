"""What is wrong with a decision that came from outside, a sentence each; nothing of it is believed. Pure."""

import re
from collections.abc import Collection, Iterator, Mapping

from resources.decisions.decision import KINDS, VERDICTS, Decision, Shown
from resources.text.headings import PAGE_HEADING, SECTION_HEADING, page_heading, page_headings
from resources.text.shown import clean_text, in_line
from resources.text.thoughts import model_markup
from resources.text.words import count_words

MOST_WORDS = 8000  # of a corrected segment: the longest section that a plan asks for has 1,000
MOST_CHARACTERS = 400_000  # of a text, so that nothing is counted in one that no segment can be
MOST_NAME = 80  # characters of who decided
MOST_REASON = 2000
HASH = re.compile(r"[0-9a-f]{64}")
MOST_SECONDS = 1e11
CLOCK_S = 86_400.0  # that another machine's clock may be ahead


class DecisionError(ValueError):
    """A decision that cannot be taken; the sentence says why."""


def decision_of(line: Mapping[str, object], now: float) -> Decision:
    """The decision in a JSON object of whatever content. now: when it was made, where it does not say.

    Raises DecisionError.
    """
    kind = next((each for each in KINDS if each == line.get("kind", "segment")), None)
    verdict = next((each for each in VERDICTS if each == line.get("verdict")), None)
    target, who, seen = (_text(line, name, MOST_NAME * 2).strip() for name in ("target", "who", "seen"))
    name = in_line(target) or "a decision without a target"
    if kind is None:
        raise DecisionError(f"{name}: {_quoted(line.get('kind'))} is no kind of target: {', '.join(KINDS)} are.")
    if verdict is None:
        raise DecisionError(f"{name}: {_quoted(line.get('verdict'))} is no verdict: {', '.join(VERDICTS)} are.")
    if not target:
        raise DecisionError(f"{name}: `target` is the id of the {kind}.")
    if not who or len(who) > MOST_NAME or in_line(who) != who:
        raise DecisionError(f"{name}: `who` is the name of who decided, at most {MOST_NAME} characters on one line.")
    if not HASH.fullmatch(seen):
        raise DecisionError(f"{name}: `seen` is the hash of the text that was shown, as `lwv annotate export` has it.")
    at = _number(line, "at", now, name)
    if at > now + CLOCK_S:
        raise DecisionError(f"{name}: `at` is in the future.")
    errors = line.get("errors") or []
    if not isinstance(errors, list) or not all(isinstance(each, str) for each in errors):
        raise DecisionError(f"{name}: `errors` is a list of kinds of error.")
    corrected = verdict == "corrected"
    return Decision(
        who,
        at,
        kind,
        target,
        seen,
        verdict,
        clean_text(_text(line, "text", MOST_CHARACTERS, name)).strip() if corrected else "",
        tuple(dict.fromkeys(errors)) if corrected else (),
        clean_text(_text(line, "reason", MOST_REASON, name)).strip(),
        _number(line, "seconds", 0.0, name),
    )


def fault(decision: Decision, shown: Shown | None, known_errors: Collection[str]) -> str:
    """Why a decision is not taken, one sentence; empty where it is. shown: its target now; None: it is gone.

    One on a text that has changed since is taken: it is listed as stale.
    """
    name = in_line(decision.target)
    if decision.verdict in ("retry", "accept"):
        return f"{name}: `{decision.verdict}` is for what is in quarantine (`kind`: quarantined), not for this."
    if shown is None:
        return f"{name}: no table has this {decision.kind}: it is gone, or its shard was never run."
    if shown.held_out:
        return f"{name}: is held out for the benchmark: nothing is trained on it."
    if decision.verdict == "corrected" and decision.kind != "segment":
        return f"{name}: only a segment can be corrected, not a whole {decision.kind}."
    if decision.verdict == "fine" and decision.kind == "segment" and not shown.original:
        return f"{name}: the page was not written, so it cannot be fine: correct it or drop it."
    if decision.verdict != "corrected":
        return ""
    return next((f"{name}: {says}" for says in _faults_of_text(decision, shown, known_errors)), "")


def _faults_of_text(decision: Decision, shown: Shown, known_errors: Collection[str]) -> Iterator[str]:
    text, stale = decision.text, decision.seen != shown.seen
    if not text:
        yield "the corrected text is empty: `drop` leaves a segment out."
    if strange := set(decision.errors) - set(known_errors):
        yield f"{_quoted(min(strange))} is no kind of error: {', '.join(known_errors)} are."
    if text == shown.original and not stale:
        kinds = f", and kinds of error ({', '.join(decision.errors)}) without an edit" if decision.errors else ""
        yield f"the corrected text is the original{kinds}: the verdict for that is `fine`."
    if not decision.errors:
        yield f"an edit names the kinds of error that it mends: {', '.join(known_errors)}."
    if (words := count_words(text)) > MOST_WORDS:
        yield f"the corrected text has {words:,} words, and a segment has at most {MOST_WORDS:,}."
    if mark := model_markup(text):
        yield f"the corrected text holds a mark of a model's template or thoughts: {_quoted(mark)}."
    if shown.page is not None:
        yield from _faults_of_headings(text, shown.page, shown.language)
    elif not stale and _headings(text) != _headings(shown.original):
        yield "a section keeps its `## ` headings: the text is cut at them."


def _headings(text: str) -> tuple[bool, int]:
    """Whether a text begins with a heading, and how many it has."""
    return text.startswith("## "), len(SECTION_HEADING.findall(text))


def _faults_of_headings(text: str, page: int, language: str) -> Iterator[str]:
    pages = [found for _, found in page_headings(text)]
    if page not in pages:
        yield f"the page lost its heading: the corrected text begins with `## {page_heading(page, language)}`."
    elif pages != [page] or PAGE_HEADING.match(text) is None:
        yield "the corrected text begins with the heading of its page, and has that of no other."


def _text(line: Mapping[str, object], name: str, most: int, target: str = "a decision") -> str:
    value = line.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise DecisionError(f"{target}: `{name}` is a text.")
    if len(value) > most:
        raise DecisionError(f"{target}: `{name}` has {len(value):,} characters, at most {most:,} are taken.")
    return value


def _number(line: Mapping[str, object], name: str, default: float, target: str) -> float:
    value = line.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MOST_SECONDS:
        raise DecisionError(f"{target}: `{name}` is a number of seconds, 0 to {MOST_SECONDS:,.0f}.")
    return float(value)


def _quoted(value: object) -> str:
    return f"`{in_line(str(value))[:60]}`"
