"""The asset `segments`: the long texts of a shard, cut by page or section."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import dagster as dg

from assets.drafts.draft import NoDraftError, draft_to_cut, drafts_by_example
from assets.partitions import SHARDS
from assets.segments.schema import SCHEMA
from assets.segments.splitter import split_draft, split_output
from assets.shard_table import table_metadata
from resources.dagster import StoreResource, clear_failures
from resources.recipe.read import RecipeError, read_recipe


@dg.asset(partitions_def=SHARDS, deps=["long_outputs", "drafts"], kinds={"parquet"})
def segments(context: dg.AssetExecutionContext, store: StoreResource) -> dg.MaterializeResult:
    """A row per page of a deck, per section of anything else; a page that was not written is an empty row.

    In the preference split it is the checkpoint's first draft that is cut, where the recipe wants it and it is there.
    """
    with clear_failures(RecipeError, NoDraftError):
        tables, shard, mode = store.create(), context.partition_key, read_recipe().corrections.drafts
        drafted = mode == "checkpoint" or (mode == "auto" and tables.table_path("drafts", shard).exists())
        drafts = drafts_by_example(tables, shard) if drafted else {}
        counts = Counter[str]()

        def rows() -> Iterator[dict[str, Any]]:
            for output in tables.rows("long_outputs", shard):
                draft = draft_to_cut(mode, output, drafts)
                counts["drafts"] += draft is not None
                for segment in split_draft(output, draft) if draft else split_output(output):
                    counts["words"] += segment["words"]
                    counts["missing"] += not segment["text"]
                    yield segment

        count = tables.write_table("segments", shard, rows(), SCHEMA)
    return dg.MaterializeResult(
        metadata={
            **table_metadata(tables, "segments", shard, count, 0),
            "drafts_cut": counts["drafts"],
            "words_mean": counts["words"] / max(1, count),
            "missing_pages": counts["missing"],
        }
    )
