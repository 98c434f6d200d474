"""What watches for new work: files, recipes, people's answers and decisions. A run can cost money, so nothing here
starts one but `decided_shards`, whose runs may ask no model.
"""

import json
import time

import dagster as dg

from assets.corrected_segments.unapplied import unapplied
from assets.partitions import SHARDS, known_shards
from assets.recipe_nodes import changed_nodes
from assets.source_images.catalog import Catalog, CatalogError, NoSourcesError
from resources.dagster import SourcesResource, StoreResource
from resources.decisions.people import decisions_of, people_of
from resources.failures import EndpointError, StorageError
from resources.recipe.read import RecipeError, read_recipe
from resources.secrets import mask
from resources.settings import Settings
from resources.store import DamagedTableError
from resources.text.shown import visible

TASKS_IN_A_TICK = 500  # a tick has 60 s
ALL_AGAIN_S = 3600.0
REFUSED_NAMED = 20


@dg.sensor(minimum_interval_seconds=60, default_status=dg.DefaultSensorStatus.RUNNING)
def new_shards(
    context: dg.SensorEvaluationContext,
    store: StoreResource,
    sources: SourcesResource,
) -> dg.SensorResult | dg.SkipReason:
    """Adds a shard when files appear that no shard holds yet; a person (or `lwv demo`) then launches it."""
    settings = sources.settings()
    catalog = Catalog(store.create().home, settings.sources, settings)
    try:
        catalog.scan()
    except (NoSourcesError, CatalogError) as error:
        return dg.SkipReason(str(error))
    known = set(context.instance.get_dynamic_partitions(str(SHARDS.name)))
    fresh = [shard for shard in catalog.shards() if shard not in known]
    if not fresh:
        return dg.SkipReason(f"No new document under {settings.sources}.")
    return dg.SensorResult(dynamic_partitions_requests=[SHARDS.build_add_request(fresh)])


@dg.sensor(minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def changed_recipe(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Looks at the recipe and the prompts, so that the UI shows within seconds which shards a change makes stale."""
    try:
        found = list(changed_nodes(context.instance, read_recipe(), Settings()))
    except (RecipeError, EndpointError, ValueError) as error:
        return dg.SkipReason(str(error))
    return dg.SensorResult(asset_events=found) if found else dg.SkipReason("The recipe and the prompts did not change.")


@dg.sensor(job_name="corrections_job", minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def decided_shards(context: dg.SensorEvaluationContext, store: StoreResource) -> dg.SensorResult | dg.SkipReason:
    """Asks for `corrections_job` on each shard that people's decisions change, once for each such change."""
    tables = store.create()
    try:
        alike = read_recipe().corrections.alike
        found = unapplied(tables, known_shards(context.instance), decisions_of(tables.home), alike)
    except (RecipeError, StorageError, DamagedTableError, ValueError) as error:
        return dg.SkipReason(str(error))
    if not found:
        return dg.SkipReason("Every decision is applied.")
    return dg.SensorResult([dg.RunRequest(run_key=key, partition_key=shard) for shard, key in found.items()])


@dg.sensor(minimum_interval_seconds=60, default_status=dg.DefaultSensorStatus.RUNNING)
def answered_tasks(context: dg.SensorEvaluationContext, store: StoreResource) -> dg.SkipReason:
    """Saves what people answered in Label Studio as decisions, where LWV_LABEL_STUDIO_URL and _TOKEN name one.

    The cursor moves when they are saved, so a tick that was killed is made again; once an hour all answers are read
    again, those too whose segment was not there before.
    """
    from lwv_dagster.annotate.label_studio.label_studio_client import LabelStudioError, label_studio_of
    from lwv_dagster.annotate.label_studio.pulling import pull

    since, begun = _walk(context.cursor)
    try:
        with label_studio_of(Settings()) as studio, people_of(store.create().home) as people:
            pulled = pull(studio, store.create(), people, since, TASKS_IN_A_TICK)
            saved = people.append(pulled.taken.new)
    except (LabelStudioError, RecipeError, StorageError, DamagedTableError, ValueError) as error:
        return dg.SkipReason(visible(mask(str(error))))
    context.update_cursor(json.dumps({"since": pulled.latest or since, "begun": begun}))
    for says in pulled.taken.refused[:REFUSED_NAMED]:
        context.log.warning(visible(mask(says)))
    return dg.SkipReason(
        f"{pulled.tasks} answered tasks were read: {saved} new decisions, {pulled.taken.known} known, "
        f"{len(pulled.taken.refused)} refused."
    )


def _walk(cursor: str | None) -> tuple[str | None, float]:
    """Since when answers are to be read, and when the reading of all of them began (Unix time)."""
    try:
        kept = json.loads(cursor or "{}")
        since, begun = kept["since"], float(kept["begun"])
    except (ValueError, KeyError, TypeError):
        return None, time.time()
    if time.time() - begun > ALL_AGAIN_S or not isinstance(since, str):
        return None, time.time()
    return since, begun


default_sensors = [new_shards, changed_recipe, answered_tasks, decided_shards]
