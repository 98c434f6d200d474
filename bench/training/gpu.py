"""What training takes on a GPU: tokens per second and MFU, seconds a document, memory; ours beside TRL's trainers.

`python -m bench.training.gpu`, part of `make bench-training`. Each measurement is a process of its own in which a
trainer runs a few updates as a checkpoint asset does (its settings, optimiser and images opened included), on a
Qwen2.5-VL of real size with random weights. TRL's are as they come: DPO with checkpointing and, if memory lets it,
without. MFU is `forecast.epoch_flops` over seconds and the GPU's peak. Without a
GPU it measures nothing, unless `--shapes tiny` is asked for: that shows that it runs. Prints markdown.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, cast

import torch
from datasets import Dataset, Image, List
from transformers import TrainerCallback
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from bench.training.shapes import processor_for, random_model, shape_config
from resources.training.arguments import device_memory, trainer_settings
from resources.training.common_hyperparameters import Dtype, Hyperparameters
from resources.training.dpo.documents import DocumentCollator, by_document, plan_documents
from resources.training.dpo.hyperparameters import DpoHyperparameters
from resources.training.dpo.train import load_of
from resources.training.dpo.train import pair_rows as stock_pairs
from resources.training.dpo.train import settings as dpo_settings
from resources.training.dpo.trainer import DocumentDPOTrainer
from resources.training.forecast import GIB, PEAK_FLOPS, Load, causal, epoch_flops, kept_layers
from resources.training.launcher import launch_env
from resources.training.rows.chat import image_paths
from resources.training.rows.dataset_rows import ChatRow, Kind, PairRow
from resources.training.rows.processor import Processor
from resources.training.sft.hyperparameters import SftHyperparameters
from resources.training.sft.packing import PackedCollator, row_size, row_texts
from resources.training.sft.trainer import TokenMeanSFTTrainer
from resources.training.students.families.registry import shape_of
from resources.training.trainable_model import adapters
from testing.documents import draw_pages, pair_rows, segments
from testing.shapes import SHAPES

KEEPS_ALL = "TRL pairs, no checkpointing"
SFT_WAYS, DPO_WAYS = ("packed", "TRL"), ("packed", "TRL pairs", KEEPS_ALL, "whole")
KINDS = {"3b": ("shared_prefix", "cumulative"), "7b": ("shared_prefix",), "tiny": ("shared_prefix", "cumulative")}
LORA = {"3b": 0, "7b": 16, "tiny": 0}  # of SFT: all weights of 7B with AdamW in float32 take 133 GB
TOKENS_A_PAGE = 512  # of an SFT sample: 100 visual ones and its text
CUDA = torch.cuda.is_available()
DTYPE: Dtype = "bfloat16" if CUDA else "float32"


class Clock(TrainerCallback):
    """When each update ended."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_step_end(self, *_: object, **__: object) -> None:
        if CUDA:
            torch.cuda.synchronize()
        self.ends.append(time.perf_counter())


def warm(way: str) -> int:
    """Updates before those that are timed: kernels are built in them. One of many passes is enough."""
    return 1 if way.startswith("TRL pairs") else 2


def train(
    make: Callable[..., SFTTrainer | DPOTrainer],
    args: SFTConfig | DPOConfig,
    data: dict[str, Any],
    shape: str,
    hyperparameters: Hyperparameters,
    processor: Processor,
    way: str,
    load: Load | None,
) -> dict[str, float]:
    """Tokens and median seconds of an update, from one's end to the next one's; peak memory in GiB. load: of ours;
    None: a stock trainer."""
    args.save_strategy, args.train_sampling_strategy = "no", "sequential"  # an update is a document
    clock, config = Clock(), shape_config(shape, processor.tokenizer)
    if load is not None:
        data["keep"] = partial(kept_layers, shape_of(config.to_dict()), hyperparameters, load, device_memory()[1])
        data["compiled"] = hyperparameters.compile_layers
    trainer = make(
        model=random_model(config, hyperparameters, stock=load is None),
        args=args,
        processing_class=processor,
        peft_config=adapters(hyperparameters),
        callbacks=[clock],
        **data,
    )
    trainer.train()
    peak = torch.cuda.max_memory_allocated() if CUDA else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "tokens": trainer.state.num_input_tokens_seen / trainer.state.global_step,
        "gib": peak / GIB,
        "seconds": median(after - before for before, after in pairwise(clock.ends[warm(way) - 1 :])),
    }


