"""Counting words as the papers do, and the tokens by which texts are compared."""

import re

CHINESE_SHARE = 0.3  # of a text's words that are CJK characters, beyond which it is Chinese
_CJK = re.compile(r"[\u4e00-\u9fff]")
_LATIN = re.compile(r"(?<!\w)[a-zA-Z]+(?!\w)")
_TOKEN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]|[^\W_\u3400-\u9fff\uf900-\ufaff]+")


def count_words(text: str) -> int:
    """CJK characters plus words of Latin letters alone, as the papers' code counts them (utils.py of LongWriter-V).

    Its quirks are kept, so that lengths and scores can be compared: a Latin word that touches a digit, an accented
    letter, an underscore or a CJK character is not counted (`3D`, `naïve`, `用AI写`), nor is a number.
    """
    return _count_cjk(text) + len(_LATIN.findall(text))


def cjk_share(text: str) -> float:
    """CJK characters as a share of all counted words, 0-1."""
    cjk = _count_cjk(text)
    return cjk / (cjk + len(_LATIN.findall(text))) if cjk else 0.0


def written_in_chinese(text: str) -> bool:
    """Whether more than CHINESE_SHARE of what is counted are CJK characters."""
    return cjk_share(text) > CHINESE_SHARE


def _count_cjk(text: str) -> int:
    return 0 if text.isascii() else len(_CJK.findall(text))


def tokens(text: str) -> list[str]:
    """Tokens by which texts are compared, lower case: each CJK character, each run of other letters and digits."""
    return _TOKEN.findall(text.lower())
