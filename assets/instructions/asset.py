"""The asset `instructions`: what is asked of each document of a shard."""

from typing import Any

import dagster as dg

from assets.instructions.requests import Document, group_documents, write_request
from assets.instructions.schema import SCHEMA
from assets.partitions import SHARDS
from assets.recipe import RecipeUnusable, read_recipe
from assets.shard_table import write_model_table
from resources.dagster import GpuResource, ModelsResource, SourcesResource, StoreResource, clear_failures
from resources.op_tags import GPU_OP_TAGS, GPU_POOL


@dg.asset(partitions_def=SHARDS, deps=["source_images"], pool=GPU_POOL, op_tags=GPU_OP_TAGS,
          kinds={"openai", "parquet"})
def instructions(context: dg.AssetExecutionContext, store: StoreResource, sources: SourcesResource,
                 models: ModelsResource, gpu: GpuResource) -> dg.MaterializeResult:
    """A request per document, with the length that is asked: fixed for decks, written by the teacher for images."""
    with clear_failures(RecipeUnusable):
        tables, shard = store.create(), context.partition_key
        engine = models.engine(tables, context.run.run_id)
        recipe = read_recipe().instructions

        async def work(document: Document) -> list[dict[str, Any]]:
            return [await write_request(engine, document, recipe)]

        return dg.MaterializeResult(metadata=write_model_table(
            engine, tables, "instructions", shard, SCHEMA, group_documents(tables.rows("source_images", shard)), work,
            lambda document: {"document_id": document.document_id, "example_id": ""}, "teacher"))
