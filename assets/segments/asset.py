"""The asset `segments`: the long texts of a shard, cut by page or section."""

from collections import Counter
from collections.abc import Iterator

import dagster as dg

from assets.drafts.draft import NoDraftError, draft_to_cut, drafts_by_example
from assets.long_outputs.schema import LONG_OUTPUTS
from assets.recipe_nodes import RecipeResource
from assets.segments.schema import SEGMENTS, Segment
from assets.segments.splitter import split_draft, split_output
from assets.segments.step import STEP
from assets.shard_table import Shard
from assets.step_asset import step_asset
from resources.dagster import StoreResource, clear_failures, mean
from resources.recipe.read import RecipeError


@step_asset(STEP, kinds={"parquet"})
def segments(
    context: dg.AssetExecutionContext, store: StoreResource, recipe: RecipeResource
) -> dg.MaterializeResult[None]:
    """A row per page of a deck, per section of anything else; a page that was not written is an empty row.

    In the preference split the checkpoint's first draft is cut, where the recipe wants it and it exists.
    """
    with clear_failures(RecipeError, NoDraftError):
        shard, counts = Shard.of(context, STEP, SEGMENTS, store, recipe), Counter[str]()
        mode = shard.recipe.corrections.drafts
        drafted = mode == "checkpoint" or (mode == "auto" and shard.store.has_table("drafts", shard.name))
        drafts = drafts_by_example(shard.store, shard.name) if drafted else {}

        def rows() -> Iterator[Segment]:
            for output in shard.store.rows(LONG_OUTPUTS, shard.name):
                draft = draft_to_cut(mode, output, drafts)
                counts["drafts"] += draft is not None
                for segment in split_draft(output, draft) if draft else split_output(output):
                    counts["words"] += segment["words"]
                    counts["missing"] += not segment["text"]
                    yield segment

        count = shard.write(rows())
    return shard.result(
        count,
        0,
        {
            "drafts_cut": counts["drafts"],
            "words_mean": mean(counts["words"], count),
            "missing_pages": counts["missing"],
        },
    )
