"""The asset `drafts`: what the SFT checkpoint itself writes for a shard's preference split."""

from collections import Counter

import dagster as dg

from assets.drafts.draft import TOP_P, draft_author, draft_prompt, draft_row, samples_of
from assets.drafts.schema import FINISHES, SCHEMA
from assets.generation import GenerationError, write_answers
from assets.partitions import SHARDS
from assets.shard_table import table_metadata
from resources.dagster import GpuResource, StoreResource, clear_failures
from resources.op_tags import GPU_OP_TAGS, GPU_POOL
from resources.recipe.read import RecipeError, read_recipe
from resources.training.checkpoint import TrainingError, current_checkpoint, read_training


@dg.asset(
    partitions_def=SHARDS,
    deps=["long_outputs", "sft_checkpoint"],
    pool=GPU_POOL,
    op_tags=GPU_OP_TAGS,
    kinds={"torch", "parquet"},
)
def drafts(
    context: dg.AssetExecutionContext, store: StoreResource, gpu: GpuResource, pipes: dg.PipesSubprocessClient
) -> dg.MaterializeResult:
    """`pairs.samples` texts an example (one where no pairs are sampled), on policy; none is ever written twice."""
    with clear_failures(TrainingError, GenerationError, RecipeError):
        tables, shard, recipe = store.create(), context.partition_key, read_recipe().pairs
        checkpoint = current_checkpoint(tables, "sft")
        training = read_training(checkpoint)
        author = draft_author(checkpoint.name, training)
        asked = {
            (row["example_id"], sample): (row, draft_prompt(tables, row, sample, recipe.temperature))
            for row in tables.rows("long_outputs", shard)
            if row["split"] == "preference"
            for sample in range(samples_of(recipe))
        }
        answers = write_answers(
            context,
            pipes,
            tables,
            gpu,
            {"sft": str(checkpoint)},
            [prompt for _, prompt in asked.values()],
            tables.home / "drafts" / checkpoint.name / f"{shard}.jsonl",
            recipe.temperature,
            TOP_P,
        )
        rows = [
            draft_row(example, sample, answers["sft", prompt["item_id"]], author)
            for (_, sample), (example, prompt) in asked.items()
        ]
        count = tables.write_table("drafts", shard, rows, SCHEMA)
    finishes = Counter(row["finish"] for row in rows)
    return dg.MaterializeResult(
        metadata={
            **table_metadata(tables, "drafts", shard, count, 0),
            "author": author,
            "embedded": training["embedded"],
            "words_mean": sum(row["words"] for row in rows) / max(1, count),
            "tokens": sum(row["tokens"] for row in rows),
            **{f"finish_{name}": finishes[name] for name in FINISHES},
        }
    )
