"""Whether two texts differ in more than how they are set: quotation marks, dashes, spaces, full-width punctuation."""

import re
import unicodedata

_SAME = {
    **dict.fromkeys("‘’‚‛′´`＇", "'"),
    **dict.fromkeys("“”„‟″«»「」『』〝〞＂", '"'),
    **dict.fromkeys("‐‑‒–—―−﹣－─", "-"),
    **dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff", ""),
    **{chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F) if not chr(code).isalnum()},
    "…": "...",
    "⋯": "...",
    "、": ",",
    "。": ".",
    "〜": "~",
}
_TABLE = str.maketrans({**dict.fromkeys("−－", "-"), **_SAME})
_DOTS = re.compile(r"\.{3,}")
_DASHES = re.compile(r"-{2,}")
_LINES = re.compile(r" ?\n\s*")
_SPACES = re.compile(r"[^\S\n]+")
_BESIDE = re.compile(r"[^\S\n]*([-,.;:!?()\"'\[\]]|[\u3400-\u9fff])[^\S\n]*")


def same_but_for_typography(one: str, other: str) -> bool:
    """Whether nothing but quotation marks, dashes, white space, ellipses, full-width punctuation or the Unicode form of
    two texts differs."""
    return one == other or _plain(one) == _plain(other)


def _plain(text: str) -> str:
    plain = unicodedata.normalize("NFC", text).translate(_TABLE)
    plain = _LINES.sub("\n", _SPACES.sub(" ", _DASHES.sub("-", _DOTS.sub("...", plain)))).strip()
    return unicodedata.normalize("NFC", _BESIDE.sub(r"\1", plain))
