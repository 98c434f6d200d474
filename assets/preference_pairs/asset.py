"""The asset `preference_pairs`: the pairs of a shard's corrected documents."""

from collections import Counter
from itertools import groupby

import dagster as dg

from assets.partitions import SHARDS
from assets.preference_pairs.iterdpo import cumulative_pairs, shared_prefix_pairs
from assets.preference_pairs.schema import KINDS, SCHEMA
from assets.shard_table import table_metadata
from resources.dagster import StoreResource, clear_failures


@dg.asset(partitions_def=SHARDS, deps=["corrected_segments", "segments", "long_outputs"], kinds={"parquet"})
def preference_pairs(context: dg.AssetExecutionContext, store: StoreResource) -> dg.MaterializeResult:
    """Cumulative and shared-prefix pairs: corrected segments against the ones that were written."""
    with clear_failures():
        tables, shard = store.create(), context.partition_key
        outputs = {row["example_id"]: row for row in tables.rows("long_outputs", shard) if row["split"] == "preference"}
        originals = {row["segment_id"]: row["text"] for row in tables.rows("segments", shard)
                     if row["example_id"] in outputs}
        counts = Counter[str]()

        def rows():
            for example_id, group in groupby(tables.rows("corrected_segments", shard), lambda row: row["example_id"]):
                corrected = list(group)
                original = [originals[row["segment_id"]] for row in corrected]
                for make in (cumulative_pairs, shared_prefix_pairs):
                    for pair in make(outputs[example_id], original, corrected):
                        counts[pair["kind"]] += 1
                        yield pair

        count = tables.write_table("preference_pairs", shard, rows(), SCHEMA)
    return dg.MaterializeResult(metadata={**table_metadata(tables, "preference_pairs", shard, count, 0),
                                          **{f"pairs_{kind}": counts[kind] for kind in KINDS}})
