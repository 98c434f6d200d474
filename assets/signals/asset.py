"""The asset `signals`: what is measured of each segment of a shard, and how much it is to be doubted."""

from collections.abc import Iterator
from itertools import groupby

import dagster as dg

from assets.corrected_segments.schema import CORRECTED_SEGMENTS
from assets.long_outputs.schema import LONG_OUTPUTS
from assets.recipe_nodes import RecipeResource
from assets.segments.schema import SEGMENTS
from assets.shard_table import Shard
from assets.signals.known import read_known
from assets.signals.schema import SIGNALS, Signal
from assets.signals.segment_signals import measure_example
from assets.signals.signal_tally import SignalTally
from assets.signals.step import STEP
from assets.source_images.schema import SOURCE_IMAGES
from assets.step_asset import step_asset
from resources.dagster import StoreResource, clear_failures
from resources.recipe.read import RecipeError


@step_asset(STEP, kinds={"parquet"})
def signals(
    context: dg.AssetExecutionContext, store: StoreResource, recipe: RecipeResource
) -> dg.MaterializeResult[None]:
    """A row per segment of every split, as critic and people left it: length, repetition, faithfulness to its pages,
    cost, the rules that name it, and a doubt from 0 to 100 with its parts. No model is asked."""
    with clear_failures(RecipeError):
        shard, tally = Shard.of(context, STEP, SIGNALS, store, recipe), SignalTally()
        outputs = {row["example_id"]: row for row in shard.store.rows(LONG_OUTPUTS, shard.name)}
        pages = list(shard.store.rows(SOURCE_IMAGES, shard.name))
        corrected = list(shard.store.rows(CORRECTED_SEGMENTS, shard.name))
        known = read_known(shard.store, shard.name, pages, outputs.values(), corrected)

        def rows() -> Iterator[Signal]:
            segments = shard.store.rows(SEGMENTS, shard.name)
            for example, mine in groupby(segments, lambda row: row["example_id"]):
                for row in measure_example(outputs[example], list(mine), known):
                    tally.add(row)
                    yield row

        count = shard.write(rows())
    return shard.result(count, 0, tally.metadata())
