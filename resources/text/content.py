"""What a text says, as far as two texts can be compared by it: content words, letters alone, numbers."""

import re
from pathlib import Path

CJK = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
CJK_RUN = re.compile(f"[{CJK}]+")
WORD = re.compile(r"[A-Za-z]+(?:['’-][A-Za-z]+)*|\d+(?:[.,]\d+)*%?")
STOP_WORDS = frozenset((Path(__file__).parent / "small_words.en.txt").read_text(encoding="utf-8").split())
# The number of a page or part is none that is told: `slide 3`, `第3页`.
NAMED_NUMBER = re.compile(
    r"(?:page|slide|section|image|picture|part)s?\s+\d+(?![\d%]|[.,]\d)|"
    r"第\s*\d+\s*\S",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d+(?:[.,:/]\d+)*(?: ?%)?")


def content_tokens(text: str) -> set[str]:
    """What two texts can share: words without stop words, lower-cased; two-character pieces of Chinese; numbers."""
    found = {word.lower() for word in WORD.findall(text)} - STOP_WORDS
    for run in CJK_RUN.findall(text):
        found |= {run[at : at + 2] for at in range(len(run) - 1)} or {run}
    return found


def plain(text: str) -> str:
    """Letters, digits and CJK characters alone, lower-cased: two texts that differ only in marks are equal."""
    return "".join(char for char in text.lower() if char.isalnum())


def numbers(text: str) -> list[str]:
    """Numbers as written, without spaces, commas between digits kept: `1,200`, `45%`."""
    return [number.replace(" ", "") for number in _NUMBER.findall(text)]
