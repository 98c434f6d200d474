"""The asset `long_outputs`: the long text of each example of a shard, planned and then written section by section."""

from typing import Any

import dagster as dg

from assets.long_outputs.forecast import forecast_writing
from assets.long_outputs.schema import SCHEMA
from assets.long_outputs.writer import write_document
from assets.partitions import SHARDS
from assets.shard_table import write_model_table
from resources.dagster import GpuResource, ModelsResource, StoreResource, clear_failures
from resources.op_tags import GPU_OP_TAGS, GPU_POOL
from resources.settings import Settings


@dg.asset(partitions_def=SHARDS, deps=["instructions"], pool=GPU_POOL, op_tags=GPU_OP_TAGS, kinds={"openai", "parquet"})
def long_outputs(context: dg.AssetExecutionContext, store: StoreResource, models: ModelsResource,
                 gpu: GpuResource) -> dg.MaterializeResult:
    """Plan, then each section with every section before it in the conversation."""
    with clear_failures():
        tables, shard = store.create(), context.partition_key
        engine = models.engine(tables, context.run.run_id)
        settings = Settings()
        examples = list(tables.rows("instructions", shard))
        forecast = forecast_writing(examples, tables.image_size, engine)
        context.log.info(f"long_outputs {shard}: {forecast}")
        written: list[dict[str, Any]] = []

        async def work(example: dict[str, Any]) -> list[dict[str, Any]]:
            row = await write_document(engine, example, settings.prompt_order)
            written.append({name: row[name] for name in ("words", "length_score", "prompt_tokens", "cached_tokens",
                                                         "completion_tokens", "cost_usd")})
            return [row]

        metadata = write_model_table(
            engine, tables, "long_outputs", shard, SCHEMA, examples, work,
            lambda example: {"document_id": example["document_id"], "example_id": example["example_id"]}, "teacher",
            forecast.calls)
    scores = [row["length_score"] for row in written if row["length_score"] is not None]
    return dg.MaterializeResult(metadata={
        **metadata,
        "forecast": str(forecast),
        "words_mean": sum(row["words"] for row in written) / max(1, len(written)),
        "length_score_mean": sum(scores) / max(1, len(scores)),
        **{name: sum(row[name] for row in written)
           for name in ("prompt_tokens", "cached_tokens", "completion_tokens", "cost_usd")},
    })
