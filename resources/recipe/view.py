"""A recipe as one step sees it: the fields that the step declares, and no other."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from pydantic import TypeAdapter

from resources.recipe.model import Part, Recipe

P = TypeVar("P", bound=Part)
_ABSENT = object()
# Thresholds that were constants until 0.3.
THRESHOLDS = (
    "checks.instruction_characters",
    "checks.length_score",
    "checks.repeated_share",
    "checks.whole_drafts",
    "checks.unfaithful_share",
    "checks.drift_rows",
    "checks.drift_psi",
    "checks.drift_ks",
    "checks.judged_share",
)
# What steers both trainings alike.
STEERING = (
    "training.scheduler",
    "training.warmup_share",
    "training.seed",
    "training.tokens_per_pass",
    "training.save_steps",
    "training.validation_share",
    "training.eval_steps",
    "training.patience",
    "training.vision_rate",
    "training.merger_rate",
    "training.compile_layers",
    "training.optimizer",
    "training.reports",
)
# Fields that came later: at its default such a field is left out of what made a table, so that the tables and recipes
# of older versions stay what they are.
LATER = (
    *THRESHOLDS,
    "pairs.sampling",
    "scores.temperature",
    "scores.sampling",
    "training.sft_steps",
    "training.sft_documents",
    "training.dpo_steps",
    "training.dpo_pairs",
    *STEERING,
)


def restrict(recipe: Recipe, fields: Iterable[str]) -> Recipe:
    """The recipe with these fields (`section.field`) alone: reading any other raises UndeclaredFieldError."""
    wanted: dict[str, set[str]] = {}
    for name in fields:
        section, field = name.split(".")
        wanted.setdefault(section, set()).add(field)
    parts = {section: _only(getattr(recipe, section), names) for section, names in wanted.items()}
    return _only(recipe.model_copy(update=parts), set(parts))


def field_values(recipe: Recipe, fields: Iterable[str]) -> dict[str, object]:
    """field (`section.field`) -> its value as JSON has it; without those of LATER that have their default."""
    usual = all_values(Recipe(), LATER)
    return {name: value for name, value in all_values(recipe, fields).items() if usual.get(name, _ABSENT) != value}


def all_values(recipe: Recipe, fields: Iterable[str]) -> dict[str, object]:
    """field (`section.field`) -> its value as JSON has it."""
    plain = recipe.model_dump(mode="json")
    return {name: plain[section][field] for name in fields for section, field in [name.split(".")]}


def recipe_of_values(values: Mapping[str, object]) -> Recipe:
    """A recipe that has these fields and those of LATER alone, from what `field_values` gave; names that are no field
    are skipped."""
    parts: dict[str, Part] = {}
    known = {name for name in values if name in all_fields()}
    for name in sorted(known):
        section, field = name.split(".")
        part = parts.setdefault(section, getattr(Recipe(), section))
        annotation = type(part).model_fields[field].annotation
        assert annotation is not None, f"{name} has no type"
        found = TypeAdapter[object](annotation).validate_python(values[name])
        parts[section] = part.model_copy(update={field: found})
    return restrict(Recipe().model_copy(update=parts), known | {*LATER})


def all_fields() -> list[str]:
    """Every field of the recipe as `section.field`, in the order of the model."""
    empty = Recipe()
    return [
        f"{section}.{field}" for section in Recipe.model_fields for field in type(getattr(empty, section)).model_fields
    ]


def _only(part: P, fields: set[str]) -> P:
    bare = part.model_copy()
    for name in set(type(part).model_fields) - fields:
        del bare.__dict__[name]
    return bare
