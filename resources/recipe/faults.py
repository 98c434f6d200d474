"""What is wrong with a recipe, all at once: each fault with its line, its table and the nearest right name. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from pydantic import ValidationError

from resources.recipe.model import Recipe
from resources.recipe.places import Key, Place, places
from resources.wanted import Schema, bare, listed, nearest, shown, subschema, wrong_value

MOST = 20  # faults that are listed
LINE = re.compile(r" \(at line (\d+), column (\d+)\)$")


class _Error(NamedTuple):
    """One of pydantic's. why: what a rule of ours over several fields says."""

    kind: str
    loc: Key
    value: object
    why: str


def faults(error: ValidationError, toml: str) -> list[str]:
    """A sentence for each error on a recipe, in the order of the file. toml: its text."""
    schema = Recipe.model_json_schema()
    where = places(toml)
    errors = [
        _Error(each["type"], each["loc"], each["input"], str(each.get("ctx", {}).get("error", "")))
        for each in error.errors(include_url=False)
    ]
    inner = {each.loc[:length] for each in errors for length in range(len(each.loc))}
    placed = [(place_of(each.loc, where), _says(each, schema)) for each in errors if each.loc not in inner]
    found = sorted(placed, key=lambda each: each[0])
    lines = [
        f"line {place.line}{f', column {place.column}' if place.column > 1 else ''}{says}" for place, says in found
    ]
    return [*lines[:MOST], *([f"and {len(lines) - MOST} more"] if len(lines) > MOST else [])]


def syntax_fault(message: str, toml: str) -> str:
    """What tomllib says of a text that is no TOML, with the line as it stands there."""
    found = LINE.search(message)
    if found is None:
        return message.replace(" (at end of document)", ", at the end of the file")
    line, column = map(int, found.groups())
    text = toml.split("\n")[line - 1].strip()
    return f"line {line}, column {column}: {message[: found.start()]}, in {shown(text)}"


def place_of(loc: Key, where: Mapping[Key, Place]) -> Place:
    """Where a value stands, or the nearest thing around it that has a place."""
    return next((where[loc[:length]] for length in range(len(loc), 0, -1) if loc[:length] in where), Place(1, 1))


def _says(error: _Error, schema: Schema) -> str:
    (kind, loc, value, why), defs = error, schema["$defs"]
    if kind == "missing":  # an element of a list of a fixed length: pydantic shows the list
        loc = loc[:-1]
    table, name = loc[0], field_name(loc[1:])
    if kind == "extra_forbidden":
        return _unknown(loc, schema)
    if kind == "value_error":
        return f", [{table}]: {why}"
    if loc[-1] == "[key]":
        names = subschema(schema, defs, loc[:-2])["propertyNames"]
        return f", [{table}]: a name in `{field_name(loc[1:-2])}` {wrong_value(names, defs, loc[-2])}"
    says = wrong_value(subschema(schema, defs, loc), defs, value, toml=True)
    return f", [{table}]: `{name}` {says}" if name else f": `{table}` {says}; write [{table}] above its fields"


def _unknown(loc: Key, schema: Schema) -> str:
    """A table or a field that no recipe has."""
    tables = {name: list(fields(schema, (name,))) for name in schema["properties"]}
    table, name = loc[0], str(loc[-1])
    homes = [other for other, known in tables.items() if name in known]
    if len(loc) == 1:
        if homes:
            return f": `{name}` stands in no table: it belongs below {listed_tables(homes)}"
        guess = nearest(name, tables)
        more = f"; did you mean [{guess}]?" if guess else f": it has {listed_tables(tables)}"
        return f": [{field_name(loc)}] is no table of a recipe{more}"
    known = list(fields(schema, loc[:-1]))
    guess = nearest(name, known)
    more = f"; did you mean `{guess}`?" if guess else f": it has {listed(known)}"
    if homes and not guess:
        more = f": it is one of {listed_tables(homes)}"
    of = f"`{field_name(loc[1:-1])}`" if len(loc) > 2 else "it"
    return f", [{table}]: `{field_name(loc[-1:])}` is no field of {of}{more}"


def fields(schema: Schema, loc: Key) -> Iterable[str]:
    """The fields of a table of the recipe, or of one within."""
    found: Mapping[str, object] = bare(subschema(schema, schema["$defs"], loc), schema["$defs"])["properties"]
    return found


def field_name(loc: Sequence[str | int]) -> str:
    """A field as people write it: `words.single[2]`, elements counted from 1."""
    parts = (f"[{part + 1}]" if isinstance(part, int) else f".{shown(part)[1:-1]}" for part in loc)
    return "".join(parts).removeprefix(".")


def listed_tables(names: Iterable[str]) -> str:
    """ "[writing] or [pairs]"."""
    return " or ".join(f"[{name}]" for name in names)
