"""What supervised fine-tuning costs: samples packed without padding, and padded by stock TRL SFTTrainer.

`python -m bench.training.sft`. The same samples in the same batches, one forward and backward pass each, float32,
images and tokens prepared anew. Seconds are CPU seconds of one thread. Prints markdown.
"""

import argparse
import random
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset, Image, List
from transformers import AutoModelForImageTextToText, AutoProcessor
from trl import SFTConfig, SFTTrainer

from assets.sft_checkpoint.chat import image_paths
from assets.sft_checkpoint.packing import PackedCollator, row_texts
from assets.sft_checkpoint.student import resolve_student
from assets.sft_checkpoint.trainer import TokenMeanSFTTrainer
from bench.training.documents import draw_pages, segments


def samples(count: int, pages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Answers of 50 to 1,500 words behind 1 to 8 pages, as long and as many as the draw has it."""
    draw = random.Random(0)
    rows = []
    for number in range(count):
        sections = draw.randint(1, len(pages))
        rows.append({
            "id": str(number), "images": pages[:sections],
            "messages": [{"role": "user", "content": "Write a lecture script for these slides."},
                         {"role": "assistant",
                          "content": "\n\n".join(segments(sections, draw.randint(50, 190), number))}]})
    return rows


def measure(trainer: Any, size: int) -> tuple[int, int, float]:
    """Tokens computed, tokens learnt, CPU seconds."""
    trainer.model.train()
    started, computed, learnt = time.process_time(), 0, 0
    rows = trainer.train_dataset
    for low in range(0, len(rows), size):
        batch = trainer.data_collator([rows[number] for number in range(low, min(low + size, len(rows)))])
        computed += batch["input_ids"].numel()
        learnt += int((batch["labels"] != -100).sum())
        trainer.compute_loss(trainer.model, batch).backward()
    return computed, learnt, time.process_time() - started


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--samples", type=int, default=24)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--student", default="tiny")
    given = parser.parse_args()
    torch.set_num_threads(1)
    folder = Path(tempfile.mkdtemp(prefix="bench-training-"))
    rows = samples(given.samples, draw_pages(folder, 8))
    base = resolve_student(given.student, (row["messages"][1]["content"] for row in rows), folder / "base")
    processor: Any = AutoProcessor.from_pretrained(base)
    processor.image_processor.size["longest_edge"] = 280 * 280
    strings = Dataset.from_list([{"prompt": prompt, "completion": answer, "images": image_paths(row["images"])}
                                 for row in rows for prompt, answer in [row_texts(row, processor)]]
                                ).cast_column("images", List(Image()))
    ours = {"data_collator": PackedCollator(processor), "train_dataset": Dataset.from_list(rows)}
    print("| trainer | tokens computed | of these learnt | CPU seconds | learnt tokens a second |")
    print("|---|---|---|---|---|")
    for name, kind, more in (("packed", TokenMeanSFTTrainer, ours), ("TRL SFTTrainer", SFTTrainer,
                                                                     {"train_dataset": strings})):
        trainer: Any = kind(
            model=AutoModelForImageTextToText.from_pretrained(base, dtype=torch.float32), processing_class=processor,
            args=SFTConfig(output_dir=str(folder), max_length=None, report_to="none", use_cpu=True, bf16=False,
                           gradient_checkpointing=False, remove_unused_columns=False), **more)
        computed, learnt, seconds = measure(trainer, given.batch)
        print(f"| {name} | {computed:,} | {learnt:,} | {seconds:.2f} | {learnt / seconds:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
