"""Preference training, run by `accelerate launch -m resources.training.dpo.train --config <json>`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

from datasets import Dataset, Image, List
from transformers import PrinterCallback, Trainer
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer

from resources.text.shown import number_of
from resources.training.arguments import (
    epochs,
    forecast_run,
    longest_pass,
    planned,
    sharing_devices,
    starting_point,
    trainer_settings,
    without_validation,
)
from resources.training.dpo.documents import Cost, DocumentCollator, PlannedPass, by_document, plan_documents
from resources.training.dpo.hyperparameters import DpoHyperparameters, Layout
from resources.training.dpo.layout import arrange, document_images
from resources.training.dpo.pair_sizes import over_budget
from resources.training.dpo.plain_pairs import plan_pairs
from resources.training.dpo.trainer import DocumentDPOTrainer, PairDPOTrainer
from resources.training.forecast import Load
from resources.training.held_out import document_of, split
from resources.training.rows.processor import Processor, load_processor
from resources.training.rows.sequence import RowError
from resources.training.run import callbacks, finish_run, partial_folder, run_script
from resources.training.run_config import DpoRun
from resources.training.saved_losses import as_chat, sample_batches, smallest
from resources.training.steered_trainer import part_rates
from resources.training.students.families.family import Family
from resources.training.students.resolve import student_family
from resources.training.students.student_files import BUILT
from resources.training.trainable_model import adapters, load_model
from resources.training.training_record import KindRecord, PreferenceCurves
from resources.training.ways import as_trained

NAMED = 10  # pairs that are left out, of which a line says the sizes


class StockPair(TypedDict):
    """A pair as TRL's own trainer takes it."""

    prompt: str  # with what both sides share
    chosen: str
    rejected: str
    images: list[str]  # paths, in the order of their placeholders


def pair_rows(rows: Dataset, processor: Processor, layout: Layout) -> Dataset:
    """Rows of the preference data set for TRL's own trainer, `StockPair`s. Raises RowError."""
    strings: list[StockPair] = []
    for group in by_document(rows["example_id"]):
        document = [rows[number] for number in group]
        images = document_images(document)
        strings += [
            {
                "prompt": pair.given,
                "chosen": pair.chosen,
                "rejected": pair.rejected,
                "images": [images[image] for image in pair.chosen_images],
            }
            for pair in arrange(document, layout, processor)
        ]
    return Dataset.from_list(strings).cast_column("images", List(Image()))


def within_budget(
    rows: Dataset, processor: Processor, layout: Layout, max_tokens: int, say: Callable[[str], None]
) -> Dataset:
    """The rows whose pair fits into a forward pass by itself. Raises RowError where none does."""
    over = over_budget(rows, by_document(rows["example_id"]), processor, layout, max_tokens)
    if not over:
        return rows
    if len(over) == len(rows):
        raise RowError(
            f"Each of the {len(rows)} preference pairs has more than max_tokens = {max_tokens}; the shortest has "
            f"{min(over.values(), key=lambda size: size.tokens)}: raise training.max_tokens of the recipe, or lower "
            "training.max_pixels."
        )
    named = "; ".join(f"{rows[number]['id']} has {size}" for number, size in list(over.items())[:NAMED])
    say(
        f"{len(over)} of {number_of(len(rows), 'pair')} left out, with more than max_tokens = {max_tokens}: {named}"
        + ("; …" if len(over) > NAMED else "")
    )
    return rows.select([number for number in range(len(rows)) if number not in over], keep_in_memory=True)


def keeps_reference(hyperparameters: DpoHyperparameters) -> bool:
    """Whether the reference's sums are stored before training, which TRL's own trainer cannot. Nor can a model with
    adapters that several devices share: it is its own reference, and shared when training starts."""
    return (
        hyperparameters.packing == "documents"
        and hyperparameters.reference == "stored"
        and not (hyperparameters.lora_rank and sharing_devices(hyperparameters) > 1)
    )


def load_of(hyperparameters: DpoHyperparameters, plan: Sequence[Cost], several: float) -> Load:
    """A plan's passes over `several` epochs. The reference is a second model, but where its sums are stored or adapters
    are left out for it."""
    stored = keeps_reference(hyperparameters)
    return Load(
        longest=sum(sorted(one["tokens"] for one in plan)[-hyperparameters.batch :]),
        tokens=sum(one["tokens"] for one in plan),
        attended=sum(one["attended"] for one in plan),
        vision_tokens=sum(one["vision_tokens"] for one in plan),
        longest_vision=sum(sorted(one["vision_tokens"] for one in plan)[-hyperparameters.batch :]),
        epochs=several,
        reference_passes=1 / several if stored else 1,
        copies=1 if stored or hyperparameters.lora_rank else 2,
    )


def settings(hyperparameters: DpoHyperparameters, folder: Path, passes_per_update: float) -> DPOConfig:
    """TRL's arguments. passes_per_update: as many as hold the pairs of an update."""
    sft = hyperparameters.sft_weight
    return DPOConfig(
        **trainer_settings(hyperparameters, folder, passes_per_update),
        beta=hyperparameters.beta,
        ld_alpha=hyperparameters.ld_alpha,
        loss_type=[hyperparameters.loss, "sft"] if sft else [hyperparameters.loss],
        loss_weights=[1.0, sft] if sft else None,
        precompute_ref_log_probs=keeps_reference(hyperparameters),
    )


class Passes(NamedTuple):
    """Forward passes of one epoch."""

    trained: list[PlannedPass]
    held_out: list[PlannedPass]


