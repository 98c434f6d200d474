"""What is wrong with a section, and what to do about it: decisions on text alone, no model, no I/O."""

import re
from collections.abc import Set
from dataclasses import dataclass
from typing import Literal

from resources.text.length_score import length_score
from resources.recipe.model import Writing
from resources.engine import REFUSALS
from resources.text.words import cjk_share, count_words

FaultKind = Literal["refused", "language", "loop", "repeat", "short", "long"]
ERROR_TEXTS = (*REFUSALS, "max tries. failed")
RUN = 10                # tokens of a run that counts as a repeat
LOOP_TIMES = 3          # a run of a loop stands so often
LOOP_SHARE = 0.1        # of a text's runs that stood there before, where the rounds of a loop are not the same
REPEAT_SHARE = 0.5      # of a section's runs that stood in earlier sections
_TOKEN = re.compile(r"[a-zA-Z]+|\d+|[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_SENTENCE_END = re.compile(r"[.!?。！？][”’\"')）]?(?=\s|$)|[。！？]|\n")
_HEADING = re.compile(r"^(?:#{2,6}\s*|#\s+)[^#\s]")     # `##Slide 2` is one, `#tag` is none
_HIGH = re.compile(r"^(?:##(?!#)|#(?=\s))\s*")          # a heading's mark, of the levels at which a text is cut


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
    written = "zh" if cjk_share(body) > 0.3 else "en"
    if body and written != language:
        return Fault("language", f"it is not written in {'Chinese' if language == 'zh' else 'English'}")
    if recipe.loop_control:
        own, count = runs_and_count(body)
        if len(own) < count and loop_start(body) is not None:
            return Fault("loop", "it says the same again and again")
        if own and len(own & earlier) > REPEAT_SHARE * len(own):
            return Fault("repeat", "most of it stood in the sections before it")
    if recipe.length_control:
        words, (low, high) = count_words(body), recipe.band
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
    """Why what is left after all repairs cannot stand: the kind of AnswerUnusable, or None.

    Length: a section whose length score is zero (under a third, over four times its target).
    """
    if fault is None:
        return None
    if fault.kind in ("short", "long"):
        return fault.kind if length_score(count_words(without_heading(text)), target_words) == 0 else None
    return fault.kind


def is_refusal(text: str) -> bool:
    """Whether a text begins, after its heading, as a refusal or an error text does."""
    return without_heading(text)[:200].lower().replace("’", "'").startswith(ERROR_TEXTS)


def loop_start(text: str) -> int | None:
    """Where `text` begins to go round in circles (its second round), or None.

    It does where the same tokens follow each other LOOP_TIMES times; or, with small changes each time, where a run
    stands so often and LOOP_SHARE of all runs stood there before. A name or a phrase that comes back is no loop.
    """
    seen: dict[int, list[int]] = {}
    matches = list(_TOKEN.finditer(text))
    tokens = [match.group().lower() for match in matches]
    count = len(tokens) - RUN + 1
    for at in range(count):
        places = seen.setdefault(hash(tuple(tokens[at:at + RUN])), [])
        places.append(at)
        if len(places) >= LOOP_TIMES:
            first, second = places[-3:-1]
            if tokens[first:second] == tokens[second:at]:
                return matches[second].start()
    most = max(seen.values(), key=len, default=[])
    loops = len(most) >= LOOP_TIMES and count - len(seen) >= LOOP_SHARE * count
    return matches[most[1]].start() if loops else None


def cut_loop(text: str) -> str:
    """`text` up to the last sentence that ends before it begins to repeat itself."""
    start = loop_start(text)
    if start is None:
        return text
    ends = [match.end() for match in _SENTENCE_END.finditer(text, 0, start)]
    return text[:ends[-1] if ends else 0].rstrip()


def runs(text: str) -> set[int]:
    """Hashes of every RUN tokens that stand side by side."""
    return runs_and_count(text)[0]


def runs_and_count(text: str) -> tuple[set[int], int]:
    """`runs`, and how many there are in all: as many as different ones where none stands twice."""
    tokens = _TOKEN.findall(text.lower())
    side_by_side = zip(*(tokens[at:] for at in range(RUN)), strict=False)
    return set(map(hash, side_by_side)), max(0, len(tokens) - RUN + 1)


def without_heading(text: str) -> str:
    head, _, body = text.strip().partition("\n")
    return body.strip() if _HEADING.match(head) else text.strip()


def under_heading(text: str, heading: str) -> str:
    """The section under exactly its heading line; further headings go below it, so that it is cut at no other place."""
    lines = without_heading(text).split("\n")
    lower = [_HIGH.sub("### ", line) for line in lines]
    return f"## {heading}\n\n" + "\n".join(lower).strip()


def go_on(before: str, after: str) -> str:
    """One text out of a part that was cut off and what follows it."""
    if not before or cjk_share(before) > 0.3 or before[-1].isspace():
        return before + after.lstrip()
    return f"{before} {after.lstrip()}"


def whole_words(cut: str) -> str:
    """A text that was cut anywhere, up to its last whole word."""
    if cjk_share(cut) > 0.3:
        return cut.rstrip()
    return re.sub(r"\S+$", "", cut).rstrip() if re.search(r"\w$", cut) and re.search(r"\s", cut) else cut.rstrip()


def _rank(fault: Fault | None) -> int:
    ranks = {"short": 1, "long": 1, "repeat": 2, "loop": 3, "language": 4, "refused": 5}
    return ranks[fault.kind] if fault else 0
