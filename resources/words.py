"""The one way words are counted: as the papers count them."""

import re

_CJK = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_LATIN = re.compile(r"[a-zA-Z]+")


def count_words(text: str) -> int:
    """CJK characters plus runs of Latin letters; digits and marks are not counted (LongWriter-V eval/utils.py)."""
    return len(_CJK.findall(text)) + len(_LATIN.findall(text))


def cjk_share(text: str) -> float:
    """CJK characters as a share of all counted words, 0-1."""
    cjk = len(_CJK.findall(text))
    return cjk / (cjk + len(_LATIN.findall(text))) if cjk else 0.0
