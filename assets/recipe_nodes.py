"""The recipe as Dagster sees it: a source `recipe/<step>` before each asset, versioned by the step's derivation.

So the UI shows exactly the assets and shards that a changed recipe or prompt makes stale. The versions are observed
when a run starts (RecipeResource), by a sensor (lwv_dagster/sensors.py) and by the button *Observe*.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import dagster as dg
from dagster import AssetExecutionContext
from pydantic import PrivateAttr

from assets.derivation import StepRecipe, derivations, loaded_templates, step_recipe
from assets.step import Step
from assets.steps import STEP_OF, STEPS
from resources.dagster import Metadata, clear_failures
from resources.failures import EndpointError
from resources.recipe.model import Recipe
from resources.recipe.read import RecipeError, read_recipe
from resources.recipe.view import all_values
from resources.settings import Settings
from resources.text.shown import markdown

GROUP = "recipe"
DATA_VERSION = "dagster/data_version"
INPUT_VERSION = "dagster/input_data_version"


def node_key(step: str) -> dg.AssetKey:
    """The source that stands for all that the recipe says about a step and the steps before it."""
    return dg.AssetKey([GROUP, step])


class RecipeResource(dg.ConfigurableResource["RecipeResource"]):
    """The recipe of one run, read once when it starts. `name` unset: what LWV_RECIPE says.

    Where it cannot be read, the first step that asks for it fails with one sentence.
    """

    name: str | None = None
    _recipe: Recipe | None = PrivateAttr(default=None)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Before any step: Dagster learns the recipe's versions, so that what the run makes is known to be of it."""
        try:
            self._recipe = read_recipe(self.name)
            settings = Settings()
        except (RecipeError, EndpointError, ValueError):
            return
        if context.instance is not None:
            for observation in changed_nodes(context.instance, self._recipe, settings):
                context.instance.report_runless_asset_event(observation)

    def of(self, step: Step) -> StepRecipe:
        """The step's share of it. Raises RecipeError, SettingError."""
        recipe, settings = self._recipe or read_recipe(self.name), Settings()
        derivation = derivations(STEPS, recipe, settings, loaded_templates)[step.name]
        return replace(step_recipe(step, recipe, settings, loaded_templates), derivation=derivation)


def version_tags(made_with: StepRecipe) -> Mapping[str, str]:
    """Tags of a materialization: the version of the recipe that it was really made under.

    Dagster itself notes the one that was observed last when the step began, which is another where the recipe or a
    prompt was changed, or another run began, since this run did.
    """
    return {f"{INPUT_VERSION}/{node_key(made_with.step.name).to_user_string()}": made_with.derivation}


def changed_nodes(instance: dg.DagsterInstance, recipe: Recipe, settings: Settings) -> Iterator[dg.AssetObservation]:
    """An observation for each step whose derivation is not the one that was observed last."""
    for name, version in derivations(STEPS, recipe, settings).items():
        event = instance.get_latest_data_version_record(node_key(name), is_source=True)
        observed = event.asset_observation.tags if event and event.asset_observation else {}
        if observed.get(DATA_VERSION) != version:
            metadata = node_metadata(STEP_OF[name], recipe, settings)
            yield dg.AssetObservation(node_key(name), metadata=metadata, tags={DATA_VERSION: version})


def node_metadata(step: Step, recipe: Recipe, settings: Settings) -> Metadata:
    """What the UI shows of a step's recipe: its hash, and each field, setting and prompt that it uses."""
    own = step_recipe(step, recipe, settings)
    used = {**all_values(recipe, step.fields), **own.values, **own.templates}
    rows = [(name, str(value)) for name, value in used.items()]
    listed = "\n".join(f"| {markdown(name)} | {markdown(value)} |" for name, value in rows)
    table = f"| field or prompt | value |\n|---|---|\n{listed}" if rows else "No field and no prompt of its own."
    return {"recipe": dg.MetadataValue.text(own.recipe_hash), "uses": dg.MetadataValue.md(table)}


SPECS = [
    dg.AssetSpec(
        node_key(step.name),
        group_name=GROUP,
        description=f"All that the recipe says about `{step.name}` and the steps before it.",
    )
    for step in STEPS
]
Observe = Callable[..., Iterator[dg.ObserveResult]]
# Dagster's own decorator has no return type.
_observable: Callable[[Observe], dg.AssetsDefinition] = dg.multi_observable_source_asset(
    name="recipe", specs=SPECS, can_subset=True
)


@_observable
def recipe_nodes(context: AssetExecutionContext) -> Iterator[dg.ObserveResult]:
    """The recipe as it is now. Its data versions are hashes over fields, settings and prompts."""
    with clear_failures():
        recipe, settings = read_recipe(), Settings()
    for name, version in derivations(STEPS, recipe, settings).items():
        if node_key(name) in context.selected_asset_keys:
            yield dg.ObserveResult(
                asset_key=node_key(name),
                metadata=node_metadata(STEP_OF[name], recipe, settings),
                data_version=dg.DataVersion(version),
            )
