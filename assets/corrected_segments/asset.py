"""The asset `corrected_segments`: the segments of a shard's preference split, as critic and people left them."""

from collections import Counter
from dataclasses import replace
from itertools import groupby

import dagster as dg

from assets.corrected_segments.critic import correct_example
from assets.corrected_segments.laid_over import lay_over
from assets.corrected_segments.schema import CORRECTED_SEGMENTS, ERRORS, CorrectedSegment
from assets.corrected_segments.step import STEP
from assets.long_outputs.schema import LONG_OUTPUTS
from assets.recipe_nodes import RecipeResource
from assets.segments.schema import SEGMENTS, Segment
from assets.shard_table import Ids, Shard, write_with_model
from assets.step_asset import step_asset
from resources.dagster import ModelsResource, StoreResource, clear_failures
from resources.decisions.people import decisions_of
from resources.identity import short_hash
from resources.recipe.read import RecipeError

NUMBERS = ("edited", "missing_written", "decided", "contested")
COUNTS = (
    "unchanged",
    "stale_decisions",
    "checkpoint_segments",
    "teacher_segments",
    *(f"errors_{name}" for name in ERRORS),
)


@step_asset(STEP, kinds={"openai", "parquet"})
def corrected_segments(
    context: dg.AssetExecutionContext, store: StoreResource, models: ModelsResource, recipe: RecipeResource
) -> dg.MaterializeResult[None]:
    """Each segment of the preference split beside its page and neighbours: corrected, with the kinds of error named.

    People's decisions are laid over what the critic made, after its chain: they change no question and cost no call.
    """
    with clear_failures(RecipeError):
        shard, counts = Shard.of(context, STEP, CORRECTED_SEGMENTS, store, recipe), Counter[str]()
        engine = models.engine(shard.store, context.run)
        long_outputs = shard.store.rows(LONG_OUTPUTS, shard.name)
        outputs = {row["example_id"]: row for row in long_outputs if row["split"] == "preference"}
        segments = list(shard.store.rows(SEGMENTS, shard.name))
        corrigible = [row["segment_id"] for row in segments if row["split"] == "preference"]
        decisions = decisions_of(shard.store.home, corrigible)
        alike = shard.recipe.corrections.alike
        if decisions:
            made_of = {**shard.upstream, "decisions": short_hash([each.decision_id for each in decisions])}
            shard = replace(shard, upstream=made_of)
        examples = [
            list(rows) for example, rows in groupby(segments, lambda row: row["example_id"]) if example in outputs
        ]

        async def work(rows: list[Segment]) -> list[CorrectedSegment]:
            corrected = await correct_example(engine, outputs[rows[0]["example_id"]], rows)
            ids = {row["segment_id"] for row in rows}
            laid = lay_over(corrected, [each for each in decisions if each.target in ids], alike)
            counts.update(contested=laid.contested, stale_decisions=laid.stale)
            for segment, row in zip(rows, laid.rows, strict=True):
                counts["decided"] += row["decision_id"] is not None
                counts["edited" if row["edited"] else "unchanged"] += 1
                counts["missing_written"] += not segment["text"]
                counts[f"{segment['drafted_by']}_segments"] += 1
                counts.update(f"errors_{name}" for name in row["errors"])
            return laid.rows

        written = write_with_model(
            shard,
            engine,
            examples,
            work,
            lambda rows: Ids(rows[0]["document_id"], rows[0]["example_id"]),
            "critic",
        )
    return shard.result(
        written.rows,
        written.quarantined,
        {**written.metadata, **{name: counts[name] for name in NUMBERS}},
        {**written.counts, **{name: counts[name] for name in COUNTS}},
    )
