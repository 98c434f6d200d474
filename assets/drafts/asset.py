"""The asset `drafts`: what the SFT checkpoint itself writes for a shard's preference split."""

from collections import Counter

import dagster as dg

from assets.drafts.draft import draft_author, draft_prompt, draft_row, drafts_sampled_by, samples_of
from assets.drafts.schema import DRAFTS, FINISHES
from assets.drafts.step import STEP
from assets.generation import GenerationError, Writers, write_answers
from assets.long_outputs.schema import LONG_OUTPUTS
from assets.recipe_nodes import RecipeResource
from assets.shard_table import Shard
from assets.step_asset import step_asset
from resources.dagster import GpuResource, ModelsResource, StoreResource, clear_failures, mean
from resources.recipe.read import RecipeError
from resources.training.checkpoint import TrainingError, current_checkpoint, read_training


@step_asset(STEP, kinds={"torch", "parquet"})
def drafts(
    context: dg.AssetExecutionContext,
    store: StoreResource,
    recipe: RecipeResource,
    models: ModelsResource,
    gpu: GpuResource,
    pipes: dg.PipesSubprocessClient,
) -> dg.MaterializeResult[None]:
    """`pairs.samples` texts an example (one where no pairs are sampled), on policy; none is ever written twice."""
    with clear_failures(TrainingError, GenerationError, RecipeError):
        shard = Shard.of(context, STEP, DRAFTS, store, recipe)
        wanted, checkpoint = shard.recipe.pairs, current_checkpoint(shard.store, "sft")
        training = read_training(checkpoint)
        author, sampling = draft_author(checkpoint.name, training), drafts_sampled_by(wanted)
        asked = {
            (row["example_id"], sample): (row, draft_prompt(shard.store, row, sample, sampling))
            for row in shard.store.rows(LONG_OUTPUTS, shard.name)
            if row["split"] == "preference"
            for sample in range(samples_of(wanted))
        }
        written = write_answers(
            Writers(context, pipes, shard.store, gpu, models),
            {"sft": str(checkpoint)},
            [prompt for _, prompt in asked.values()],
            shard.store.home / "drafts" / checkpoint.name / f"{shard.name}.jsonl",
            sampling,
        )
        rows = [
            draft_row(example, sample, written.answers["sft", prompt["item_id"]], author)
            for (_, sample), (example, prompt) in asked.items()
        ]
        count = shard.write(rows, student=author)
    finishes = Counter(row["finish"] for row in rows)
    return shard.result(
        count,
        0,
        {
            "author": author,
            "embedded": training["embedded"],
            "words_mean": mean(sum(row["words"] for row in rows), count),
            "tokens": sum(row["tokens"] for row in rows),
            **{f"finish_{name}": finishes[name] for name in FINISHES},
        },
        written.counts,
    )
