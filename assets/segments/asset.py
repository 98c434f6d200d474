"""The asset `segments`: the long texts of a shard, cut by page or section."""

from collections import Counter

import dagster as dg

from assets.partitions import SHARDS
from assets.segments.schema import SCHEMA
from assets.segments.splitter import split_output
from assets.shard_table import table_metadata
from resources.dagster import StoreResource, clear_failures


@dg.asset(partitions_def=SHARDS, deps=["long_outputs"], kinds={"parquet"})
def segments(context: dg.AssetExecutionContext, store: StoreResource) -> dg.MaterializeResult:
    """A row per page of a deck, per section of anything else; a page that was not written is an empty row."""
    with clear_failures():
        tables, shard = store.create(), context.partition_key
        counts = Counter[str]()

        def rows():
            for output in tables.rows("long_outputs", shard):
                for segment in split_output(output):
                    counts["words"] += segment["words"]
                    counts["missing"] += not segment["text"]
                    yield segment

        count = tables.write_table("segments", shard, rows(), SCHEMA)
    return dg.MaterializeResult(metadata={
        **table_metadata(tables, "segments", shard, count, 0),
        "words_mean": counts["words"] / max(1, count), "missing_pages": counts["missing"]})
