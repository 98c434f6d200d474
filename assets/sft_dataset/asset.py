"""The asset `sft_dataset`: the quality gate between the written shards and supervised fine-tuning."""

from collections.abc import Iterator, Sequence
from itertools import chain

import dagster as dg

from assets.derivation import upstream_contents
from assets.quality.gate import GateClosedError, open_gate, unknown_recipe_metadata
from assets.quality.quarantine import ALL_SHARDS, write_quarantine
from assets.quality.quarantine_share import losses
from assets.recipe_nodes import RecipeResource, version_tags
from assets.run_view import RunView
from assets.sft_dataset.contamination import Contamination
from assets.sft_dataset.decided_outputs import DecidedOutputs
from assets.sft_dataset.general_chat import draw_chat
from assets.sft_dataset.mix_report import mix_report, mix_table
from assets.sft_dataset.moved_documents import MovedDocuments, moved_note, unread_note
from assets.sft_dataset.origins import Origins
from assets.sft_dataset.schema import SFT_DATASET
from assets.sft_dataset.selection import Candidate, Selection, select
from assets.sft_dataset.step import STEP
from assets.sft_dataset.student_budget import TokenBudget
from assets.source_images.catalog import CatalogError
from assets.step_asset import step_asset
from assets.steps import gated_by
from assets.training_dataset import gate_metadata, image_files, notes, write_dataset
from resources.dagster import StoreResource, clear_failures, counts_table
from resources.decisions.people import decisions_of
from resources.recipe.read import RecipeError
from resources.training.rows.dataset_rows import SftRow
from resources.training.rows.sequence import RowError


@step_asset(STEP, kinds={"parquet"})
def sft_dataset(
    context: dg.AssetExecutionContext, store: StoreResource, recipe: RecipeResource
) -> dg.MaterializeResult[None]:
    """What the recipe keeps of the sft split and draws for the mix; refuses where a shard's quality report is not good.

    Two passes: the first decides on every example, the second writes those that were chosen.
    """
    with clear_failures(CatalogError, GateClosedError, RecipeError, RowError):
        tables, made_with = store.create(), recipe.of(STEP)
        wanted = made_with.recipe
        states = open_gate(tables, STEP, RunView.of(context), wanted.gate.mixed_recipes)
        shards = states.finished
        upstream = upstream_contents(STEP, tables, shards)
        contamination = Contamination(tables, shards)
        budget = TokenBudget(made_with.settings.student, wanted.training)
        moved = MovedDocuments(tables, shards)
        note = notes(states.note, moved_note(tables, shards), unread_note(tables, shards))
        outputs = DecidedOutputs(tables, decisions_of(tables.home), wanted.corrections.alike)
        found = select(tables, shards, wanted, contamination, budget, moved, outputs)
        chat = draw_chat(wanted.mix, contamination.benchmark.answer_reason, budget)
        write_quarantine(tables, "sft_dataset", ALL_SHARDS, found.dropped)
        report = mix_report(found, wanted.mix, chat.report())
        in_chat = report["chat"] if chat.path else {}
        manifest = write_dataset(
            tables,
            "sft",
            shards,
            SFT_DATASET,
            chain(training_rows(outputs, found.chosen), chat.rows()),
            lambda row: (row["kind"], row["author"]),
            lambda: why_empty(found, losses(tables, gated_by(STEP), shards, "sft")),
            made_with.identity(SFT_DATASET.version, upstream),
            report,
            states.pending,
            Origins(tables, {each.example_id: each.shard for each in found.chosen}, outputs),
        )
    return dg.MaterializeResult(
        data_version=dg.DataVersion(manifest.id),
        tags=version_tags(made_with),
        metadata={
            "dagster/row_count": manifest.rows,
            "shards": len(shards),
            "pending": len(states.pending),
            "read": found.read,
            "kept": len(found.kept),
            "chosen": len(found.chosen),
            "off_target": report["off"],
            **counts_table(
                {
                    **{f"dropped_{kind}": count for kind, count in report["dropped"].items()},
                    **{f"rows_{kind}": count for kind, count in manifest.counts.items()},
                    **{f"chat_{name}": value for name, value in in_chat.items() if isinstance(value, int)},
                }
            ),
            **{f"chat_{name}": value for name, value in in_chat.items() if not isinstance(value, int)},
            "mix": dg.MetadataValue.md(mix_table(report)),
            "written_by": ", ".join(sorted(manifest.authors)),
            "path": dg.MetadataValue.path(manifest.path),
            **unknown_recipe_metadata(tables, STEP, shards),
            **gate_metadata(manifest),
            **note,
            "left_out": dg.MetadataValue.path(str(tables.table_path("quarantine/sft_dataset", ALL_SHARDS))),
        },
    )


def training_rows(outputs: DecidedOutputs, chosen: Sequence[Candidate]) -> Iterator[SftRow]:
    """The chosen examples, shard by shard (`chosen` has them so), as rows of the data set."""
    wanted = dict[str, set[str]]()
    for candidate in chosen:
        wanted.setdefault(candidate.shard, set()).add(candidate.example_id)
    for shard, names in wanted.items():
        for written in outputs.written(shard):
            if written["example_id"] in names:
                row = outputs.decided(written)
                yield {
                    "id": row["example_id"],
                    "messages": [
                        {"role": "user", "content": row["instruction"]},
                        {"role": "assistant", "content": row["output"]},
                    ],
                    "images": image_files(outputs.store, row["images"]),
                    "language": row["language"],
                    "kind": row["kind"],
                    "required_words": row["required_words"],
                    "words": row["words"],
                    "author": row["author"],
                }


def why_empty(found: Selection, lost: str) -> str:
    """One sentence: why there is nothing to train on, and what to do. lost: `losses` of the sft split."""
    if not found.read and lost:
        return f"No text of the sft split was written: {lost}. Mend that, then materialise these shards again."
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
