"""The asset `corrected_segments`: the segments of a shard's preference split, as the critic left them."""

from collections import Counter
from itertools import groupby
from typing import Any

import dagster as dg

from assets.corrected_segments.critic import correct_example
from assets.corrected_segments.schema import ERRORS, SCHEMA
from assets.partitions import SHARDS
from assets.shard_table import write_model_table
from resources.dagster import GpuResource, ModelsResource, StoreResource, clear_failures
from resources.op_tags import GPU_OP_TAGS, GPU_POOL

COUNTS = (
    "edited",
    "unchanged",
    "missing_written",
    "checkpoint_segments",
    "teacher_segments",
    *(f"errors_{name}" for name in ERRORS),
)


@dg.asset(
    partitions_def=SHARDS,
    deps=["segments", "long_outputs"],
    pool=GPU_POOL,
    op_tags=GPU_OP_TAGS,
    kinds={"openai", "parquet"},
)
def corrected_segments(
    context: dg.AssetExecutionContext, store: StoreResource, models: ModelsResource, gpu: GpuResource
) -> dg.MaterializeResult:
    """Each segment of the preference split beside its page and neighbours: corrected, with the kinds of error named."""
    with clear_failures():
        tables, shard = store.create(), context.partition_key
        engine = models.engine(tables, context.run.run_id)
        outputs = {row["example_id"]: row for row in tables.rows("long_outputs", shard) if row["split"] == "preference"}
        examples = [
            list(rows)
            for example_id, rows in groupby(tables.rows("segments", shard), lambda row: row["example_id"])
            if example_id in outputs
        ]
        counts = Counter[str]()

        async def work(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
            corrected = await correct_example(engine, outputs[rows[0]["example_id"]], rows)
            for segment, row in zip(rows, corrected, strict=True):
                counts["edited" if row["edited"] else "unchanged"] += 1
                counts["missing_written"] += not segment["text"]
                counts[f"{segment['drafted_by']}_segments"] += 1
                counts.update(f"errors_{name}" for name in row["errors"])
            return corrected

        metadata = write_model_table(
            engine,
            tables,
            "corrected_segments",
            shard,
            SCHEMA,
            examples,
            work,
            lambda rows: {"document_id": rows[0]["document_id"], "example_id": rows[0]["example_id"]},
            "critic",
        )
    return dg.MaterializeResult(metadata={**metadata, **{name: counts[name] for name in COUNTS}})