def passes_of(rows: Dataset, processor: Processor, hyperparameters: DpoHyperparameters, family: Family) -> Passes:
    """As the family's pairs are passed, those of the documents that are held back apart. Raises RowError."""
    asked = (rows, by_document(rows["example_id"]), processor, hyperparameters.layout, hyperparameters.max_tokens)
    alone = hyperparameters.packing == "pairs"
    found = plan_pairs(*asked) if family.way == "plain" else plan_documents(*asked, alone=alone)
    first = [rows[one["document"][0]] for one in found]
    documents = [document_of(row["example_id"], row["images"]) for row in first]
    parts = split(documents, hyperparameters.validation_share, hyperparameters.seed)
    return Passes(*([found[number] for number in part] for part in parts))


def train(run: DpoRun, say: Callable[[str], None]) -> None:
    """Train the SFT checkpoint on the run's pairs until its checkpoint is whole. Raises RowError, DoesNotFitError,
    UnknownFamilyError, LayoutError, TreeError."""
    sft = str(run.sft)
    family = student_family(sft)
    run = replace(run, hyperparameters=as_trained(run.hyperparameters, family, say))
    hyperparameters = run.hyperparameters
    whole = rows = Dataset.from_parquet(str(run.dataset), keep_in_memory=False)
    processor = load_processor(sft)
    if run.student in BUILT:  # for any other the quality gate could count, and a row that is over is a fault
        rows = within_budget(whole, processor, hyperparameters.layout, hyperparameters.max_tokens, say)
    documents, stored = hyperparameters.packing == "documents", keeps_reference(hyperparameters)
    passes, held_out = passes_of(rows, processor, hyperparameters, family)
    counts = [one["tokens"] for one in passes]
    tokens, alone = sum(counts), sum(one["pair_tokens"] for one in passes)
    held = f", {len(held_out)} held back" if held_out else ""
    say(
        f"{run.student} from {sft}: {number_of(len(rows), 'pair')}, forward passes: {len(passes)}, "
        f"{tokens} tokens (pair by pair {alone}){held}"
    )
    if documents and hyperparameters.reference == "stored" and not stored:
        say("the reference is computed in each pass: with adapters it is the model itself, which devices share")
    per_update = hyperparameters.pairs_per_update * len(passes) / sum(len(one["rows"]) for one in passes)
    args = settings(hyperparameters, partial_folder(run.output), per_update)
    hyperparameters = without_validation(args, hyperparameters, len(held_out), say)
    plan = planned(args, hyperparameters, counts, per_update, say) if documents else None
    load = load_of(hyperparameters, passes, epochs(hyperparameters, args, len(passes), plan))
    most, most_vision = (
        longest_pass(plan, one, hyperparameters.batch) for one in (counts, [each["vision_tokens"] for each in passes])
    )
    keep = forecast_run(sft, hyperparameters, replace(load, longest=most, longest_vision=most_vision), say)

    def fit(checkpoint: str | None) -> tuple[Trainer, KindRecord]:
        # The reference never comes from a resumed run's checkpoint: a copy is loaded where the policy is none, unless
        # its sums are stored already or adapters can be left out.
        needed = not hyperparameters.lora_rank and not (stored and (checkpoint is None or run.reference.exists()))
        more: dict[str, Any] = {
            "model": load_model(starting_point(sft, checkpoint, hyperparameters), hyperparameters),
            "ref_model": load_model(sft, hyperparameters) if needed else None,
            "peft_config": adapters(hyperparameters),
            "args": args,
            "processing_class": processor,
            "callbacks": callbacks(hyperparameters, say),
            "compiled": hyperparameters.compile_layers,
            "rates": part_rates(hyperparameters),
        }
        trainer: DPOTrainer
        if documents:
            trainer = DocumentDPOTrainer(
                **more,
                keep=keep,
                plan=plan,
                train_dataset=Dataset.from_list(passes),
                eval_dataset=Dataset.from_list(held_out) if held_out else None,
                reference_file=run.reference,
                data_collator=DocumentCollator(rows, processor, hyperparameters.layout, hyperparameters.ld_alpha),
            )
        else:
            own, other = (_pairs_of(rows, some, processor, hyperparameters.layout) for some in (passes, held_out))
            trainer = PairDPOTrainer(**more, train_dataset=own, eval_dataset=other)
        trainer.remove_callback(PrinterCallback)
        if checkpoint:
            say(f"resuming from {checkpoint}")
        trainer.train(resume_from_checkpoint=checkpoint)
        return trainer, {
            "kind": "dpo",
            "base": sft,
            "left_out": {"over_budget": len(whole) - len(rows)},
            "tokens_pair_by_pair": alone,
            "tokens_packed": tokens,
            **preference_curves(trainer.state.log_history),
        }

    chats = [as_chat(rows[passes[number]["rows"][0]]) for number in smallest(counts)]
    finish_run(run, say, fit, sample_batches(family, chats, processor))


def _pairs_of(rows: Dataset, passes: Sequence[PlannedPass], processor: Processor, layout: Layout) -> Dataset | None:
    """The pairs of some passes for TRL's own trainer; None of none."""
    numbers = sorted({number for one in passes for number in one["rows"]})
    return pair_rows(rows.select(numbers, keep_in_memory=True), processor, layout) if numbers else None


def preference_curves(history: Sequence[Mapping[str, float]]) -> PreferenceCurves:
    """Per logged step; `from_ln_2` is how far the first step's preference losses are from ln 2 (packed documents)."""
    logged = [entry for entry in history if "rewards/margins" in entry]
    return {
        "accuracies": [entry["rewards/accuracies"] for entry in logged],
        "margins": [entry["rewards/margins"] for entry in logged],
        "from_ln_2": [entry["loss/from_ln_2"] for entry in logged[:1] if "loss/from_ln_2" in entry],
    }


if __name__ == "__main__":
    run_script("dpo", DpoRun, train)
