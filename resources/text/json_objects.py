"""JSON that stands in a model's answer: complete objects and lists, whatever stands around them."""

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

from resources.json_types import Json

DEEPEST = 100  # nested deeper, nothing is read: no answer needs it, and Python's own reader would run out of stack
_OPENING = re.compile(r'\{(?=[ \t\r\n]*["}])|\[(?=[ \t\r\n]*["\d{\[\]tfnNI-])')  # a bracket that may begin JSON
_TOKEN = re.compile(
    r"""[ \t\r\n]*+ (?: (?P<string> "[^"\\]*+ (?: \\. [^"\\]*+ )*+ ")
        | (?P<word> -?+ (?: 0 | [1-9]\d*+ ) (?: \.\d++ )?+ (?: [eE][-+]?+\d++ )?+
            | true | false | null | NaN | -?Infinity )
        | (?P<mark> [][{},:] ) )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r'\\(u[0-9a-fA-F]{4}|["\\/bfnrt])|\\')
_SURROGATE = re.compile("[\ud800-\udfff]")
_KEY, _VALUE = '"', '"0{['  # the kinds of token that may come next: a string, a word, an opening bracket


class _Reading(NamedTuple):
    """(start, end) of each complete object or list that stands in no other one, and where to look for the next."""

    spans: list[tuple[int, int]]
    go_on: int


def json_values(text: str) -> Iterator[Json]:
    """The complete JSON objects and lists of a text that stand in no other one, the last one first.

    Fences, prose and braces around them are passed over, of one that is cut or wrong its complete parts are found; raw
    line ends in strings and escapes that JSON does not have (`\\alpha`) are tolerated. Takes time in proportion to the
    text, and raises nothing.
    """
    spans: list[tuple[int, int]] = []
    opening = _OPENING.search(text)
    while opening:
        found = _read(text, opening.start())
        spans += found.spans
        opening = _OPENING.search(text, found.go_on)
    for start, end in reversed(spans):
        if (value := _value(text[start:end])) is not None:
            yield value


def json_objects(text: str) -> Iterator[dict[str, Json]]:
    """Every complete JSON object of a text, the last one first, each before those that stand in it."""
    for value in json_values(text):
        yield from _objects_in(value)


def _read(text: str, start: int) -> _Reading:
    """What begins at the bracket at `start`. Where it turns out to be no JSON, the brackets that are open then are
    none either, so nothing is read twice; only a string before the fault may have been prose between two quotes."""
    opened, spans = [start], list[tuple[int, int]]()
    wanted, at, last_string = _first_wanted(text[start]), start + 1, -1
    while token := _TOKEN.match(text, at):
        kind = token["mark"] or ('"' if token["string"] else "0")
        if kind not in wanted:
            break
        at, last_string = token.end(), token.start("string")
        if kind in "{[":
            if len(opened) == DEEPEST:
                break
            opened.append(at - 1)
            wanted = _first_wanted(kind)
        elif kind in "}]":
            begun = opened.pop()
            while spans and spans[-1][0] > begun:
                spans.pop()
            spans.append((begun, at))
            if not opened:
                return _Reading(spans, at)
            wanted = _after_value(text[opened[-1]])
        elif kind == ",":
            wanted = _VALUE if text[opened[-1]] == "[" else _KEY
        elif kind == ":":
            wanted = _VALUE
        else:
            wanted = ":" if wanted in (_KEY, _first_wanted("{")) else _after_value(text[opened[-1]])
    return _Reading(spans, last_string + 1 if last_string >= 0 else at)


def _first_wanted(bracket: str) -> str:
    return f"{_KEY}}}" if bracket == "{" else f"{_VALUE}]"


def _after_value(bracket: str) -> str:
    return ",}" if bracket == "{" else ",]"


def _value(text: str) -> Json:
    """None where Python's reader does not take it: a number of thousands of digits."""
    try:
        value: Json = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        try:
            value = json.loads(_ESCAPE.sub(lambda found: found[0] if found[1] else r"\\", text), strict=False)
        except (ValueError, RecursionError):
            return None
    return _without_surrogates(value) if "\\u" in text else value


def _without_surrogates(value: Json) -> Json:
    """Half a surrogate pair is no character, and no table takes it."""
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_without_surrogates(part) for part in value]
    if isinstance(value, dict):
        return {_SURROGATE.sub("\ufffd", name): _without_surrogates(part) for name, part in value.items()}
    return value


def _objects_in(value: Json) -> Iterator[dict[str, Json]]:
    if isinstance(value, dict):
        yield value
        inner = list(value.values())
    elif isinstance(value, list):
        inner = value
    else:
        return
    for part in reversed(inner):
        yield from _objects_in(part)
