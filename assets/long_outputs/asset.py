"""The asset `long_outputs`: the long text of each example of a shard, planned and then written section by section."""

import dagster as dg

from assets.instructions.schema import INSTRUCTIONS, Instruction
from assets.long_outputs.kept_forecast import keep_forecast
from assets.long_outputs.schema import LONG_OUTPUTS, LongOutput
from assets.long_outputs.step import STEP
from assets.long_outputs.writer import write_document
from assets.long_outputs.writing_forecast import forecast_writing
from assets.long_outputs.writing_tally import WritingTally
from assets.recipe_nodes import RecipeResource
from assets.shard_table import Ids, Shard, write_with_model
from assets.step_asset import step_asset
from resources.dagster import Metadata, ModelsResource, StoreResource, clear_failures
from resources.engine import run
from resources.engine.server_facts import facts_of
from resources.failures import AnswerError
from resources.recipe.read import RecipeError


@step_asset(STEP, kinds={"openai", "parquet"})
def long_outputs(
    context: dg.AssetExecutionContext, store: StoreResource, models: ModelsResource, recipe: RecipeResource
) -> dg.MaterializeResult[None]:
    """Plan, then each section with every section before it in the conversation."""
    with clear_failures(RecipeError):
        shard, tally = Shard.of(context, STEP, LONG_OUTPUTS, store, recipe), WritingTally()
        engine = models.engine(shard.store, context.run)
        examples = list(shard.store.rows(INSTRUCTIONS, shard.name))
        facts = run(facts_of(engine.endpoints["teacher"]))
        forecast = forecast_writing(examples, shard.store.image_size, engine, shard.recipe.writing, facts)
        context.log.info("long_outputs %s: %s", shard.name, forecast)
        keep_forecast(shard.store, shard.name, forecast)

        async def work(example: Instruction) -> list[LongOutput]:
            if why := forecast.misfits.get(example["example_id"]):
                raise AnswerError("overflow", why)
            row = await write_document(engine, example, shard.recipe.writing, shard.settings.prompt_order)
            tally.add(row)
            return [row]

        written = write_with_model(
            shard,
            engine,
            examples,
            work,
            lambda example: Ids(example["document_id"], example["example_id"]),
            "teacher",
            forecast.calls,
        )
    metadata: Metadata = {**written.metadata, "forecast": str(forecast), **tally.metadata()}
    return shard.result(written.rows, written.quarantined, metadata, {**written.counts, **tally.counted()})
