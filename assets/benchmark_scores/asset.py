"""The asset `benchmark_scores`: base, SFT and DPO on the held-out documents, beside what the teacher wrote."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import dagster as dg

from assets.benchmark_scores.items import Item, NoItemsError, by_id, held_out_items
from assets.benchmark_scores.schema import BENCHMARK_SCORES, Score
from assets.benchmark_scores.score_files import MODELS, answers_path, scores_path
from assets.benchmark_scores.scores import HARNESS, score_row, write_summary
from assets.benchmark_scores.step import STEP
from assets.checkpoint_card import add_scores
from assets.derivation import upstream_contents
from assets.generation import GenerationError, Writers, prompt_line, write_answers
from assets.judging.judge import Question, judge_answer
from assets.partitions import known_shards
from assets.quality.gate import GateClosedError
from assets.quality.shard_states import pending_note
from assets.recipe_nodes import RecipeResource, version_tags
from assets.shard_table import identity_metadata
from assets.source_images.catalog import CatalogError
from assets.step_asset import step_asset
from assets.training_dataset import Manifest, notes, read_manifest
from resources.dagster import GpuResource, ModelsResource, StoreResource, clear_failures, counts_table
from resources.engine import ModelEngine, run
from resources.recipe.read import RecipeError
from resources.sampling import sampled_by
from resources.store import Store
from resources.text.shown import number_of
from resources.text.thoughts import without_thoughts
from resources.training.checkpoint import TrainingError, current_checkpoint, read_training
from resources.training.generation_lines import PromptLine
from resources.training.run_id import run_id
from resources.vllm.served_model import image_size

MOST_TOKENS = 8192  # the paper's setting, as the recipe's defaults are (docs/method.md 4.1), whatever length is asked
TINY_TOKENS = 2048  # of the tiny student, whose noise has no end


class Answer(NamedTuple):
    """What one model wrote for one item."""

    model: str
    item_id: str
    text: str
    finish: str


@step_asset(STEP, kinds={"torch", "openai"})
def benchmark_scores(
    context: dg.AssetExecutionContext,
    store: StoreResource,
    models: ModelsResource,
    recipe: RecipeResource,
    gpu: GpuResource,
    pipes: dg.PipesSubprocessClient,
) -> dg.MaterializeResult[None]:
    """Each model writes every item once; answers that are there already are not written again."""
    with clear_failures(CatalogError, GateClosedError, TrainingError, GenerationError, NoItemsError, RecipeError):
        tables, made_with = store.create(), recipe.of(STEP)
        sft, dpo = current_checkpoint(tables, "sft"), current_checkpoint(tables, "dpo")
        if Path(read_training(dpo)["base"]).name != sft.name:
            raise TrainingError(
                f"The DPO checkpoint {dpo.name} does not come from {sft.name}, the current SFT "
                "checkpoint: materialise `dpo_checkpoint` first."
            )
        training = read_training(sft)
        learnt = [
            read_manifest(tables, "sft", training["dataset_id"]),
            read_manifest(tables, "preference", read_training(dpo)["dataset_id"]),
        ]
        shards = scored_shards(learnt)
        upstream = upstream_contents(STEP, tables, shards)
        pending = pending_shards(known_shards(context.instance), shards, learnt)
        items = held_out_items(tables, shards, pending_note(pending))
        checkpoints = {"base": training["base"], "sft": str(sft), "dpo": str(dpo)}
        most = TINY_TOKENS if training["student"] == "tiny" else MOST_TOKENS
        prompts, size = [item_prompt(tables, item, most) for item in items], image_size(str(sft))
        sampling = sampled_by(made_with.recipe.scores.temperature, made_with.recipe.scores.sampling)
        # Answers are filed one by one: by checkpoint, item, and what decides how it is asked. What is there stays.
        filed = {name: "/".join(Path(model).parts[-2:]) for name, model in checkpoints.items()}
        asked = run_id(harness=HARNESS, settings={**sampling, "size": size})
        written = write_answers(
            Writers(context, pipes, tables, gpu, models),
            {filed[name]: path for name, path in checkpoints.items()},
            prompts,
            answers_path(tables, asked),
            sampling,
            size,
        )
        answers = [
            Answer(name, item["item_id"], without_thoughts(answer["text"]).text, answer["finish"])
            for name in checkpoints
            for item, prompt in zip(items, prompts, strict=True)
            for answer in [written.answers[filed[name], prompt["item_id"]]]
        ]
        answers += [Answer("teacher", item["item_id"], item["reference"], "stop") for item in items]
        answers.sort(key=lambda answer: (MODELS.index(answer.model), answer.item_id))
        engine = models.engine(tables, context.run)
        rows = run(judge_all(engine, by_id(items), answers))
        identity = made_with.identity(BENCHMARK_SCORES.version, upstream, [engine.endpoints["judge"]])
        count = tables.write_parquet(scores_path(tables), rows, BENCHMARK_SCORES.schema, identity)
        summary = write_summary(
            tables, rows, training["student"], items[0]["reference_author"], {"sft": sft.name, "dpo": dpo.name}
        )
        for name, checkpoint in (("sft", sft), ("dpo", dpo)):
            if (means := summary["models"].get(name)) is not None:
                shown = {"S": means["S"], "S_l": means["S_l"], "S_q": means["S_q"]}
                says = f"{HARNESS}; judge: {summary['judge']}; {number_of(len(items), 'held-out item')}"
                add_scores(tables, checkpoint, says, shown)
        took = engine.tally.metadata()
    return dg.MaterializeResult(
        data_version=dg.DataVersion(run_id(asked=asked, rows=[[row["output"], row["quality_score"]] for row in rows])),
        tags=version_tags(made_with),
        metadata={
            "dagster/row_count": count,
            **{name: took[name] for name in ("calls_made", "paid_usd", "cost_usd")},
            **notes(pending_note(pending)),
            **counts_table(
                {
                    "items": len(items),
                    "shards": len(shards),
                    "pending": len(pending),
                    "unjudged": sum(bool(row["unjudged"]) for row in rows),
                    "refused": sum(row["refused"] for row in rows),
                    **{name: took[name] for name in ("prompt_tokens", "completion_tokens")},
                    **engine.tally.counts(),
                    **{f"student_{name}": count for name, count in written.counts.items()},
                }
            ),
            **{
                f"{name}_{model}": means[name]
                for model, means in summary["models"].items()
                for name in ("S_l", "S_q")
                if means[name] is not None
            },
            "judge": summary["judge"],
            "harness": summary["harness"],
            "data": training["dataset_id"],
            "path": dg.MetadataValue.path(str(scores_path(tables))),
            **identity_metadata(identity),
        },
    )


def scored_shards(learnt: Sequence[Manifest]) -> list[str]:
    """Those whose held-out documents are known to be in neither data set, because both gates read them."""
    return sorted(set.intersection(*(set(manifest.shards) for manifest in learnt)))


def pending_shards(known: Iterable[str], scored: Sequence[str], learnt: Sequence[Manifest]) -> dict[str, str]:
    """shard -> why it is not scored on: a gate left it out, or has not seen it yet."""
    why = {shard: says for manifest in learnt for shard, says in manifest.pending.items()}
    return {shard: why.get(shard, "added after training began") for shard in known if shard not in scored}


def item_prompt(store: Store, item: Item, most_tokens: int) -> PromptLine:
    """What each checkpoint is asked for an item, with a seed that follows from its id. It is named by the item and by
    what is asked, so that an item that changes is written anew, and no other."""
    asked = run_id(prompt=item["instruction"], images=item["images"], most_tokens=most_tokens)
    seed = int(item["item_id"][:6], 16) % 100_000
    return prompt_line(store, f"{item['item_id']}-{asked}", item["instruction"], item["images"], seed, most_tokens)


async def judge_all(engine: ModelEngine, items: Mapping[str, Item], answers: Sequence[Answer]) -> list[Score]:
    """A scores row per answer, in the order of the answers; one that was not judged says why."""
    rows: dict[tuple[str, str], Score] = {}
    judge = engine.endpoints["judge"].model

    async def work(answer: Answer) -> dict[str, int]:
        item = items[answer.item_id]
        asked = Question(item["item_id"], item["instruction"], item["images"])
        return await judge_answer(engine, answer.model, asked, answer.text)

    async with engine:
        async for answer, judged in engine.run(answers, work, "judge", "benchmark_scores"):
            rows[answer.model, answer.item_id] = score_row(
                answer.model, items[answer.item_id], answer.text, answer.finish, judged, judge
            )
    return [rows[answer.model, answer.item_id] for answer in answers]
