"""Where code stands in a Markdown text: fences and backticks, within which no tag is one."""

import re
from collections.abc import Sequence

FENCE_PATTERN = r"^[ ]{0,3}(?:`{3,}[^`\n]*|~{3,}[^\n]*)$"  # a line that opens or closes a fence; needs re.MULTILINE
TICKS_PATTERN = r"`+"
BLANK_PATTERN = r"\n[ \t]*(?=\n)"  # the end of a paragraph, at which inline code ends too
_FENCE = re.compile(r"[ ]{0,3}(`{3,}|~{3,})[ \t]*(.*)")
_LONGEST = 8  # fence marks; a longer fence counts as one of so many


def code_ends(lexemes: Sequence[tuple[str, str]]) -> list[int | None]:
    """For each lexeme (`fence`, `ticks`, `blank` or another kind; its text) the index of the one that ends the code
    which would begin with it; None where it begins none. Linear."""
    ends: list[int | None] = [None] * len(lexemes)
    fences: dict[tuple[str, int], int] = {}
    ticks: dict[int, int] = {}
    for at in range(len(lexemes) - 1, -1, -1):
        kind, text = lexemes[at]
        if kind == "blank":
            ticks.clear()
        elif kind == "ticks":
            ends[at] = ticks.get(len(text))
            ticks[len(text)] = at
        elif kind == "fence" and (match := _FENCE.fullmatch(text)):
            mark, length, info = match[1][0], min(len(match[1]), _LONGEST), match[2]
            ends[at] = fences.get((mark, length))
            if not info.strip():
                fences.update({(mark, shorter): at for shorter in range(3, length + 1)})
    return ends
