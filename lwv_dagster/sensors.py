"""What watches for new work: files, recipes, people's decisions. A run can cost money, so nothing here starts one but
`decided_shards`, whose runs may ask no model.
"""

import dagster as dg

from assets.corrected_segments.unapplied import unapplied
from assets.partitions import SHARDS, known_shards
from assets.recipe_nodes import changed_nodes
from assets.source_images.catalog import Catalog, CatalogError, NoSourcesError
from resources.dagster import SourcesResource, StoreResource
from resources.decisions.people import decisions_of
from resources.failures import EndpointError, StorageError
from resources.recipe.read import RecipeError, read_recipe
from resources.settings import Settings
from resources.store import DamagedTableError


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


default_sensors = [new_shards, changed_recipe, decided_shards]
