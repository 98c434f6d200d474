"""Reading a recipe: a TOML file or a preset, as `LWV_RECIPE` names it."""

import json
import tomllib
from pathlib import Path

from pydantic import ValidationError

from resources.endpoints import Endpoint
from resources.recipe.faults import faults, syntax_fault
from resources.recipe.model import Recipe
from resources.settings import Settings
from resources.wanted import listed, nearest

PRESETS = Path(__file__).parent / "presets"  # <name>.toml
MOST_BYTES = 1_000_000


class RecipeError(ValueError):
    """The recipe cannot be used; the sentence names the file, and line, table and field of each fault."""


def read_recipe(name: str | None = None) -> Recipe:
    """The recipe of a TOML file, or of a preset (`default`, `paper`, `embedded`); None: what LWV_RECIPE says.

    Where that is unset: `default`, or `embedded` where the embedded model is the teacher. Fields that the file leaves
    out are the default's. Raises RecipeError.
    """
    name = name or recipe_name(Settings())
    path = PRESETS / f"{name}.toml" if name.isidentifier() else Path(name)
    try:
        toml = _read(path.expanduser(), name)
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: `~nobody`
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise RecipeError(f"The recipe {path} (LWV_RECIPE) cannot be read: {why}. {_known(name)}") from error
    try:
        values = tomllib.loads(toml)
        # As JSON: there true is no number and "300" none either, but a list is a tuple and a text a path.
        return Recipe.model_validate_json(json.dumps(values, default=str), strict=True)
    except ValidationError as error:
        found = faults(error, toml)
        says = f" {found[0]}" if len(found) == 1 else "\n  ".join(["", *found])
        raise RecipeError(f"The recipe {path} (LWV_RECIPE) cannot be used:{says}") from error
    except (ValueError, RecursionError) as error:
        says = syntax_fault(str(error), toml)
        raise RecipeError(f"The recipe {path} (LWV_RECIPE) is no TOML: {says}.") from error


def recipe_name(settings: Settings) -> str:
    """What LWV_RECIPE says; where it is unset, the preset for the teacher. Raises EndpointError."""
    return settings.recipe or ("embedded" if Endpoint.from_env("teacher").embedded else "default")


def _read(path: Path, name: str) -> str:
    """The file's text. Raises OSError, or ValueError where it is no file of a usable size, or not UTF-8."""
    if not path.exists():
        raise ValueError("there is no such preset" if name.isidentifier() else "there is no such file")
    if not path.is_file():  # a folder; or a pipe, which nobody may ever write to
        raise ValueError("it is no file")
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"it has more than {MOST_BYTES / 1e6:g} MB")
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"line {line} is not UTF-8: save the file as UTF-8") from error


def _known(name: str) -> str:
    presets = sorted(path.stem for path in PRESETS.glob("*.toml"))
    guess = nearest(name, presets)
    return f"It is the path of a TOML file, or one of {listed(presets)}" + (
        f"; did you mean `{guess}`?" if guess else "."
    )
