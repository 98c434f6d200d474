"""The asset `benchmark_scores`: base, SFT and DPO on the held-out documents, beside what the teacher wrote."""

from pathlib import Path
from typing import Any

import dagster as dg

from assets.benchmark_scores.items import NoItemsError, by_id, held_out_items
from assets.benchmark_scores.judge import judge_answer
from assets.benchmark_scores.schema import SCHEMA
from assets.benchmark_scores.scores import HARNESS, MODELS, answers_path, score_row, scores_path, write_summary
from assets.generation import GenerationError, prompt_line, write_answers
from assets.partitions import SHARDS
from resources.dagster import GpuResource, ModelsResource, StoreResource, clear_failures
from resources.engine import ModelEngine, run
from resources.op_tags import GPU_OP_TAGS, GPU_POOL
from resources.store import Store
from resources.training.checkpoint import TrainingError, current_checkpoint, read_training
from resources.training.generation_lines import PromptLine
from resources.training.run_id import run_id

# The paper's settings (method.md 4.1).
MOST_TOKENS = 8192
SAMPLING = {"temperature": 0.6, "top_p": 0.95}


@dg.asset(
    deps=["sft_checkpoint", "dpo_checkpoint", dg.AssetDep("long_outputs", partition_mapping=dg.AllPartitionMapping())],
    pool=GPU_POOL,
    op_tags=GPU_OP_TAGS,
    kinds={"torch", "openai"},
)
def benchmark_scores(
    context: dg.AssetExecutionContext,
    store: StoreResource,
    models: ModelsResource,
    gpu: GpuResource,
    pipes: dg.PipesSubprocessClient,
) -> dg.MaterializeResult:
    """Each model writes every item once; answers that are there already are not written again."""
    with clear_failures(TrainingError, GenerationError, NoItemsError):
        tables = store.create()
        items = held_out_items(tables, sorted(context.instance.get_dynamic_partitions(str(SHARDS.name))))
        sft, dpo = current_checkpoint(tables, "sft"), current_checkpoint(tables, "dpo")
        if Path(read_training(dpo)["base"]).name != sft.name:
            raise TrainingError(
                f"The DPO checkpoint {dpo.name} does not come from {sft.name}, the current SFT "
                "checkpoint: materialise `dpo_checkpoint` first."
            )
        training = read_training(sft)
        checkpoints = {"base": training["base"], "sft": str(sft), "dpo": str(dpo)}
        prompts = [item_prompt(tables, item) for item in items]
        # Named by harness, models, items and parameters: where one of them is another, the answers are others.
        run_name = run_id(
            harness=HARNESS,
            models=checkpoints,
            settings=SAMPLING,
            items=[{**prompt, "images": item["images"]} for prompt, item in zip(prompts, items, strict=True)],
        )
        written = write_answers(
            context, pipes, tables, gpu, checkpoints, prompts, answers_path(tables, run_name), **SAMPLING
        )
        answers = [(model, item_id, answer["text"]) for (model, item_id), answer in written.items()]
        answers += [("teacher", item["item_id"], item["reference"]) for item in items]
        answers.sort(key=lambda answer: (MODELS.index(answer[0]), answer[1]))
        engine = models.engine(tables, context.run.run_id)
        rows = run(judge_all(engine, by_id(items), answers))
        count = tables.write_parquet(scores_path(tables), rows, SCHEMA)
        summary = write_summary(tables, rows, training["student"], items[0]["reference_author"])
    return dg.MaterializeResult(
        data_version=dg.DataVersion(run_id(answers=run_name, rows=[row["quality_score"] for row in rows])),
        metadata={
            "dagster/row_count": count,
            "items": len(items),
            "unjudged": sum(bool(row["unjudged"]) for row in rows),
            "refused": sum(row["refused"] for row in rows),
            **engine.tally.metadata(),
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
        },
    )


def item_prompt(store: Store, item: dict[str, Any]) -> PromptLine:
    seed = int(item["item_id"][:6], 16) % 100_000
    return prompt_line(
        store, item["item_id"], item["instruction"], item["images"], seed, item["required_words"], MOST_TOKENS
    )


async def judge_all(
    engine: ModelEngine,
    items: dict[str, dict[str, Any]],
    answers: list[tuple[str, str, str]],
) -> list[dict[str, Any]]:
    """A scores row per answer, in the order of the answers; one that was not judged says why."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    judge = engine.endpoints["judge"].model

    async def work(answer: tuple[str, str, str]) -> dict[str, int]:
        model, item_id, text = answer
        return await judge_answer(engine, model, items[item_id], text)

    async with engine:
        async for (model, item_id, text), judged in engine.run(answers, work, "judge", "benchmark_scores"):
            rows[model, item_id] = score_row(model, items[item_id], text, judged, judge)
    return [rows[model, item_id] for model, item_id, _ in answers]