def sft_samples(count: int, tokens: int, folder: Path) -> tuple[list[ChatRow], Processor]:
    """Samples of about `tokens` tokens each, and the processor that reads them."""
    pages = draw_pages(folder, max(1, tokens // TOKENS_A_PAGE))

    def sample(number: int, words: int) -> ChatRow:
        return {
            "id": str(number),
            "images": pages,
            "messages": [
                {"role": "user", "content": "Write a lecture script for these slides."},
                {"role": "assistant", "content": "\n\n".join(segments(len(pages), words, number))},
            ],
        }

    processor = processor_for(sample(number, 400)["messages"][1]["content"] for number in range(4))
    few, many = (row_size(sample(0, words), processor).tokens for words in (100, 200))
    words = 100 + round((tokens - few) / (many - few) * 100)
    return [sample(number, words) for number in range(count)], processor


def measure_sft(shape: str, way: str, tokens: int, updates: int, documents: int = 1, **changed: Any) -> dict[str, Any]:
    """Samples of so many tokens, `documents` an update, each a pass. changed: of the hyperparameters."""
    updates += warm(way)
    folder = Path(tempfile.mkdtemp(prefix="bench-training-"))
    rows, processor = sft_samples(updates * documents, tokens, folder)
    hyperparameters = replace(
        SftHyperparameters(),
        lora_rank=LORA[shape],
        dtype=DTYPE,
        max_steps=updates,
        documents_per_update=documents,
        sharding="none",
        **changed,
    )
    if way == "packed":
        data: dict[str, Any] = {"train_dataset": Dataset.from_list(rows), "data_collator": PackedCollator(processor)}
    else:
        data = {
            "train_dataset": Dataset.from_list(
                [
                    {"prompt": prompt, "completion": answer, "images": image_paths(row["images"])}
                    for row in rows
                    for prompt, answer in [row_texts(row, processor)]
                ]
            ).cast_column("images", List(Image()))
        }
    size = row_size(rows[0], processor)
    load = Load(
        longest=size.tokens,
        tokens=size.tokens,
        attended=causal(size.tokens),
        vision_tokens=size.vision_tokens,
        epochs=1,
    )
    sys.stdin.readline()  # until the GPU is free
    args = SFTConfig(**trainer_settings(hyperparameters, folder, documents), remove_unused_columns=False)
    found = train(
        TokenMeanSFTTrainer if way == "packed" else SFTTrainer,
        args,
        data,
        shape,
        hyperparameters,
        processor,
        way,
        load if way == "packed" else None,
    )
    flops = epoch_flops(shape_of(shape_config(shape, processor.tokenizer).to_dict()), hyperparameters, load)
    peak = next((peak for name, peak in PEAK_FLOPS.items() if CUDA and name in torch.cuda.get_device_name()), None)
    return {**found, "mfu": peak and documents * flops / found["seconds"] / peak}


def measure_dpo(shape: str, way: str, kind: Kind, count: int, words: int, updates: int) -> dict[str, Any]:
    """One document an update, `count` pairs in as many passes as the way takes; adapters, their reference live."""
    updates += warm(way)
    folder = Path(tempfile.mkdtemp(prefix="bench-training-"))
    pages = draw_pages(folder, count)
    rows: list[PairRow] = [
        {**row, "id": f"{number}-{row['id']}"}
        for number in range(updates)
        for row in pair_rows(
            "whole" if way == "whole" else kind,
            segments(count, words, 2 * number),
            segments(count, words, 2 * number + 1),
            pages,
        )
    ]
    documents = [row["id"].split("-")[0] for row in rows]
    processor = processor_for(row["chosen"] + row["rejected"] for row in rows)
    hyperparameters = replace(
        DpoHyperparameters(),
        lora_rank=16,
        dtype=DTYPE,
        max_steps=updates,
        pairs_per_update=len(rows) // updates,
        reference="live",
        sharding="none",
        gradient_checkpointing=way != KEEPS_ALL,
    )
    load = None
    if way == "packed":
        plan = plan_documents(rows, by_document(documents), processor, hyperparameters.layout, 10**6)
        load = load_of(hyperparameters, plan, 1)
        data: dict[str, Any] = {
            "train_dataset": Dataset.from_list(plan),
            "data_collator": DocumentCollator(rows, processor, hyperparameters.layout),
        }
    else:
        data = {
            "train_dataset": stock_pairs(
                Dataset.from_list(rows).add_column("example_id", documents), processor, hyperparameters.layout
            )
        }
    sys.stdin.readline()  # until the GPU is free
    per_update = hyperparameters.pairs_per_update * len(data["train_dataset"]) / len(rows)
    args = dpo_settings(hyperparameters, folder, per_update)
    return train(
        DocumentDPOTrainer if way == "packed" else DPOTrainer, args, data, shape, hyperparameters, processor, way, load
    )


def measured_in_turn(jobs: Sequence[tuple[object, ...]]) -> Iterator[dict[str, Any]]:
    """One has the GPU, and the next gets its data ready meanwhile."""
    waiting = map(started, jobs)
    now = next(waiting, None)
    while now is not None:
        after = next(waiting, None)
        yield measured(now)
        now = after


def started(what: tuple[object, ...]) -> subprocess.Popen[str]:
    """A process that gets its data ready and waits."""
    return subprocess.Popen(
        [sys.executable, "-m", "bench.training.gpu", "--one", *map(str, what)],
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **launch_env()},
    )


def measured(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What it finds once the GPU is its own; {"failed": why} where it ended badly."""
    out, said = process.communicate("go\n")
    found = (
        json.loads(out.splitlines()[-1])
        if process.returncode == 0
        else {"failed": "out of memory" if "OutOfMemoryError" in said else said.strip().splitlines()[-1][:200]}
    )
    print(json.dumps({"what": process.args[4:], **found}), file=sys.stderr, flush=True)  # type: ignore[index]
    return found


def numbers(found: dict[str, Any], *columns: str) -> str:
    """The table's cells of one measurement."""
    if "failed" in found:
        return " | ".join([found["failed"], *[""] * (len(columns) - 1)])
    return " | ".join(column.format(**found) for column in columns)


def sft_table(shapes: Sequence[str], tokens: Sequence[int], ways: Sequence[str], updates: int) -> None:
    print(
        "| student | weights trained | trainer | tokens an update | seconds | tokens/s | MFU | GiB |\n"
        + "|---" * 8
        + "|"
    )
    jobs = [
        ("sft", shape, way, size, updates) for shape in shapes for size in tokens for way in SFT_WAYS if way in ways
    ]
    for (_, shape, way, *_), found in zip(jobs, measured_in_turn(jobs), strict=True):
        if "failed" not in found:
            found |= {
                "rate": found["tokens"] / found["seconds"],
                "share": "-" if found["mfu"] is None else f"{found['mfu']:.3f}",
            }
        cells = numbers(found, "{tokens:,.0f}", "{seconds:.3f}", "{rate:,.0f}", "{share}", "{gib:.1f}")
        print(f"| {shape} | {'adapters' if LORA[shape] else 'all'} | {way} | {cells} |", flush=True)


def dpo_table(shapes: Sequence[str], count: int, words: int, ways: Sequence[str], updates: int) -> None:
    print(
        "\n| student | pairs | way | tokens a document | seconds a document | of packed's | GiB |\n" + "|---" * 7 + "|"
    )
    jobs = [
        ("dpo", shape, way, kind, count, words, updates)
        for shape in shapes
        for kind in KINDS[shape]
        for way in DPO_WAYS
        if way in ways
    ]
    base = None
    for (_, shape, way, kind, *_), found in zip(jobs, measured_in_turn(jobs), strict=True):
        base = found.get("seconds") if way == "packed" else base
        found["times"] = f"{found['seconds'] / base:.2f}" if base and "failed" not in found else "-"
        cells = numbers(found, "{tokens:,.0f}", "{seconds:.3f}", "{times}", "{gib:.1f}")
        print(f"| {shape} | {kind}, {count} | {way} | {cells} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES), choices=[*SHAPES, "tiny"])
    parser.add_argument("--tokens", type=int, nargs="+", default=[8192, 32_768], help="of an SFT sample")
    parser.add_argument("--segments", type=int, default=16)
    parser.add_argument("--words", type=int, default=200, help="of a segment")
    parser.add_argument("--ways", nargs="+", default=[*SFT_WAYS, *DPO_WAYS], choices=[*SFT_WAYS, *DPO_WAYS[1:]])
    parser.add_argument("--updates", type=int, default=3, help="that are timed")
    parser.add_argument("--one", nargs="+", help="measure this alone, as JSON")
    given = parser.parse_args()
    if given.one:
        what, shape, way, *more = given.one
        if what == "sft":
            measured = measure_sft(shape, way, *map(int, more))
        else:
            kind, *sizes = more
            measured = measure_dpo(shape, way, cast(Kind, kind), *map(int, sizes))
        print(json.dumps(measured))
        return
    if not CUDA and given.shapes != ["tiny"]:
        print("No GPU is here: what training takes on one was not measured.")
        return
    device = torch.cuda.get_device_name() if CUDA else "CPU, which says nothing of a GPU"
    print(f"{device}, torch {torch.__version__}, {DTYPE}; medians of {given.updates} updates.\n")
    sft_table(given.shapes, given.tokens, given.ways, given.updates)
    dpo_table(given.shapes, given.segments, given.words, given.ways, given.updates)


if __name__ == "__main__":
    main()
