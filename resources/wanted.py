"""What a field of the recipe or a setting takes, and what is wrong with a value: never in pydantic's own text."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, time
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

Schema = Mapping[str, Any]  # JSON schema, as pydantic makes it
MOST_SHOWN = 60  # characters of a value


def in_words(schema: Schema, defs: Schema, many: bool = False) -> str:
    """What a field takes: "a number from 0 to 1", "one of `a`, `b` or `c`". many: of a list's elements."""
    schema = bare(schema, defs)
    if choices := _choices(schema):
        return f"{'any of ' if many else 'one of ' if len(choices) > 2 else ''}{listed(choices)}"
    kind = schema.get("type")
    if kind in ("integer", "number"):
        noun = "whole number" if kind == "integer" else "number"
        return f"{noun}s{_range(schema)}" if many else f"a {noun}{_range(schema)}"
    if kind == "array":
        return _list(schema, defs)
    if kind == "object" and "additionalProperties" in schema and "properties" not in schema:
        names = schema.get("propertyNames", {})
        of = f" of {listed(names['enum'])}" if "enum" in names else ""
        return f"a table{of} with {in_words(schema['additionalProperties'], defs)} each"
    if kind == "string":
        noun = "path" if "path" in str(schema.get("format")) else "text"
        return f"{noun}s" if many else f"a {noun}"
    return "true or false" if kind == "boolean" else "a table"


def wrong_value(schema: Schema, defs: Schema, value: object, toml: bool = False) -> str:
    """ "must be a number from 0 to 1, is 'abc'", and what was meant where it can be guessed.

    toml: the value is of TOML, where quotation marks make it a text.
    """
    says = f"must be {in_words(schema, defs)}, is {shown(value)}"
    schema = bare(schema, defs)
    if not isinstance(value, str):
        return says
    choices = [choice for choice in _choices(schema) if isinstance(choice, str)]
    if guess := nearest(value, choices):
        return f"{says}; did you mean `{guess}`?"
    if toml and schema.get("type") in ("integer", "number", "boolean") and _is_value(value):
        return f"{says}: leave the quotation marks out"
    return says


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that is most like a misspelt one; empty where none is like it."""
    by_plain = {_plain(each): each for each in known}
    found = get_close_matches(_plain(name), list(by_plain), 1, 0.6)
    return by_plain[found[0]] if found else ""


def subschema(schema: Schema, defs: Schema, where: Sequence[str | int]) -> Schema:
    """The schema of what stands at `where` within a value of `schema`."""
    for part in where:
        schema = bare(schema, defs)
        if isinstance(part, int):
            ahead = schema.get("prefixItems", ())
            schema = ahead[part] if part < len(ahead) else schema.get("items", {})
        else:
            schema = schema.get("properties", {}).get(part) or schema.get("additionalProperties", {})
    return schema


def listed(values: Iterable[object]) -> str:
    """ "`a`, `b` or `c`"; numbers stand without marks."""
    words = [f"`{value}`" if isinstance(value, str) else f"{value}" for value in values]
    return " or ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def shown(value: object) -> str:
    """A value nearly as TOML has it, and not too long; control characters are escaped."""
    if isinstance(value, bool):
        return str(value).lower()
    words = value.isoformat() if isinstance(value, date | time) else repr(value)
    return words if len(words) <= MOST_SHOWN else f"{words[: MOST_SHOWN - 1]}…"


def bare(schema: Schema, defs: Schema) -> Schema:
    """Without a reference, and without null, which neither TOML nor the environment can say."""
    while "$ref" in schema or "anyOf" in schema:
        if "$ref" in schema:
            schema = defs[schema["$ref"].rpartition("/")[2]]
        else:
            schema = next(each for each in schema["anyOf"] if each != {"type": "null"})
    return schema


def _choices(schema: Schema) -> list[object]:
    return list(schema.get("enum", [schema["const"]] if "const" in schema else []))


def _list(schema: Schema, defs: Schema) -> str:
    ahead = schema.get("prefixItems", ())
    if ahead:
        return f"a list of {len(ahead)} {in_words(ahead[0], defs, many=True)}"
    of = in_words(schema.get("items", {}), defs, many=True)
    return f"a list{' that is not empty,' if schema.get('minItems') else ''} of {of}"


def _range(schema: Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f" from {low:,} to {high:,}"
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    bounds = [f"of at least {low:,}"] if low is not None else []
    bounds += [f"above {above:,}"] if above is not None else []
    bounds += [f"at most {high:,}"] if high is not None else []
    bounds += [f"below {below:,}"] if below is not None else []
    return f" {' and '.join(bounds)}" if bounds else ""


def _is_value(text: str) -> bool:
    """Whether a text is a number, or true or false, as TOML has them."""
    try:
        return isinstance(tomllib.loads(f"value = {text}").get("value"), int | float)
    except (tomllib.TOMLDecodeError, RecursionError):
        return False


def _plain(name: str) -> str:
    return name.lower().replace("-", "_").strip()


def wrong_settings(prefix: str, error: ValidationError, schema: Schema) -> str:
    """What is wrong with settings, all at once, each by its name in the environment. prefix: of the names."""
    found = {str(each["loc"][0]): each["input"] for each in error.errors(include_url=False)}
    defs = schema.get("$defs", {})
    says = (f"{prefix}{name.upper()} {wrong_value(schema['properties'][name], defs, found[name])}" for name in found)
    return " ".join(each if each.endswith("?") else f"{each}." for each in says)
