"""The asset `preference_pairs`: the pairs of a shard's corrected documents, and of its ranked drafts."""

from collections import Counter, defaultdict
from typing import Any

import dagster as dg

from assets.drafts.draft import current_drafts, drafts_by_example
from assets.partitions import SHARDS
from assets.preference_pairs.iterdpo import cumulative_pairs, sampled_pair, shared_prefix_pairs, whole_pairs
from assets.preference_pairs.mix import Mix
from assets.preference_pairs.ranking import choose_sides, rank_drafts
from assets.preference_pairs.schema import SCHEMA
from assets.shard_table import write_model_table
from resources.dagster import GpuResource, ModelsResource, StoreResource, clear_failures
from resources.op_tags import GPU_OP_TAGS, GPU_POOL
from resources.recipe.model import Pairs
from resources.recipe.read import RecipeError, read_recipe


@dg.asset(
    partitions_def=SHARDS,
    deps=["corrected_segments", "long_outputs", "drafts"],
    pool=GPU_POOL,
    op_tags=GPU_OP_TAGS,
    kinds={"openai", "parquet"},
)
def preference_pairs(
    context: dg.AssetExecutionContext, store: StoreResource, models: ModelsResource, gpu: GpuResource
) -> dg.MaterializeResult:
    """Corrected segments against the ones that were written, and the best draft against a worse one."""
    with clear_failures(RecipeError):
        tables, shard, recipe = store.create(), context.partition_key, read_recipe().pairs
        engine = models.engine(tables, context.run.run_id)
        outputs = [row for row in tables.rows("long_outputs", shard) if row["split"] == "preference"]
        authors = {row["example_id"]: row["author"] for row in tables.rows("segments", shard, ["example_id", "author"])}
        corrected: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in tables.rows("corrected_segments", shard):
            if author := authors.get(row["example_id"]):  # else the example is no more
                corrected[row["example_id"]].append({**row, "author": author})
        ranks = recipe.sampled > 0 and tables.table_path("drafts", shard).exists()
        drafts = drafts_by_example(tables, shard) if ranks else {}
        mix, counts, judge = Mix(), Counter[str](), engine.endpoints["judge"].model

        async def work(output: dict[str, Any]) -> list[dict[str, Any]]:
            pairs = correction_pairs(output, corrected[output["example_id"]], recipe)
            if mine := current_drafts(output, drafts):
                ranked = await rank_drafts(engine, output, mine)
                counts.update(drafts=len(mine), drafts_ranked=len(ranked))
                if sides := choose_sides(ranked, recipe.margin, output["example_id"]):
                    chosen, rejected = sides
                    pairs.append(
                        sampled_pair(
                            output, chosen.text, rejected.text, chosen.score - rejected.score, mine[0]["author"], judge
                        )
                    )
                else:
                    counts["examples_too_close"] += 1
            for pair in pairs:
                mix.add(pair)
            return pairs

        metadata = write_model_table(
            engine,
            tables,
            "preference_pairs",
            shard,
            SCHEMA,
            outputs,
            work,
            lambda output: {"document_id": output["document_id"], "example_id": output["example_id"]},
            "judge",
        )
    return dg.MaterializeResult(
        metadata={
            **metadata,
            **mix.metadata(),
            "drafts": counts["drafts"],
            "drafts_left_out": counts["drafts"] - counts["drafts_ranked"],  # empty, or the judge gave no scores
            "examples_too_close": counts["examples_too_close"],
        }
    )  # drafts, but no two that may be a pair


def correction_pairs(output: dict[str, Any], corrected: list[dict[str, Any]], recipe: Pairs) -> list[dict[str, Any]]:
    """The pairs of one corrected document, of every kind that the recipe gives a share. corrected: see iterdpo."""
    return [
        *(cumulative_pairs(output, corrected, recipe.last_share) if recipe.cumulative else ()),
        *(shared_prefix_pairs(output, corrected) if recipe.shared_prefix else ()),
        *(whole_pairs(output, corrected) if recipe.whole else ()),
    ]
