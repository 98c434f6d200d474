"""The asset `preference_pairs`: the pairs of a shard's corrected documents, and of its ranked drafts."""

from collections import Counter

import dagster as dg

from assets.drafts.draft import current_drafts, drafts_by_example
from assets.long_outputs.schema import LONG_OUTPUTS, LongOutput
from assets.preference_pairs.iterdpo import corrected_by_example, correction_pairs, sampled_pair
from assets.preference_pairs.pair_tally import PairTally
from assets.preference_pairs.ranking import choose_sides, rank_drafts
from assets.preference_pairs.schema import PREFERENCE_PAIRS, PreferencePair
from assets.preference_pairs.step import STEP
from assets.recipe_nodes import RecipeResource
from assets.shard_table import Ids, Shard, write_with_model
from assets.step_asset import step_asset
from resources.dagster import ModelsResource, StoreResource, clear_failures
from resources.recipe.read import RecipeError


@step_asset(STEP, kinds={"openai", "parquet"})
def preference_pairs(
    context: dg.AssetExecutionContext, store: StoreResource, models: ModelsResource, recipe: RecipeResource
) -> dg.MaterializeResult[None]:
    """Corrected segments against the ones that were written, and the best draft against a worse one."""
    with clear_failures(RecipeError):
        shard = Shard.of(context, STEP, PREFERENCE_PAIRS, store, recipe)
        engine, wanted = models.engine(shard.store, context.run), shard.recipe.pairs
        outputs = [row for row in shard.store.rows(LONG_OUTPUTS, shard.name) if row["split"] == "preference"]
        corrected = corrected_by_example(shard.store, shard.name)
        ranks = wanted.sampled > 0 and shard.store.has_table("drafts", shard.name)
        drafts = drafts_by_example(shard.store, shard.name) if ranks else {}
        tally, counts, judge = PairTally(), Counter[str](), engine.endpoints["judge"].model

        async def work(output: LongOutput) -> list[PreferencePair]:
            pairs = correction_pairs(output, corrected[output["example_id"]], wanted)
            if mine := current_drafts(output, drafts):
                ranked = await rank_drafts(engine, output, mine)
                counts.update(drafts=len(mine), drafts_ranked=len(ranked))
                if sides := choose_sides(ranked, wanted.margin, output["example_id"]):
                    pairs.append(sampled_pair(output, sides, mine[0]["author"], judge))
                else:
                    counts["examples_too_close"] += 1
            for pair in pairs:
                tally.add(pair)
            return pairs

        written = write_with_model(
            shard,
            engine,
            outputs,
            work,
            lambda output: Ids(output["document_id"], output["example_id"]),
            "judge",
        )
    return shard.result(
        written.rows,
        written.quarantined,
        {**written.metadata, **tally.metadata()},
        {
            **written.counts,
            **tally.longer_shares(),
            "drafts": counts["drafts"],
            # Empty, or the judge gave no scores.
            "drafts_left_out": counts["drafts"] - counts["drafts_ranked"],
            # Drafts, but no two that may be a pair.
            "examples_too_close": counts["examples_too_close"],
        },
    )
