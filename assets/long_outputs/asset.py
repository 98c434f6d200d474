"""The asset `long_outputs`: the long text of each example of a shard, planned and then written section by section."""

from collections import Counter
from typing import Any

import dagster as dg

from assets.long_outputs.schema import SCHEMA
from assets.long_outputs.writer import write_document
from assets.long_outputs.writing_forecast import forecast_writing
from assets.partitions import SHARDS
from assets.shard_table import write_model_table
from resources.dagster import GpuResource, ModelsResource, StoreResource, clear_failures
from resources.op_tags import GPU_OP_TAGS, GPU_POOL
from resources.recipe.read import RecipeError, read_recipe
from resources.settings import Settings
from resources.text.length_score import length_score

SPENT = ("prompt_tokens", "cached_tokens", "completion_tokens", "cost_usd")


@dg.asset(partitions_def=SHARDS, deps=["instructions"], pool=GPU_POOL, op_tags=GPU_OP_TAGS, kinds={"openai", "parquet"})
def long_outputs(
    context: dg.AssetExecutionContext, store: StoreResource, models: ModelsResource, gpu: GpuResource
) -> dg.MaterializeResult:
    """Plan, then each section with every section before it in the conversation."""
    with clear_failures(RecipeError):
        tables, shard = store.create(), context.partition_key
        engine = models.engine(tables, context.run.run_id)
        order, recipe = Settings().prompt_order, read_recipe().writing
        examples = list(tables.rows("instructions", shard))
        forecast = forecast_writing(examples, tables.image_size, engine, recipe)
        context.log.info("long_outputs %s: %s", shard, forecast)
        written: list[dict[str, Any]] = []

        async def work(example: dict[str, Any]) -> list[dict[str, Any]]:
            row = await write_document(engine, example, recipe, order)
            written.append(
                {
                    name: row[name]
                    for name in ("words", "target_words", "length_score", "length_from", "task", "repairs", *SPENT)
                }
            )
            return [row]

        metadata = write_model_table(
            engine,
            tables,
            "long_outputs",
            shard,
            SCHEMA,
            examples,
            work,
            lambda example: {"document_id": example["document_id"], "example_id": example["example_id"]},
            "teacher",
            forecast.calls,
        )
    scores = [row["length_score"] for row in written if row["length_score"] is not None]
    planned = [length_score(row["words"], row["target_words"]) for row in written]
    repairs = Counter(kind for row in written for kind in row["repairs"])
    return dg.MaterializeResult(
        metadata={
            **metadata,
            "forecast": str(forecast),
            "words_mean": sum(row["words"] for row in written) / max(1, len(written)),
            "length_score_mean": sum(scores) / max(1, len(scores)),
            "length_score_80_share": sum(score >= 80 for score in planned) / max(1, len(planned)),
            **{f"repaired_{kind}": count for kind, count in sorted(repairs.items())},
            **{
                f"length_{kind}": count
                for kind, count in sorted(Counter(row["length_from"] for row in written).items())
            },
            **{f"task_{kind}": count for kind, count in sorted(Counter(row["task"] for row in written).items())},
            **{name: sum(row[name] for row in written) for name in SPENT},
        }
    )
