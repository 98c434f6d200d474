"""Preference training, run by `accelerate launch -m assets.dpo_checkpoint.train --config <json>`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from datasets import Dataset, Image, List
from transformers import AutoProcessor, PrinterCallback
from trl import DPOConfig, DPOTrainer

from assets.sft_checkpoint.chat import image_paths, render_answer, render_prompt
from assets.sft_checkpoint.run import Progress, finish_run, run_script
from assets.sft_checkpoint.train import load_model, trainer_settings


def training_rows(rows: Dataset, processor: Any) -> Dataset:
    """preference_dataset's rows as strings: prompt (with what both sides share), chosen, rejected, images."""
    def render(row: dict[str, Any]) -> dict[str, Any]:
        return {"prompt": render_prompt(processor, len(row["images"]), row["prompt"], row["prefix"]),
                "chosen": render_answer(row["chosen"], row["closes"]),
                "rejected": render_answer(row["rejected"], row["closes"]), "images": image_paths(row["images"])}

    return rows.map(render, remove_columns=rows.column_names).cast_column("images", List(Image()))


def train(config: dict[str, Any], say: Callable[[str], None]) -> None:
    recipe = config["recipe"]
    rows = Dataset.from_parquet(config["dataset"], keep_in_memory=False)
    say(f"{config['student']} from {config['sft']}, {len(rows)} pairs")

    def run(folder: Path, checkpoint: str | None) -> tuple[Any, dict[str, Any]]:
        processor = AutoProcessor.from_pretrained(config["sft"])
        # The policy of a resumed run comes from its checkpoint (see sft_checkpoint/train.py), the reference never does.
        policy, reference = (load_model(path, recipe["dtype"], recipe["freeze_vision"])
                             for path in (checkpoint or config["sft"], config["sft"]))
        trainer = DPOTrainer(
            model=policy, ref_model=reference, args=DPOConfig(**trainer_settings(recipe, folder), beta=recipe["beta"]),
            train_dataset=training_rows(rows, processor), processing_class=processor, callbacks=[Progress(say)])
        trainer.remove_callback(PrinterCallback)
        if checkpoint:
            say(f"going on from {checkpoint}")
        trainer.train(resume_from_checkpoint=checkpoint)
        logged = [entry for entry in trainer.state.log_history if "rewards/margins" in entry]
        return trainer, {"kind": "dpo", "base": config["sft"],
                         "accuracies": [entry["rewards/accuracies"] for entry in logged],
                         "margins": [entry["rewards/margins"] for entry in logged]}

    finish_run(config, run)


if __name__ == "__main__":
    run_script("dpo", train)
