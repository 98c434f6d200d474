"""What supervised fine-tuning costs: samples packed without padding, stock TRL SFTTrainer, and LLaMA-Factory.

`python -m bench.training.sft`. The same samples in the same batches, one forward and backward pass each, float32,
images and tokens prepared anew. Seconds are CPU seconds of one thread. LLaMA-Factory is measured where
`make check-exports` has installed it, its own packing (`neat_packing`) in rows of PACKED_TOKENS. Prints markdown.
"""

import argparse
import json
import os
import random
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import torch
from datasets import Dataset, Image, List
from transformers import AutoModelForImageTextToText
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from bench.training.measure import measure
from bench.training.shapes import cpu_model
from resources.training.rows.chat import image_paths
from resources.training.rows.dataset_rows import ChatRow, ImageFile
from resources.training.rows.processor import Processor, load_processor
from resources.training.sft.packing import PackedCollator, row_texts
from resources.training.sft.trainer import TokenMeanSFTTrainer
from resources.training.students.resolve import resolve_student
from testing.documents import PAGE_PIXELS, draw_pages, segments

ROOT = Path(__file__).resolve().parents[2]
LLAMAFACTORY = ROOT / ".exports" / "llamafactory" / "bin" / "python"
PACKED_TOKENS = 4096


def samples(count: int, pages: list[ImageFile]) -> list[ChatRow]:
    """Answers of 50 to 190 words a page behind one page to all of them, as long and as many as the draw has it."""
    draw = random.Random(0)
    rows: list[ChatRow] = []
    for number in range(count):
        sections = draw.randint(1, len(pages))
        rows.append(
            {
                "id": str(number),
                "images": pages[:sections],
                "messages": [
                    {"role": "user", "content": "Write a lecture script for these slides."},
                    {"role": "assistant", "content": "\n\n".join(segments(sections, draw.randint(50, 190), number))},
                ],
            }
        )
    return rows


def passes(
    kind: Callable[..., SFTTrainer], data: dict[str, Any], base: str, processor: Processor, size: int
) -> tuple[int, int, float]:
    """What a trainer of TRL's, or one of ours, takes on a fresh model."""
    with tempfile.TemporaryDirectory() as folder:
        return measure(
            kind(
                model=cpu_model(base, stock=kind is SFTTrainer),
                processing_class=processor,
                args=SFTConfig(
                    output_dir=folder,
                    max_length=None,
                    report_to="none",
                    use_cpu=True,
                    bf16=False,
                    gradient_checkpointing=False,
                    remove_unused_columns=False,
                ),
                **data,
            ),
            size,
        )


def llamafactory_passes(rows: list[ChatRow], base: str, folder: Path, size: int, how: str) -> list[float]:
    """What `sft_llamafactory` measured on the same rows."""
    data = folder / "llamafactory"
    data.mkdir(exist_ok=True)
    (data / "bench.json").write_text(
        json.dumps(
            [
                {
                    "conversations": [
                        {"from": "human", "value": "<image>" * len(row["images"]) + row["messages"][0]["content"]},
                        {"from": "gpt", "value": row["messages"][1]["content"]},
                    ],
                    "images": image_paths(row["images"]),
                }
                for row in rows
            ]
        )
    )
    (data / "dataset_info.json").write_text(
        json.dumps(
            {
                "bench": {
                    "file_name": "bench.json",
                    "formatting": "sharegpt",
                    "columns": {"messages": "conversations", "images": "images"},
                }
            }
        )
    )
    done = subprocess.run(
        [
            str(LLAMAFACTORY),
            "-m",
            "bench.training.sft_llamafactory",
            str(data),
            base,
            str(size),
            how,
            str(PACKED_TOKENS),
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"LLaMA-Factory, {how}: {done.stderr[-2000:]}")
    found: list[float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--samples", type=int, default=24)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--pages", type=int, default=8, help="of a sample, at most")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--student", default="tiny")
    given = parser.parse_args()
    torch.set_num_threads(1)
    folder = Path(tempfile.mkdtemp(prefix="bench-training-"))
    rows = samples(given.samples, draw_pages(folder, given.pages))
    base = resolve_student(given.student, (row["messages"][1]["content"] for row in rows), folder / "base")
    processor = load_processor(base, PAGE_PIXELS)
    base = str(folder / "float32")  # what each of them loads
    AutoModelForImageTextToText.from_pretrained(folder / "base", dtype=torch.float32).save_pretrained(base)
    processor.save_pretrained(base)
    strings = Dataset.from_list(
        [
            {"prompt": prompt, "completion": answer, "images": image_paths(row["images"])}
            for row in rows
            for prompt, answer in [row_texts(row, processor)]
        ]
    ).cast_column("images", List(Image()))
    ours = {"data_collator": PackedCollator(processor), "train_dataset": Dataset.from_list(rows)}
    ways: dict[str, Callable[[], Sequence[float]]] = {
        "packed": partial(passes, TokenMeanSFTTrainer, ours, base, processor, given.batch),
        "TRL SFTTrainer": partial(passes, SFTTrainer, {"train_dataset": strings}, base, processor, given.batch),
    }
    if LLAMAFACTORY.exists():
        for name, how in (("LLaMA-Factory, padded", "padded"), ("LLaMA-Factory, packed", "packed")):
            ways[name] = partial(llamafactory_passes, rows, base, folder, given.batch, how)
    print("| trainer | tokens computed | of these trainable | CPU seconds | trainable tokens a second |")
    print("|---|---|---|---|---|")
    found: dict[str, list[Sequence[float]]] = {name: [] for name in ways}
    for _ in range(given.repeats):
        for name, way in ways.items():
            found[name].append(way())
    for name, runs in found.items():
        computed, trainable, seconds = (median(run[index] for run in runs) for index in range(3))
        print(
            f"| {name} | {computed:,.0f} | {trainable:,.0f} | {seconds:.2f} | {trainable / seconds:,.0f} |", flush=True
        )


if __name__ == "__main__":
    main()
