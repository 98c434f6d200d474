"""What is wrong with a section, and what to do about it: decisions on text alone, no model, no I/O."""

import re
from collections.abc import Set
from dataclasses import dataclass
from typing import Literal

from resources.recipe.model import Writing
from resources.text.headings import without_heading
from resources.text.length_score import length_score
from resources.text.refusals import is_refusal
from resources.text.repetition import loop_start, runs_and_count
from resources.text.words import count_words, written_in_chinese

FaultKind = Literal["refused", "language", "loop", "repeat", "short", "long"]
FEW_WORDS = 5  # a section with fewer is no text, with or without length control
LEAST_WORDS = 20  # … nor is a long output with fewer
REPEAT_SHARE = 0.5  # of a section's runs of words that repeat earlier sections


@dataclass(frozen=True)
class Fault:
    """Why a section should be written anew; `says` is told to the model. Worst kinds first in `FaultKind`."""

    kind: FaultKind
    says: str


def find_fault(text: str, target_words: int, language: str, earlier: Set[int], recipe: Writing) -> Fault | None:
    """The worst fault of a section (with its heading line), or None. earlier: `runs` of the sections before it."""
    if is_refusal(text):
        return Fault("refused", "it refuses, or is an error text, where a text is wanted")
    body = without_heading(text)
    written = "zh" if written_in_chinese(body) else "en"
    if body and written != language:
        return Fault("language", f"it is not written in {'Chinese' if language == 'zh' else 'English'}")
    if recipe.loop_control:
        own, count = runs_and_count(body)
        if len(own) < count and loop_start(body) is not None:
            return Fault("loop", "it says the same again and again")
        if own and len(own & earlier) > REPEAT_SHARE * len(own):
            return Fault("repeat", "most of it stood in the sections before it")
    words, (low, high) = count_words(body), recipe.band
    if words < FEW_WORDS < target_words:
        return Fault("short", f"it has {words} words, which is no text: say more")
    if recipe.length_control:
        if words < low * target_words:
            return Fault("short", f"it has {words} words where about {target_words} are wanted: say more")
        if words > high * target_words:
            return Fault("long", f"it has {words} words where about {target_words} are wanted: say less")
    return None


def better(first: str, second: str, faults: tuple[Fault | None, Fault | None], target_words: int) -> int:
    """0 or 1: which of two attempts to keep. The lesser fault wins; of two off in length, the nearer one."""
    ranks = [_rank(fault) for fault in faults]
    if ranks[0] != ranks[1]:
        return int(ranks[1] < ranks[0])
    scores = [length_score(count_words(without_heading(text)), target_words) for text in (first, second)]
    return int(scores[1] >= scores[0])


def unusable(text: str, fault: Fault | None, target_words: int) -> str | None:
    """Why a section cannot be used after all repairs: the kind of AnswerError, or None.

    A length is a reason only where its length score is zero (under a third, over four times its target).
    """
    if fault is None:
        return None
    if fault.kind in ("short", "long"):
        return fault.kind if length_score(count_words(without_heading(text)), target_words) == 0 else None
    return fault.kind


def go_on(before: str, after: str) -> str:
    """A text that was cut off, joined with its continuation."""
    if not before or written_in_chinese(before) or before[-1].isspace():
        return before + after.lstrip()
    return f"{before} {after.lstrip()}"


def whole_words(cut: str) -> str:
    """A text that was cut anywhere, up to its last whole word."""
    if written_in_chinese(cut):
        return cut.rstrip()
    return re.sub(r"\S+$", "", cut).rstrip() if re.search(r"\w$", cut) and re.search(r"\s", cut) else cut.rstrip()


def _rank(fault: Fault | None) -> int:
    ranks = {"short": 1, "long": 1, "repeat": 2, "loop": 3, "language": 4, "refused": 5}
    return ranks[fault.kind] if fault else 0
