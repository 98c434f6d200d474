"""TRL reads its export: its collators on every row, then one step of its own trainers.

Runs in the project's environment: `python -m testing.reads_trl <release> <model> <results.json>`.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from datasets import Dataset, load_dataset
from transformers import AutoModelForImageTextToText, AutoProcessor
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

END = "<|im_end|>"


def load(folder: Path, name: str) -> Dataset:
    with tempfile.TemporaryDirectory() as cache:
        return load_dataset(
            "parquet", data_files=f"{folder}/{name}/*.parquet", split="train", cache_dir=cache, keep_in_memory=True
        )


def settings(output: str, rows: int) -> dict[str, Any]:
    return {
        "output_dir": output,
        "per_device_train_batch_size": rows,
        "max_steps": 1,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "use_cpu": True,
        "bf16": False,
        "max_length": None,
        "activation_checkpointing": False,
        "disable_tqdm": True,
    }


def read(folder: Path, model_path: Path, name: str) -> dict[str, Any]:
    """One line of the table. Raises AssertionError where a row is not what was written."""
    rows, processor = load(folder, name), AutoProcessor.from_pretrained(model_path)  # type: ignore[no-untyped-call]
    model = AutoModelForImageTextToText.from_pretrained(model_path, dtype="float32")
    with tempfile.TemporaryDirectory() as output:
        made = settings(output, len(rows))
        trainer: Any = (
            SFTTrainer(model=model, args=SFTConfig(**made), train_dataset=rows, processing_class=processor)
            if name == "sft"
            else DPOTrainer(model=model, args=DPOConfig(**made), train_dataset=rows, processing_class=processor)
        )
        pad, images, total, trained = processor.tokenizer.convert_tokens_to_ids("<|image_pad|>"), [], 0, 0
        trainer._set_signature_columns_if_needed()
        for row in rows:
            batch = trainer.data_collator([{key: row[key] for key in row if key in trainer._signature_columns}])
            grids = batch.get("image_grid_thw", [])
            sides = 1 if name == "sft" else 2  # TRL's preference batch holds each image twice
            assert len(grids) == sides * len(row["images"])
            expected = sum(int(grid.prod()) // 4 for grid in grids)
            assert int((batch["input_ids"] == pad).sum()) == expected, (row["id"], expected)
            answers = (
                [row["completion"][-1]["content"] + END + "\n"] if name == "sft" else [row["chosen"], row["rejected"]]
            )
            for ids, mask, answer in zip(batch["input_ids"], learnt_mask(batch), answers, strict=True):
                assert processor.tokenizer.decode(ids[mask]) == answer, row["id"]
                trained += int(mask.sum())
            images.append(len(row["images"]))
            total += expected // sides
        trainer.train()
        loss = next(entry["loss"] for entry in trainer.state.log_history if "loss" in entry)
    return {
        "file": name,
        "rows": len(images),
        "images": images,
        "image_tokens": total,
        "trained_tokens": trained,
        "loss": float(loss),
    }


def learnt_mask(batch: dict[str, Any]) -> Any:
    """Which tokens the loss is on, a row per side."""
    return batch["labels"] != -100 if "labels" in batch else batch["completion_mask"].bool()


def main(folder: Path, model: Path, results: Path) -> None:
    results.write_text(json.dumps([read(folder, model, name) for name in ("sft", "dpo")]))


if __name__ == "__main__":
    main(*(Path(argument).resolve() for argument in sys.argv[1:4]))
