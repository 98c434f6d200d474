"""The asset `sft_dataset`: the quality gate between the written shards and supervised fine-tuning."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import dagster as dg

from assets.partitions import SHARDS
from assets.quality.gate import GateClosedError, require_good_shards
from assets.quality.quarantine import ALL_SHARDS, write_quarantine
from assets.sft_dataset.budget import TokenBudget
from assets.sft_dataset.chat import draw_chat
from assets.sft_dataset.contamination import Contamination
from assets.sft_dataset.report import mix_report, mix_table
from assets.sft_dataset.schema import SCHEMA
from assets.sft_dataset.selection import Candidate, Selection, select
from assets.training_dataset import image_files, write_dataset
from resources.dagster import SourcesResource, StoreResource, clear_failures
from resources.recipe.read import RecipeError, read_recipe
from resources.store import Store
from resources.training.rows.sequence import RowError

UPSTREAM = ("source_images", "instructions", "long_outputs")
COLUMNS = ["example_id", "instruction", "output", "images", "language", "kind", "required_words", "words", "author"]


@dg.asset(deps=[dg.AssetDep("long_outputs", partition_mapping=dg.AllPartitionMapping())], kinds={"parquet"})
def sft_dataset(
    context: dg.AssetExecutionContext,
    store: StoreResource,
    sources: SourcesResource,
) -> dg.MaterializeResult:
    """What the recipe keeps of the sft split and draws for the mix; refuses where a shard's quality report is not good.

    Two passes: the first decides on every example, the second writes those that were chosen.
    """
    with clear_failures(GateClosedError, RecipeError, RowError):
        tables, recipe = store.create(), read_recipe()
        shards = sorted(context.instance.get_dynamic_partitions(str(SHARDS.name)))
        require_good_shards(tables, UPSTREAM, shards)
        contamination = Contamination(tables, shards)
        budget = TokenBudget(sources.settings().student, recipe.training)
        found = select(tables, shards, recipe, contamination, budget)
        chat = draw_chat(recipe.mix, contamination.benchmark.answer_reason, budget)
        write_quarantine(tables, "sft_dataset", ALL_SHARDS, found.dropped)
        report = mix_report(found, recipe.mix, chat.report())
        manifest = write_dataset(
            tables,
            "sft",
            shards,
            SCHEMA,
            chain(training_rows(tables, found.chosen), chat.rows()),
            lambda row: (row["kind"], row["author"]),
            lambda: why_empty(found),
            report,
        )
    return dg.MaterializeResult(
        data_version=dg.DataVersion(manifest.id),
        metadata={
            "dagster/row_count": manifest.rows,
            "shards": len(shards),
            "read": found.read,
            "kept": len(found.kept),
            "chosen": len(found.chosen),
            **{f"dropped_{kind}": count for kind, count in report["dropped"].items()},
            **{f"rows_{kind}": count for kind, count in manifest.counts.items()},
            **({f"chat_{name}": value for name, value in report["chat"].items()} if chat.path else {}),
            "off_target": report["off"],
            "mix": dg.MetadataValue.md(mix_table(report)),
            "written_by": ", ".join(sorted(manifest.authors)),
            "path": dg.MetadataValue.path(manifest.path),
            "left_out": dg.MetadataValue.path(str(tables.table_path("quarantine/sft_dataset", ALL_SHARDS))),
        },
    )


def training_rows(tables: Store, chosen: Sequence[Candidate]) -> Iterator[dict[str, Any]]:
    """The chosen examples, shard by shard (`chosen` has them so), as rows of the data set."""
    wanted = dict[str, set[str]]()
    for candidate in chosen:
        wanted.setdefault(candidate.shard, set()).add(candidate.example_id)
    for shard, names in wanted.items():
        for row in tables.rows("long_outputs", shard, COLUMNS):
            if row["example_id"] in names:
                yield {
                    "id": row["example_id"],
                    "messages": [
                        {"role": "user", "content": row["instruction"]},
                        {"role": "assistant", "content": row["output"]},
                    ],
                    "images": image_files(tables, row["images"]),
                    **{name: row[name] for name in ("language", "kind", "required_words", "words", "author")},
                }


def why_empty(found: Selection) -> str:
    """One sentence: why there is nothing to train on, and what to do."""
    if not found.read:
        return (
            "No document of these shards stands in the sft split: add documents under LWV_SOURCES; at least 3 "
            "readable ones are needed."
        )
    reasons = ", ".join(f"{kind} {count}" for kind, count in found.reasons.most_common())
    return (
        f"None of the {found.read} written examples may be trained on ({reasons}): see "
        "tables/quarantine/sft_dataset/all.parquet, or loosen [keep] of the recipe (LWV_RECIPE)."
    )
