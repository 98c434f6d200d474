"""What is wrong with a section, and what to do about it: decisions on text alone, no model, no I/O."""

import re
from collections.abc import Set
from dataclasses import dataclass
from typing import Literal

from assets.long_outputs.length_score import length_score
from assets.recipe import Writing
from resources.words import cjk_share, count_words

FaultKind = Literal["language", "loop", "repeat", "short", "long"]
RUN = 10                # tokens of a run that counts as a repeat
LOOP_TIMES = 3          # a run that stands so often in one section is a loop
REPEAT_SHARE = 0.5      # of a section's runs that stood in earlier sections
_TOKEN = re.compile(r"[a-zA-Z]+|\d+|[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_SENTENCE_END = re.compile(r"[.!?。！？][”’\"')）]?(?=\s|$)|[。！？]|\n")
_HEADING = re.compile(r"^#{1,6}\s*(.+?)\s*#*$")


@dataclass(frozen=True)
class Fault:
    """Why a section should be written anew; `says` is told to the model. Worst kinds first in `FaultKind`."""

    kind: FaultKind
    says: str


def find_fault(text: str, target_words: int, language: str, earlier: Set[int], recipe: Writing) -> Fault | None:
    """The worst fault of a section (with its heading line), or None. earlier: `runs` of the sections before it."""
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


def loop_start(text: str) -> int | None:
    """Where `text` begins to repeat itself (the second time of a run that stands LOOP_TIMES times), or None."""
    seen: dict[int, list[int]] = {}
    matches = list(_TOKEN.finditer(text))
    tokens = [match.group().lower() for match in matches]
    for at in range(len(tokens) - RUN + 1):
        places = seen.setdefault(hash(tuple(tokens[at:at + RUN])), [])
        places.append(at)
        if len(places) == LOOP_TIMES:
            return matches[places[1]].start()
    return None


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
    tokens = [token.lower() for token in _TOKEN.findall(text)]
    count = max(0, len(tokens) - RUN + 1)
    return {hash(tuple(tokens[at:at + RUN])) for at in range(count)}, count


def without_heading(text: str) -> str:
    head, _, body = text.strip().partition("\n")
    return body.strip() if _HEADING.match(head) else text.strip()


def under_heading(text: str, heading: str) -> str:
    """The section under exactly its heading line; further headings go below it, so that it is cut at no other place."""
    lines = without_heading(text).split("\n")
    lower = [re.sub(r"^#{1,2}\s*(?=\S)", "### ", line) for line in lines]
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
    return 0 if fault is None else {"short": 1, "long": 1, "repeat": 2, "loop": 3, "language": 4}[fault.kind]
