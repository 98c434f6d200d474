"""Texts from outside as they may be kept and shown: no control character, no half of a surrogate pair, no markup."""

import re
from typing import Any

ODD = "\ufffd"  # stands for what was taken out
_BREAKS = re.compile("\r\n?|[\v\f\x85]")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_ANY = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")  # turns around what follows: `gpj.exe` as `exe.jpg`
_SPACE = re.compile("[\n\t\u2028\u2029]+")
# What begins inline Markdown of any dialect: escapes, code, emphasis, HTML, links, cells, strike-out, formulas,
# entities, and addresses that become links by themselves.
_MARKDOWN = re.compile(r"[\\`*<>\[\]|~$&]|(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])|:(?=//)|(?<=[Ww]{3})\.")


def clean_text(text: str) -> str:
    """The text as tables and the ledger keep it: line ends are `\\n`; NUL, other control characters but tabs, and
    halves of surrogate pairs are U+FFFD."""
    if _ANY.search(text) is None:
        return text
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return _CONTROL.sub(ODD, _BREAKS.sub("\n", whole))


def visible(text: str) -> str:
    """The text as it is shown: `clean_text`, and no character that turns the direction of what stands beside it."""
    clean = clean_text(text)
    return clean if clean.isascii() else _DIRECTION.sub(ODD, clean)


def in_line(text: str) -> str:
    """`visible` on one line: a name, a reason."""
    return _SPACE.sub(" ", visible(text))


def number_of(count: int, what: str) -> str:
    """`1 file`, `2 files`, `1,200 files`. what: one of them."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def markdown(text: str) -> str:
    """`in_line` as Markdown that reads as the text itself, in a paragraph or a table's cell."""
    return _MARKDOWN.sub(r"\\\g<0>", in_line(text))


def clean_row(value: Any) -> Any:
    """A table's row, or a value in one, with `clean_text` of each text."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {name: clean_row(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [clean_row(inner) for inner in value]
    return value
