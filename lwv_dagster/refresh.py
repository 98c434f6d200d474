"""`refresh_job`: makes again exactly the shards' tables that are stale, as one backfill."""

import time
from collections import Counter
from collections.abc import Iterable

import dagster as dg
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph
from dagster._core.definitions.assets.graph.asset_graph_subset import AssetGraphSubset
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.definitions.events import AssetKeyPartitionKey
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus, PartitionBackfill
from dagster._core.loader import LoadingContextForTest
from dagster._core.utils import make_new_backfill_id

from assets.partitions import known_shards
from assets.steps import STEP_OF, sharded_steps
from resources.text.shown import number_of

TITLE = "Stale tables"


def stale_tables(instance: dg.DagsterInstance, graph: AssetGraph) -> list[AssetKeyPartitionKey]:
    """Every table of a shard that is stale, because its recipe, prompts or upstream tables changed, and those that are
    made from such a table: Dagster itself calls them stale only once that was made again."""
    resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
    found, shards = dict[AssetKeyPartitionKey, None](), known_shards(instance)
    for asset in sharded_steps():  # in the order of the lineage
        for shard in shards:
            status = resolver.get_status(dg.AssetKey(asset), shard)
            before = (AssetKeyPartitionKey(dg.AssetKey(name), shard) for name in STEP_OF[asset].upstream)
            if status == StaleStatus.STALE or (status == StaleStatus.FRESH and any(table in found for table in before)):
                found[AssetKeyPartitionKey(dg.AssetKey(asset), shard)] = None
    return list(found)


def unfinished_backfill(instance: dg.DagsterInstance) -> str | None:
    """The id of a backfill of refresh_job that is not done yet: its tables are still stale."""
    backfills = instance.get_backfills(filters=BulkActionsFilter(statuses=[BulkActionStatus.REQUESTED]))
    return next((backfill.backfill_id for backfill in backfills if backfill.title == TITLE), None)


def backfill_of(
    instance: dg.DagsterInstance, graph: AssetGraph, tables: Iterable[AssetKeyPartitionKey]
) -> PartitionBackfill:
    """A backfill of just these tables, a run per shard; the daemon starts it."""
    backfill: PartitionBackfill = PartitionBackfill.from_asset_graph_subset(
        backfill_id=make_new_backfill_id(),
        backfill_timestamp=time.time(),
        tags={},
        dynamic_partitions_store=instance,
        asset_graph_subset=AssetGraphSubset.from_asset_partition_set(set(tables), graph),
        title=TITLE,
        description="What refresh_job found stale.",
        run_config=None,
    )
    return backfill


@dg.op
def refresh_stale(context: dg.OpExecutionContext) -> None:
    """Finds what is stale and asks the daemon for a backfill of it. What was answered before is not paid again."""
    if earlier := unfinished_backfill(context.instance):
        context.log.info("Backfill %s of an earlier refresh is not done yet: start this job again after it.", earlier)
        return
    graph = context.repository_def.asset_graph
    tables = stale_tables(context.instance, graph)
    if not tables:
        context.log.info("Nothing is stale.")
        return
    backfill = backfill_of(context.instance, graph, tables)
    context.instance.add_backfill(backfill)
    counts = Counter(table.asset_key.to_user_string() for table in tables)
    listed = ", ".join(f"{name} of {number_of(count, 'shard')}" for name, count in counts.items())
    context.log.info("Backfill %s makes again: %s.", backfill.backfill_id, listed)


@dg.job(description="Make again exactly the shards' tables that a changed recipe, prompt or upstream table made stale.")
def refresh_job() -> None:
    """One step: find them and start their backfill."""
    refresh_stale()
