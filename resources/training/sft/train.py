"""Supervised fine-tuning, run by `accelerate launch -m resources.training.sft.train --config <json>`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import PrinterCallback
from trl import SFTConfig

from resources.training.arguments import epochs, forecast_run, starting_point, trainer_settings
from resources.training.forecast import Load, causal
from resources.training.model import adapters, load_model
from resources.training.rows.processor import load_processor
from resources.training.run import Progress, finish_run, partial_folder, run_script
from resources.training.sft.packing import PackedCollator, count_tokens
from resources.training.sft.trainer import TokenMeanSFTTrainer
from resources.training.students.resolve import resolve_student


def train(config: dict[str, Any], say: Callable[[str], None]) -> None:
    recipe = config["recipe"]
    # First, because it gives each process its device, and says that ZeRO-3 shares the weights before any are loaded.
    args = SFTConfig(
        **trainer_settings(recipe, partial_folder(config), recipe["documents_per_update"]), remove_unused_columns=False
    )
    rows = Dataset.from_parquet(config["dataset"], keep_in_memory=False)
    texts = (turn["content"] for row in rows.select_columns("messages") for turn in row["messages"])
    base = resolve_student(config["student"], texts, Path(config["base_folder"]))
    say(f"{config['student']} from {base}, {len(rows)} rows")
    processor = load_processor(base, recipe["max_pixels"])
    totals, vision = zip(*count_tokens(rows, processor, recipe["max_tokens"]), strict=True)
    keep = forecast_run(
        base,
        recipe,
        Load(
            longest=sum(sorted(totals)[-recipe["batch"] :]),
            tokens=sum(totals),
            attended=sum(map(causal, totals)),
            vision_tokens=sum(vision),
            epochs=epochs(recipe, args, len(rows)),
        ),
        say,
    )

    def run(checkpoint: str | None) -> tuple[Any, dict[str, Any]]:
        trainer = TokenMeanSFTTrainer(
            model=load_model(starting_point(base, checkpoint, recipe), recipe),
            keep=keep,
            peft_config=adapters(recipe),
            args=args,
            train_dataset=rows,
            data_collator=PackedCollator(processor),
            processing_class=processor,
            callbacks=[Progress(say)],
        )
        trainer.remove_callback(PrinterCallback)
        if checkpoint:
            say(f"going on from {checkpoint}")
        trainer.train(resume_from_checkpoint=checkpoint)
        return trainer, {"kind": "sft", "base": base}

    finish_run(config, say, run)


if __name__ == "__main__":
    run_script("sft", train)
