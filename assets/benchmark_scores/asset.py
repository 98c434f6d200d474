"""The asset `benchmark_scores`: base, SFT and DPO on the held-out documents, beside what the teacher wrote."""

import json
from pathlib import Path
from typing import Any

import dagster as dg

from assets.benchmark_scores.items import NoItems, by_id, held_out_items
from assets.benchmark_scores.judge import judge_answer
from assets.benchmark_scores.schema import SCHEMA
from assets.benchmark_scores.scores import MODELS, answers_path, score_row, scores_path, write_summary
from assets.door import DoorShut, current_manifest
from assets.partitions import SHARDS
from assets.sft_checkpoint.recipe import run_id
from assets.training_run import TrainingFailed, current_checkpoint, read_training
from resources.dagster import GpuResource, ModelsResource, StoreResource, clear_failures
from resources.engine import ModelEngine, run
from resources.launcher import launch_command, launch_env
from resources.op_tags import GPU_OP_TAGS, GPU_POOL
from resources.store import Store

# The paper's settings (method.md 4.1).
SAMPLING = {"max_new_tokens": 8192, "temperature": 0.6, "top_p": 0.95, "seed": 0}


@dg.asset(deps=["sft_checkpoint", "dpo_checkpoint", dg.AssetDep("long_outputs",
                                                                partition_mapping=dg.AllPartitionMapping())],
          pool=GPU_POOL, op_tags=GPU_OP_TAGS, kinds={"torch", "openai"})
def benchmark_scores(context: dg.AssetExecutionContext, store: StoreResource, models: ModelsResource, gpu: GpuResource,
                     pipes: dg.PipesSubprocessClient) -> dg.MaterializeResult:
    """Each model writes every item once; answers that are there already are not written again."""
    with clear_failures(DoorShut, TrainingFailed, NoItems):
        tables = store.create()
        items = held_out_items(tables, sorted(context.instance.get_dynamic_partitions(str(SHARDS.name))))
        sft, dpo = current_checkpoint(tables, "sft"), current_checkpoint(tables, "dpo")
        training = read_training(sft)
        config = generation_config(tables, items, {"base": training["base"], "sft": str(sft), "dpo": str(dpo)})
        if missing_answers(config):
            path = Path(config["output"]).with_suffix(".config.json")
            tables.write_json(path, config)
            pipes.run(context=context, command=launch_command("assets.benchmark_scores.generate", path,
                                                              min(1, len(gpu.devices()))),
                      env={**launch_env(), **gpu.env()}, cwd=str(Path(__file__).resolve().parents[2]))
        answers = read_answers(config, items)
        engine = models.engine(tables, context.run.run_id)
        rows = run(judge_all(engine, by_id(items), answers))
        count = tables.write_parquet(scores_path(tables), rows, SCHEMA)
        summary = write_summary(tables, rows, training["student"], items[0]["reference_author"])
    return dg.MaterializeResult(
        data_version=dg.DataVersion(run_id(answers=config["output"], rows=[row["quality_score"] for row in rows])),
        metadata={
            "dagster/row_count": count, "items": len(items), **engine.tally.metadata(),
            **{f"{name}_{model}": means[name] for model, means in summary["models"].items()
               for name in ("S_l", "S_q") if means[name] is not None},
            "judge": summary["judge"], "harness": summary["harness"], "data": current_manifest(tables, "sft").id,
            "path": dg.MetadataValue.path(str(scores_path(tables)))})


def generation_config(store: Store, items: list[dict[str, Any]], checkpoints: dict[str, str]) -> dict[str, Any]:
    """What `generate` is told; its answers lie under a name that follows from models, items and parameters."""
    lines = [{"item_id": item["item_id"], "prompt": item["instruction"], "required_words": item["required_words"],
              "images": [str(store.image_path(image)) for image in item["images"]]} for item in items]
    run = run_id(models=checkpoints, items=[{**line, "images": item["images"]}
                                            for line, item in zip(lines, items, strict=True)], settings=SAMPLING)
    items_file = answers_path(store, run).with_suffix(".items.jsonl")
    store.write_bytes(items_file, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode())
    return {"models": [{"name": name, "path": path} for name, path in checkpoints.items()], "items": str(items_file),
            "output": str(answers_path(store, run)), **SAMPLING}


def missing_answers(config: dict[str, Any]) -> bool:
    lines = len(Path(config["items"]).read_text(encoding="utf-8").splitlines())
    return len(answer_lines(config)) < lines * len(config["models"])


def answer_lines(config: dict[str, Any]) -> list[dict[str, Any]]:
    path = Path(config["output"])
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def read_answers(config: dict[str, Any], items: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """(model, item_id, text) of every answer, models in their fixed order, the teacher's own texts last."""
    found = [(line["model"], line["item_id"], line["text"]) for line in answer_lines(config)]
    found += [("teacher", item["item_id"], item["reference"]) for item in items]
    return sorted(found, key=lambda answer: (MODELS.index(answer[0]), answer[1]))


async def judge_all(engine: ModelEngine, items: dict[str, dict[str, Any]], answers: list[tuple[str, str, str]],
                    ) -> list[dict[str, Any]]:
    """A scores row per answer, in the order of the answers."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    judge = engine.endpoints["judge"].model

    async def work(answer: tuple[str, str, str]) -> dict[str, Any]:
        model, item_id, text = answer
        return score_row(model, items[item_id], text, await judge_answer(engine, model, items[item_id], text), judge)

    async with engine:
        async for answer, row in engine.run(answers, work, "judge", "benchmark_scores"):
            if isinstance(row, Exception):
                raise row
            rows[answer[0], answer[1]] = row
    return [rows[model, item_id] for model, item_id, _ in answers]
