"""The one partitions definition: shards of at most 256 documents, added as sources appear (source_images/catalog)."""

import dagster as dg

SHARDS = dg.DynamicPartitionsDefinition(name="shard")


def known_shards(instance: dg.DagsterInstance) -> list[str]:
    """The shards that Dagster knows, sorted."""
    return sorted(instance.get_dynamic_partitions(str(SHARDS.name)))
