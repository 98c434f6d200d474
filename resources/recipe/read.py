"""Reading a recipe: a TOML file or a preset, as `LWV_RECIPE` names it."""

import tomllib
from pathlib import Path

from pydantic import ValidationError

from resources.endpoints import Endpoint
from resources.recipe.model import Recipe
from resources.settings import Settings

PRESETS = Path(__file__).parent / "presets"  # <name>.toml


class RecipeError(ValueError):
    """The recipe cannot be used; the sentence names the file and the field."""


def read_recipe(name: str | None = None) -> Recipe:
    """The recipe of a TOML file, or of a preset (`default`, `paper`, `embedded`); None: what LWV_RECIPE says.

    Where that is unset: `default`, or `embedded` where the embedded model is the teacher. Fields that the file leaves
    out are the default's. Raises RecipeError.
    """
    name = name or Settings().recipe or ("embedded" if Endpoint.from_env("teacher").embedded else "default")
    path = PRESETS / f"{name}.toml" if name.isidentifier() else Path(name)
    try:
        return Recipe.model_validate(tomllib.loads(path.expanduser().read_text(encoding="utf-8-sig")))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise RecipeError(f"The recipe {path} (LWV_RECIPE) cannot be used: {where}: {first['msg']}.") from error
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: `~nobody`, or brackets without an end
        known = ", ".join(sorted(preset.stem for preset in PRESETS.glob("*.toml")))
        raise RecipeError(
            f"The recipe {path} (LWV_RECIPE) cannot be read: {error}. It is a TOML file, or one of {known}."
        ) from error
