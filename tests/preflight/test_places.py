"""Each key of a TOML file is found where it stands, whatever stands around it."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.recipe.places import Key, places

ODD = st.text(alphabet="ab #=.,[]{}'\\\"\n", max_size=8)
KEYS = st.one_of(st.from_regex(r"[A-Za-z0-9_-]{1,6}", fullmatch=True), ODD.map(lambda text: basic(text.strip("\n"))))
SCALARS = st.one_of(
    st.sampled_from(["1", "-0.5", "1_000", "6e-3", "inf", "true", "1979-05-27 07:32:00", "07:32:00.5", "''", '""']),
    ODD.map(lambda text: basic(text)),
    ODD.filter(lambda text: "'" not in text and "\n" not in text).map(lambda text: f"'{text}'"),
    ODD.map(lambda text: f'"""{text.replace(chr(92), "").replace(chr(34), "")}"""'),
    ODD.filter(lambda text: "'" not in text).map(lambda text: f"'''{text}'''"),
)


def basic(text: str) -> str:
    """A basic string of TOML."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def inline(pairs: list[tuple[str, str]]) -> str:
    return "{ " + ", ".join(f"{key} = {value}" for key, value in pairs) + " }"


VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda found: f"[{', '.join(found)}]"),
        st.lists(inner, max_size=3).map(
            lambda found: "[ # why = [\n" + "".join(f"  {each},\n" for each in found) + "]"
        ),
        st.lists(st.tuples(KEYS, inner), max_size=3, unique_by=lambda pair: plain(pair[0])).map(inline),
    ),
    max_leaves=5,
)
PAIRS = st.lists(st.tuples(KEYS, VALUES), max_size=4, unique_by=lambda pair: plain(pair[0]))


def plain(key: str) -> str:
    return str(next(iter(tomllib.loads(f"{key} = 1"))))


def walk(value: object, key: Key = ()) -> Iterator[Key]:
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for part, inner in parts:
        yield (*key, part)
        yield from walk(inner, (*key, part))


@settings(deadline=None)
@given(PAIRS, st.lists(st.tuples(KEYS, PAIRS), max_size=3, unique_by=lambda pair: plain(pair[0])), st.randoms())
def test_every_key_of_any_toml_text_has_the_place_where_it_stands(
    root: list[tuple[str, str]], tables: list[tuple[str, list[tuple[str, str]]]], random: object
) -> None:
    used = {plain(key) for key, _ in root}
    lines = [f"{key} = {value}  # [not] = here" for key, value in root]
    for name, pairs in tables:
        if plain(name) not in used:
            lines += [f"  [{name}]", *(f"{key}\t= {value}" for key, value in pairs)]
    text = "\n".join(lines)
    found = places(text)
    assert set(found) == set(walk(tomllib.loads(text)))
    rows = text.split("\n")
    for key, place in found.items():
        if isinstance(key[-1], str):
            at = rows[place.line - 1][place.column - 1 :].removeprefix("[")
            assert at.startswith((key[-1], basic(key[-1]))), (key, place)


def test_dots_make_tables_and_lists_of_tables_count_as_one() -> None:
    found = places('a.b."c.d" = 1\n[x.y]\n\nz = { p = [1, [2]],\n q = 2 }\n[[t]]\nu = 1\n[[t]]\nu = 2\n')
    assert {key: tuple(place) for key, place in found.items()} == {
        ("a",): (1, 1),
        ("a", "b"): (1, 3),
        ("a", "b", "c.d"): (1, 5),
        ("x",): (2, 1),
        ("x", "y"): (2, 1),
        ("x", "y", "z"): (4, 1),
        ("x", "y", "z", "p"): (4, 7),
        ("x", "y", "z", "p", 0): (4, 12),
        ("x", "y", "z", "p", 1): (4, 15),
        ("x", "y", "z", "p", 1, 0): (4, 16),
        ("x", "y", "z", "q"): (5, 2),
        ("t",): (6, 1),
        ("t", "u"): (7, 1),
    }


PRESETS = sorted((Path(__file__).resolve().parents[2] / "resources" / "recipe" / "presets").glob("*.toml"))


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_every_field_of_a_preset_has_a_place(path: Path) -> None:
    text = path.read_text()
    assert set(places(text)) == set(walk(tomllib.loads(text)))
