"""What decides the rows of a step, as values and hashes: its own recipe, and the recipes of all steps before it.

A step's derivation changes exactly where its own declared fields, settings or prompts do, or those of a step that it
needs. That is what Dagster compares to know which shards a changed recipe makes stale.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from assets.step import Step
from resources.endpoints import Endpoint
from resources.identity import TableIdentity, short_hash
from resources.recipe.model import Recipe
from resources.recipe.view import THRESHOLDS, field_values, restrict
from resources.settings import Settings
from resources.store import Store

FOLDER = Path(__file__).parent
TEMPLATE_DIGITS = 8
TEMPLATE_ENDINGS = (".txt", ".toml")


def template_hashes(step: Step) -> dict[str, str]:
    """Prompt or phrase file of the step, relative to assets/ -> first digits of the sha256 of its bytes, with the line
    ends of Unix, which is how it is read. Hidden files are none: the lock that an editor sets leads nowhere."""
    files = (path for folder in step.templates for path in sorted((FOLDER / folder).rglob("*")))
    return {
        path.relative_to(FOLDER).as_posix(): _digest(path.read_bytes())
        for path in files
        if path.suffix in TEMPLATE_ENDINGS and not path.name.startswith(".")
    }


def _digest(template: bytes) -> str:
    return hashlib.sha256(template.replace(b"\r\n", b"\n")).hexdigest()[:TEMPLATE_DIGITS]


@cache
def loaded_templates(step: Step) -> Mapping[str, str]:
    """Those that this process works with: it reads prompts once, when it loads the definitions, and never again."""
    return template_hashes(step)


Templates = Callable[[Step], Mapping[str, str]]


@dataclass(frozen=True)
class StepRecipe:
    """One step's share of the recipe. `recipe` has the fields that the step declares and no other.

    derivation: hash over this and the recipes of the steps that it needs; empty where it was not asked for.
    """

    step: Step
    recipe: Recipe
    settings: Settings
    values: Mapping[str, object]
    templates: Mapping[str, str]
    derivation: str = ""

    @property
    def recipe_hash(self) -> str:
        """As its tables have it (`TableIdentity.recipe_hash`)."""
        return short_hash([self.values, self.templates])

    def identity(self, version: int, upstream: Mapping[str, str], endpoints: Sequence[Endpoint] = ()) -> TableIdentity:
        """Of a table that this step writes. version: of its schema. upstream: `upstream_contents` before they are read,
        for another run may write them anew while this one works."""
        return TableIdentity(
            schema_version=version,
            recipe=self.values,
            templates=self.templates,
            models={endpoint.role: model_name(endpoint) for endpoint in endpoints},
            upstream=upstream,
        )


def step_recipe(step: Step, recipe: Recipe, settings: Settings, templates: Templates = template_hashes) -> StepRecipe:
    """The step's own share of a whole recipe. templates: of a step, by default as they are on the disk now."""
    values = field_values(recipe, step.fields)
    plain = settings.model_dump(mode="json")
    values |= {f"LWV_{name.upper()}": plain[name] for name in step.settings}
    return StepRecipe(step, restrict(recipe, step.fields), settings, values, templates(step))


def derivations(
    steps: Sequence[Step], recipe: Recipe, settings: Settings, templates: Templates = template_hashes
) -> dict[str, str]:
    """Step -> hash over its own recipe and the derivations of the steps that it needs (not of optional ones).

    A threshold of a step's checks changes no row of it, so it makes the step's own tables stale and none after them.
    """
    found: dict[str, str] = {}
    passed_on: dict[str, str] = {}  # step -> the same without its thresholds
    for step in _in_dependency_order(steps):
        own = step_recipe(step, recipe, settings, templates)
        rows = {name: value for name, value in own.values.items() if name not in THRESHOLDS}
        needed = {name: passed_on[name] for name in step.upstream if name not in step.optional}
        found[step.name] = short_hash([own.recipe_hash, needed])
        passed_on[step.name] = short_hash([short_hash([rows, own.templates]), needed])
    return found


def upstream_contents(step: Step, store: Store, shards: Sequence[str]) -> dict[str, str]:
    """Upstream table -> its content: of one shard its own, of several a hash over theirs. Missing tables and assets
    without tables are left out."""
    found: dict[str, str] = {}
    for name in step.upstream:
        contents = {shard: store.content(name, shard) for shard in shards if store.has_table(name, shard)}
        if contents:
            found[name] = next(iter(contents.values())) if len(shards) == 1 else short_hash(contents)
    return found


def model_name(endpoint: Endpoint) -> str:
    """The model and its server, as reports name them."""
    return f"{endpoint.model} (embedded)" if endpoint.embedded else f"{endpoint.model} at {endpoint.base_url}"


def _in_dependency_order(steps: Sequence[Step]) -> list[Step]:
    left, ordered = {step.name: step for step in steps}, list[Step]()
    while left:
        ready = [step for step in left.values() if not left.keys() & ({*step.upstream} - {*step.optional})]
        if not ready:
            raise ValueError(f"These steps need each other: {', '.join(left)}.")
        for step in ready:
            ordered.append(left.pop(step.name))
    return ordered
