"""The asset `instructions`: what is asked of each document of a shard."""

from collections import Counter
from typing import Any

import dagster as dg

from assets.instructions.documents import Material, group_documents, materials
from assets.instructions.requests import write_instruction
from assets.instructions.schema import SCHEMA
from assets.partitions import SHARDS
from assets.shard_table import write_model_table
from resources.dagster import GpuResource, ModelsResource, SourcesResource, StoreResource, clear_failures
from resources.failures import AnswerError
from resources.op_tags import GPU_OP_TAGS, GPU_POOL
from resources.recipe.read import RecipeError, read_recipe


@dg.asset(
    partitions_def=SHARDS, deps=["source_images"], pool=GPU_POOL, op_tags=GPU_OP_TAGS, kinds={"openai", "parquet"}
)
def instructions(
    context: dg.AssetExecutionContext,
    store: StoreResource,
    sources: SourcesResource,
    models: ModelsResource,
    gpu: GpuResource,
) -> dg.MaterializeResult:
    """A request per document, with the length that is asked: fixed for decks, written by the teacher for images."""
    with clear_failures(RecipeError):
        tables, shard = store.create(), context.partition_key
        engine = models.engine(tables, context.run.run_id)
        recipe, counts = read_recipe(), Counter[str]()
        documents = group_documents(tables.rows("source_images", shard), recipe.instructions)

        async def work(material: Material) -> list[dict[str, Any]]:
            try:
                row = await write_instruction(engine, material, recipe)
            except AnswerError as error:
                counts[f"rejected_{error.kind}"] += 1
                raise
            for name in ("origin", "language", "task", "length_from"):
                counts[f"{name}_{row[name]}"] += 1
            counts["chapters"] += material.part[1] > 1
            return [row]

        metadata = write_model_table(
            engine,
            tables,
            "instructions",
            shard,
            SCHEMA,
            materials(documents, recipe.instructions),
            work,
            lambda material: {"document_id": material.document_id, "example_id": material.example_id},
            "teacher",
        )
    return dg.MaterializeResult(metadata={**metadata, **dict(sorted(counts.items()))})
