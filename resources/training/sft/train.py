"""Supervised fine-tuning, run by `accelerate launch -m resources.training.sft.train --config <json>`."""

from collections.abc import Callable
from dataclasses import replace

from datasets import Dataset
from transformers import PrinterCallback, Trainer
from trl.trainer.sft_config import SFTConfig

from resources.text.shown import number_of
from resources.training.arguments import (
    epochs,
    forecast_run,
    longest_pass,
    planned,
    starting_point,
    trainer_settings,
    without_validation,
)
from resources.training.forecast import Load, causal
from resources.training.held_out import document_of, split
from resources.training.rows.processor import load_processor
from resources.training.run import callbacks, finish_run, partial_folder, run_script
from resources.training.run_config import SftRun
from resources.training.saved_losses import sample_batches, smallest
from resources.training.sft.packing import PackedCollator, count_tokens
from resources.training.sft.plain_rows import plain_rows
from resources.training.sft.trainer import TokenMeanSFTTrainer
from resources.training.steered_trainer import part_rates
from resources.training.students.resolve import resolve_student, student_family
from resources.training.trainable_model import adapters, load_model
from resources.training.training_record import KindRecord
from resources.training.ways import as_trained


def train(run: SftRun, say: Callable[[str], None]) -> None:
    """Train the student on the run's rows until its checkpoint is whole. Raises RowError, DoesNotFitError,
    SmolMissingError, UnknownFamilyError."""
    family = student_family(run.student)
    run = replace(run, hyperparameters=as_trained(run.hyperparameters, family, say))
    hyperparameters = run.hyperparameters
    # First, because it gives each process its device, and says that ZeRO-3 shares the weights before any are loaded.
    args = SFTConfig(
        **trainer_settings(hyperparameters, partial_folder(run.output), hyperparameters.documents_per_update),
        remove_unused_columns=False,
    )
    rows = Dataset.from_parquet(str(run.dataset), keep_in_memory=False)
    texts = (turn["content"] for row in rows.select_columns("messages") for turn in row["messages"])
    base = resolve_student(run.student, texts, run.base_folder)
    processor = load_processor(base, hyperparameters.max_pixels)
    counts = count_tokens(rows, processor, hyperparameters.max_tokens)
    documents = [document_of(row["id"], row["images"]) for row in rows.select_columns(["id", "images"])]
    parts = split(documents, hyperparameters.validation_share, hyperparameters.seed)
    held_out = rows.select(parts.held_out, keep_in_memory=True)
    rows = rows.select(parts.trained, keep_in_memory=True)
    hyperparameters = without_validation(args, hyperparameters, len(held_out), say)
    counts = [counts[number] for number in parts.trained]
    held = f", {len(held_out)} held back" if len(held_out) else ""
    say(f"{run.student} from {base}, {number_of(len(rows), 'row')}{held}")
    tokens = [count.total for count in counts]
    plan = planned(args, hyperparameters, tokens, hyperparameters.documents_per_update, say)
    keep = forecast_run(
        base,
        hyperparameters,
        Load(
            longest=longest_pass(plan, tokens, hyperparameters.batch),
            tokens=sum(tokens),
            attended=sum(causal(count.total) for count in counts),
            vision_tokens=sum(count.vision for count in counts),
            longest_vision=longest_pass(plan, [count.vision for count in counts], hyperparameters.batch),
            epochs=epochs(hyperparameters, args, len(rows), plan),
        ),
        say,
    )

    def shown(some: Dataset) -> Dataset:
        return plain_rows(some, processor) if family.way == "plain" else some

    def fit(checkpoint: str | None) -> tuple[Trainer, KindRecord]:
        trainer = TokenMeanSFTTrainer(
            model=load_model(starting_point(base, checkpoint, hyperparameters), hyperparameters),
            keep=keep,
            compiled=hyperparameters.compile_layers,
            plan=plan,
            rates=part_rates(hyperparameters),
            peft_config=adapters(hyperparameters),
            args=args,
            train_dataset=shown(rows),
            eval_dataset=shown(held_out) if len(held_out) else None,
            data_collator=None if family.way == "plain" else PackedCollator(processor),  # None: TRL's own
            processing_class=processor,
            callbacks=callbacks(hyperparameters, say),
        )
        trainer.remove_callback(PrinterCallback)
        if checkpoint:
            say(f"resuming from {checkpoint}")
        trainer.train(resume_from_checkpoint=checkpoint)
        return trainer, {"kind": "sft", "base": base}

    samples = [rows[number] for number in smallest(tokens)]
    finish_run(run, say, fit, sample_batches(family, samples, processor))


if __name__ == "__main__":
    run_script("sft", SftRun, train)
