"""Where in a TOML file each table and each value stands: its parser gives values without lines."""

import re
import tomllib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

Key = tuple[str | int, ...]  # of nested tables and lists: ("writing", "band", 0)

TOKEN = re.compile(
    r'(?P<text>"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\])*"|\'[^\']*\')'
    r"|(?P<skip>[ \t\r]+|#[^\n]*)|(?P<sign>[\[\]{}=,.\n])|(?P<bare>[^\s\[\]{}=,.#\"']+)",
    re.DOTALL,
)


class Place(NamedTuple):
    """Line and column, both from 1."""

    line: int
    column: int


class _Token(NamedTuple):
    text: str
    at: int


def places(toml: str) -> dict[Key, Place]:
    """The first place of each table, key and list element of a valid TOML text. Tables of a list count as one."""
    found: dict[Key, int] = {}
    tokens = _Tokens(toml)
    table: Key = ()
    while (first := tokens.ahead()) is not None:
        if first.text == "\n":
            tokens.take()
        elif first.text == "[":
            while tokens.ahead_is("["):
                tokens.take()
            table = _key(tokens, (), found, first.at)
            while tokens.ahead_is("]"):
                tokens.take()
        else:
            _pair(tokens, table, found)
    starts = [0, *(match.end() for match in re.finditer("\n", toml))]
    return {key: _place(at, starts) for key, at in found.items()}


class _Tokens:
    """The tokens of a text, with one that can be looked at before it is taken."""

    def __init__(self, text: str) -> None:
        self._rest: Iterator[_Token] = (
            _Token(match.group(), match.start()) for match in TOKEN.finditer(text) if match.lastgroup != "skip"
        )
        self._next = next(self._rest, None)

    def ahead(self) -> _Token | None:
        """The next one; None at the end."""
        return self._next

    def ahead_is(self, sign: str) -> bool:
        """Whether the next one is this sign."""
        return self._next is not None and self._next.text == sign

    def take(self) -> _Token:
        """The next one, taken."""
        taken = self._next
        assert taken is not None, "the text is no TOML"
        self._next = next(self._rest, None)
        return taken


def _key(tokens: _Tokens, table: Key, found: dict[Key, int], at: int | None = None) -> Key:
    """A key, with dots or without; each of its parts has a place."""
    key = table
    while True:
        part = tokens.take()
        key = (*key, _plain(part.text))
        found.setdefault(key, part.at if at is None else at)
        if not tokens.ahead_is("."):
            return key
        tokens.take()


def _pair(tokens: _Tokens, table: Key, found: dict[Key, int]) -> None:
    key = _key(tokens, table, found)
    tokens.take()  # =
    _value(tokens, key, found)


def _value(tokens: _Tokens, key: Key, found: dict[Key, int]) -> None:
    opening = tokens.take()
    if opening.text == "{":
        while not tokens.ahead_is("}"):
            if tokens.ahead_is(",") or tokens.ahead_is("\n"):
                tokens.take()
            else:
                _pair(tokens, key, found)
        tokens.take()
    elif opening.text == "[":
        index = 0
        while not tokens.ahead_is("]"):
            if tokens.ahead_is(",") or tokens.ahead_is("\n"):
                tokens.take()
                continue
            element = tokens.ahead()
            assert element is not None, "the text is no TOML"
            found.setdefault((*key, index), element.at)
            _value(tokens, (*key, index), found)
            index += 1
        tokens.take()
    else:  # a number with a point, a date and its time are several tokens
        while (ahead := tokens.ahead()) is not None and ahead.text not in (",", "]", "}", "\n"):
            tokens.take()


def _plain(part: str) -> str:
    """A part of a key without its quotation marks."""
    if part.startswith('"'):
        return str(tomllib.loads(f"key = {part}")["key"])
    return part.strip("'")


def _place(at: int, starts: Sequence[int]) -> Place:
    line = bisect_right(starts, at)
    return Place(line, at - starts[line - 1] + 1)
