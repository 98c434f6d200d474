"""A recipe that cannot be used: each fault with its line, its table and the nearest right name, all at once."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from resources.recipe.model import Recipe
from resources.recipe.read import RecipeError, read_recipe
from resources.recipe.view import all_fields
from resources.wanted import in_words
from tests.preflight.test_places import VALUES

# One wrong line, and what is said of it. The table stands in line 1, the field in line 2.
WRONG = {
    "bnd = [0.5, 2]": ("writing", "line 2, [writing]: `bnd` is no field of it; did you mean `band`?"),
    "Section-Words = 3": ("writing", "`Section-Words` is no field of it; did you mean `section_words`?"),
    "beta = 1": ("writing", "`beta` is no field of it: it is one of [training]"),
    "zzz = 1": ("checks", "`zzz` is no field of it: it has `quarantine_share`"),
    "stated_share = 'abc'": ("instructions", "`stated_share` must be a number from 0 to 1, is 'abc'"),
    "stated_share = '0.5'": ("instructions", "must be a number from 0 to 1, is '0.5': leave the quotation marks out"),
    "section_words = 7": ("writing", "`section_words` must be a whole number from 50 to 1,000, is 7"),
    "section_words = 70.5": ("writing", "must be a whole number from 50 to 1,000, is 70.5"),
    "section_words = true": ("writing", "must be a whole number from 50 to 1,000, is true"),
    "length_control = 'yes'": ("writing", "`length_control` must be true or false, is 'yes'"),
    "band = [0.5]": ("writing", "`band` must be a list of 2 numbers, is [0.5]"),
    "band = [0.5, 'x']": ("writing", "line 2, column 14, [writing]: `band[2]` must be a number, is 'x'"),
    "band = [2, 3]": ("writing", "line 1, [writing]: band is [low, high] with 0 < low <= 1 <= high"),
    "temperature = nan": ("writing", "`temperature` must be a number from 0 to 2, is nan"),
    "sharding = 'fsdp'": (
        "training",
        "`sharding` must be one of `fsdp2`, `zero3` or `none`, is 'fsdp'; did you mean `fsdp2`?",
    ),
    "reference = 2026-11-26": ("training", "`reference` must be `live` or `stored`, is '2026-11-26'"),
    "beta = inf": ("training", "`beta` must be a number above 0, is inf"),
    "last_share = 1": ("pairs", "`last_share` must be a number of at least 0 and below 1, is 1"),
    "size = 0": ("mix", "`size` must be a whole number of at least 1, is 0"),
    "chat = 4": ("mix", "`chat` must be a path, is 4"),
    "kinds = { decks = 1 }": (
        "mix",
        "line 2, column 11, [mix]: a name in `kinds` must be one of `single`, `multi` or `deck`, is 'decks'; "
        "did you mean `deck`?",
    ),
    "kinds = { deck = 'x' }": ("mix", "`kinds.deck` must be a number, is 'x'"),
    "kinds = 3": ("mix", "`kinds` must be a table of `single`, `multi` or `deck` with a number each, is 3"),
    "words = { single = [], multi = [200] }": (
        "instructions",
        "`words.single` must be a list that is not empty, of whole numbers from 50 to 100,000, is []",
    ),
    "words.multi = [200, 30]": ("instructions", "`words.multi[2]` must be a whole number from 50 to 100,000, is 30"),
    "words.sngle = [200]": (
        "instructions",
        "line 2, column 7, [instructions]: `sngle` is no field of `words`; did you mean `single`?",
    ),
    "groups = [3]": ("instructions", "`groups[1]` must be 2 or 4, is 3"),
    "deck_tasks = ['essay']": (
        "instructions",
        "must be one of `lecture_script`, `speaker_notes`, `study_guide` or `explainer`, is 'essay'",
    ),
}


def said(folder: Path, text: str | bytes) -> str:
    path = folder / "recipe.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(RecipeError) as caught:
        read_recipe(str(path))
    words = str(caught.value)
    assert words.startswith(f"The recipe {path} (LWV_RECIPE) ")
    for foreign in ("Input should", "validation error", "Traceback", "Value error", "pydantic", "str_type"):
        assert foreign not in words
    return words


@pytest.mark.parametrize("line", WRONG)
def test_a_wrong_field_is_said_in_its_own_words(line: str, tmp_path: Path) -> None:
    table, sentence = WRONG[line]
    words = said(tmp_path, f"[{table}]\n{line}\n")
    assert sentence in words and f"[{table}]" in words
    assert len(words.splitlines()) == 1


def test_all_that_is_wrong_is_said_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    lines = [f"[{table}]\n{line}\n" for line, (table, _) in list(WRONG.items())[:1]]
    lines += ["[mix]\nlong_share = 0.9\nshort_share = 0.9\nchat_rows = 5\n", "[writting]\nband = [1, 1]\n"]
    lines += ["[pairs]\nsamples = 0\nmargins = 3\n"]
    found = said(tmp_path, "temperature = 1\n" + "".join(lines)).splitlines()
    assert found[0].endswith("cannot be used:")
    assert [line.strip() for line in found[1:]] == [
        "line 1: `temperature` stands in no table: it belongs below [writing] or [pairs] or [scores]",
        "line 3, [writing]: `bnd` is no field of it; did you mean `band`?",
        "line 4, [mix]: long_share and short_share add up to more than 1; chat_rows asks for 5 rows of general chat: "
        "name a JSONL file in chat",
        "line 8: [writting] is no table of a recipe; did you mean [writing]?",
        "line 11, [pairs]: `samples` must be a whole number of at least 1, is 0",
        "line 12, [pairs]: `margins` is no field of it; did you mean `margin`?",
    ]


def test_a_thousand_faults_are_counted_and_not_listed(tmp_path: Path) -> None:
    words = said(tmp_path, "[writing]\n" + "".join(f"x{number} = 1\n" for number in range(1000)))
    assert len(words.splitlines()) == 22 and words.endswith("and 980 more")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[writing]\nband = [0.8, 1.25\n[mix]\n", "is no TOML: line 3, column 1: Unclosed array"),
        ("[writing]\nband = 1\nband = 2\n", "is no TOML: line 3, column 9: Cannot overwrite a value, in 'band = 2'"),
        ("a = '", 'is no TOML: Expected "\'"'),
        ("a = " + "[" * 5000, "is no TOML"),
        ("\0", "is no TOML: line 1, column 1"),
        (b"[mix]\n# caf\xe9\n", "line 2 is not UTF-8: save the file as UTF-8"),
        (b"#" * 1_000_001, "it has more than 1 MB"),
        ("writing = 3\n", "line 1: `writing` must be a table, is 3; write [writing] above its fields"),
    ],
)
def test_what_is_no_toml_is_said_with_its_line(text: str | bytes, sentence: str, tmp_path: Path) -> None:
    assert sentence in said(tmp_path, text)


@pytest.mark.parametrize("name", ["papr", "recipe.toml", "~nobody-here/recipe.toml", "folder/", "pipe.toml"])
def test_a_path_that_is_no_recipe_names_the_presets(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe.toml")
    with pytest.raises(RecipeError, match=r"one of `default`, `embedded` or `paper`") as caught:
        read_recipe(name)
    assert ("did you mean `paper`?" in str(caught.value)) == (name == "papr")


def test_every_field_has_words_for_what_it_takes() -> None:
    schema = Recipe.model_json_schema()
    for table in Recipe.model_fields:
        for name, field in schema["$defs"][table.capitalize()]["properties"].items():
            assert (in_words(field, schema["$defs"]) == "a table") == (name in ("words", "sampling"))


def test_a_recipe_is_no_stricter_on_what_is_right(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(
        '[mix]\nchat = "chat.jsonl"\nkinds = { deck = 1 }\n[training]\nsft_epochs = 2\n[writing]\nband = [1, 2]\n'
    )
    recipe = read_recipe(str(path))
    assert (recipe.mix.chat, recipe.training.sft_epochs, recipe.writing.band) == (Path("chat.jsonl"), 2.0, (1.0, 2.0))


def test_pydantic_alone_would_take_true_for_a_number() -> None:
    """So that the file is read as JSON, strictly."""
    assert Recipe.model_validate({"writing": {"most_sections": True}}).writing.most_sections == 1
    with pytest.raises(ValidationError):
        Recipe.model_validate_json('{"writing": {"most_sections": true}}', strict=True)


def test_what_a_name_holds_reaches_no_terminal(tmp_path: Path) -> None:
    words = said(tmp_path, '[mix]\n"a\\u001b[2Jb\\n" = 1\n["\\u001b[31m"]\n')
    assert "\x1b" not in words and r"a\x1b[2Jb\n" in words and len(words.splitlines()) == 3


FIELDS = [*all_fields(), "writing.words", "mix.kinds.deck", "instructions.words.single", "nothing.at_all", "writing"]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(FIELDS), VALUES), max_size=5, unique_by=lambda pair: pair[0]))
def test_whatever_a_recipe_says_it_is_read_or_refused_in_words(pairs: list[tuple[str, str]]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "recipe.toml"
        path.write_text("\n".join(f"{field} = {value}" for field, value in pairs))
        says = ""
        try:
            read_recipe(str(path))
        except RecipeError as error:
            says = str(error)
    assert "Input should" not in says and "Value error" not in says
    assert all(line.isprintable() for line in says.split("\n"))
