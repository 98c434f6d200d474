"""What an id may be of, by its form alone."""

import re
from typing import NamedTuple

from assets.benchmark_scores.score_files import MODELS
from assets.preference_pairs.schema import KINDS, WHOLE_KINDS

_PARTS = "|".join(kind for kind in KINDS if kind not in WHOLE_KINDS)
PAIR = re.compile(rf"([0-9a-f]{{16}}(?:-[0-9a-z]+)+?)-(?:(?:{_PARTS})-\d{{3}}|{'|'.join(WHOLE_KINDS)})")
SEGMENT = re.compile(r"([0-9a-f]{16}(?:-[0-9a-z]+)+)-\d{3}")
EXAMPLE = re.compile(r"[0-9a-f]{16}(?:-[0-9a-z]+)+")
CHAT = re.compile(r"chat-\d+")
SHORT, LONG = re.compile("[0-9a-f]{16}"), re.compile("[0-9a-f]{64}")
PAGE = re.compile(r"(.+?)(?:,\s*page\s+|\s+page\s+|#)(\d{1,6})")


class Asked(NamedTuple):
    """An id as it was read. form: pair | segment | example | chat | short | long | path; example: of a pair or segment.

    page: that was named behind it; within: the data set or the model of the score that was named before it.
    """

    text: str
    form: str
    example: str = ""
    page: int | None = None
    within: str = ""


def read_id(text: str) -> Asked:
    """`b20b…:<row>` and `sft:<item>` name where to look, `<document>#3` and `decks/x.pdf, page 3` a page. Pure."""
    text = text.strip()
    before, colon, rest = text.partition(":")
    if colon and rest and (before in MODELS or SHORT.fullmatch(before)):
        return _form(rest.strip())._replace(within=before)
    if page := PAGE.fullmatch(text):
        return _form(page[1])._replace(page=int(page[2]))
    return _form(text)


def _form(text: str) -> Asked:
    if found := PAIR.fullmatch(text):
        return Asked(text, "pair", found[1])
    if found := SEGMENT.fullmatch(text):
        return Asked(text, "segment", found[1])
    for form, pattern in (("example", EXAMPLE), ("chat", CHAT), ("short", SHORT), ("long", LONG)):
        if pattern.fullmatch(text):
            return Asked(text, form, text if form in ("example", "chat") else "")
    return Asked(text, "path")
