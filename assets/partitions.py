"""The one partitions definition: shards of at most 256 documents, added as sources appear (source_images/catalog)."""

import dagster as dg

SHARDS = dg.DynamicPartitionsDefinition(name="shard")
