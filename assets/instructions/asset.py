"""The asset `instructions`: what is asked of each document of a shard."""

from collections import Counter

import dagster as dg

from assets.instructions.materials import Material, group_documents, materials
from assets.instructions.requests import write_instruction
from assets.instructions.schema import INSTRUCTIONS, Instruction
from assets.instructions.step import STEP
from assets.recipe_nodes import RecipeResource
from assets.shard_table import Ids, Shard, write_with_model
from assets.source_images.schema import SOURCE_IMAGES
from assets.step_asset import step_asset
from resources.dagster import ModelsResource, StoreResource, clear_failures
from resources.failures import AnswerError
from resources.recipe.read import RecipeError


@step_asset(STEP, kinds={"openai", "parquet"})
def instructions(
    context: dg.AssetExecutionContext, store: StoreResource, models: ModelsResource, recipe: RecipeResource
) -> dg.MaterializeResult[None]:
    """A request per document, with the length that is asked: fixed for decks, written by the teacher for images."""
    with clear_failures(RecipeError):
        shard = Shard.of(context, STEP, INSTRUCTIONS, store, recipe)
        engine, counts = models.engine(shard.store, context.run), Counter[str]()
        documents = group_documents(shard.store.rows(SOURCE_IMAGES, shard.name), shard.recipe.instructions)

        async def work(material: Material) -> list[Instruction]:
            try:
                row = await write_instruction(engine, material, shard.recipe)
            except AnswerError as error:
                counts[f"rejected_{error.kind}"] += 1
                raise
            chosen = (row["origin"], row["language"], row["task"], row["length_from"])
            for name, value in zip(("origin", "language", "task", "length_from"), chosen, strict=True):
                counts[f"{name}_{value}"] += 1
            counts["chapters"] += material.part[1] > 1
            return [row]

        written = write_with_model(
            shard,
            engine,
            materials(documents, shard.recipe.instructions),
            work,
            lambda material: Ids(material.document_id, material.example_id, material.documents),
            "teacher",
        )
    more = {**written.counts, **dict(sorted(counts.items()))}
    return shard.result(written.rows, written.quarantined, written.metadata, more)
