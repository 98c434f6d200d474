"""Supervised fine-tuning, run by `accelerate launch -m assets.sft_checkpoint.train --config <json>`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset, Image, List
from transformers import AutoModelForImageTextToText, AutoProcessor, PrinterCallback
from trl import SFTConfig, SFTTrainer

from assets.sft_checkpoint.chat import image_paths, render_answer, render_prompt
from assets.sft_checkpoint.run import Progress, finish_run, run_script
from assets.sft_checkpoint.student import resolve_student


def training_rows(rows: Dataset, processor: Any) -> Dataset:
    """sft_dataset's rows as prompt, completion and images that are opened batch by batch.

    Prompt and completion are strings, so the loss is on the answer and its end-of-turn alone (training.md 1).
    """
    def render(row: dict[str, Any]) -> dict[str, Any]:
        user, assistant = row["messages"]
        return {"prompt": render_prompt(processor, len(row["images"]), user["content"]),
                "completion": render_answer(assistant["content"]), "images": image_paths(row["images"])}

    return rows.map(render, remove_columns=rows.column_names).cast_column("images", List(Image()))


def load_model(path: str, dtype: str, freeze_vision: bool) -> Any:
    model = AutoModelForImageTextToText.from_pretrained(path, dtype=getattr(torch, dtype))
    if freeze_vision:
        model.model.visual.requires_grad_(False)
    return model


def trainer_settings(recipe: dict[str, Any], folder: Path) -> dict[str, Any]:
    """What SFTConfig and DPOConfig share. No truncation: it would cut image tokens or the answer's end."""
    return {
        "output_dir": str(folder), "per_device_train_batch_size": recipe["batch"],
        "gradient_accumulation_steps": recipe["accumulation"], "learning_rate": recipe["learning_rate"],
        "num_train_epochs": recipe["epochs"], "max_steps": recipe["max_steps"], "lr_scheduler_type": "cosine",
        "warmup_steps": recipe["warmup_share"], "bf16": recipe["dtype"] == "bfloat16",
        "gradient_checkpointing": recipe["gradient_checkpointing"], "logging_steps": recipe["logging_steps"],
        "save_steps": recipe["save_steps"], "save_total_limit": 1, "seed": recipe["seed"], "max_length": None,
        "report_to": "none", "disable_tqdm": True, "use_cpu": not torch.cuda.is_available(),
    }


def train(config: dict[str, Any], say: Callable[[str], None]) -> None:
    recipe = config["recipe"]
    rows = Dataset.from_parquet(config["dataset"], keep_in_memory=False)
    texts = (turn["content"] for row in rows.select_columns("messages") for turn in row["messages"])
    base = resolve_student(config["student"], texts, Path(config["base_folder"]))
    say(f"{config['student']} from {base}, {len(rows)} rows")

    def run(folder: Path, checkpoint: str | None) -> tuple[Any, dict[str, Any]]:
        processor = AutoProcessor.from_pretrained(base)
        trainer = SFTTrainer(
            # On resume Trainer loads weights by name, and leaves out without a word what is saved under other names, as
            # Qwen2.5-VL's are; from_pretrained knows both. Trainer still restores optimiser, schedule and seeds.
            model=load_model(checkpoint or base, recipe["dtype"], recipe["freeze_vision"]),
            args=SFTConfig(**trainer_settings(recipe, folder), packing=False),
            train_dataset=training_rows(rows, processor), processing_class=processor, callbacks=[Progress(say)])
        trainer.remove_callback(PrinterCallback)
        if checkpoint:
            say(f"going on from {checkpoint}")
        trainer.train(resume_from_checkpoint=checkpoint)
        return trainer, {"kind": "sft", "base": base}

    finish_run(config, run)


if __name__ == "__main__":
    run_script("sft", train)
