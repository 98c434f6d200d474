"""What a document costs in preference training: packed, pair by pair with TRL's DPOTrainer, and as one whole pair.

`make bench-training`. Each measurement is a process of its own: one forward pass of the reference and one forward and
backward pass of the policy for all pairs of one document, float32, images and tokens prepared anew. Seconds are CPU
seconds of one thread, so that what else the machine does changes them little. Prints markdown.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from resources.training.rows.dataset_rows import Kind
from testing.documents import PAGE_PIXELS, draw_pages, pair_rows, segments

WAYS = ("packed", "pairs", "whole")


def measure(way: str, kind: Kind, count: int, words: int, repeats: int, student: str) -> dict[str, Any]:
    """Tokens of all forward passes of the policy, median CPU seconds and peak memory for one document."""
    import torch
    from datasets import Dataset
    from trl.trainer.dpo_config import DPOConfig
    from trl.trainer.dpo_trainer import DPOTrainer

    from bench.training.shapes import cpu_model
    from resources.training.dpo.documents import DocumentCollator, plan_documents
    from resources.training.dpo.train import pair_rows as stock_rows
    from resources.training.dpo.trainer import DocumentDPOTrainer
    from resources.training.rows.processor import load_processor
    from resources.training.students.resolve import resolve_student

    torch.set_num_threads(1)
    folder = Path(tempfile.mkdtemp(prefix="bench-training-"))
    corrected, original = segments(count, words, 1), segments(count, words, 2)
    base = resolve_student(student, corrected + original, folder / "base")
    processor = load_processor(base, PAGE_PIXELS)
    rows = pair_rows("whole" if way == "whole" else kind, corrected, original, draw_pages(folder, count))
    policy, reference = (cpu_model(base, stock=way != "packed") for _ in range(2))
    settings = DPOConfig(
        output_dir=str(folder),
        per_device_train_batch_size=1,
        max_length=None,
        report_to="none",
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        remove_unused_columns=False,
    )
    shared: dict[str, Any] = {"model": policy, "ref_model": reference, "args": settings, "processing_class": processor}
    trainer: Any
    if way == "packed":
        plan = plan_documents(rows, [list(range(len(rows)))], processor, "images_first", 10**6)
        trainer = DocumentDPOTrainer(
            **shared,
            train_dataset=Dataset.from_list(plan),
            data_collator=DocumentCollator(rows, processor, "images_first"),
        )
    else:
        trainer = DPOTrainer(
            **shared,
            train_dataset=stock_rows(
                Dataset.from_list([{**row, "example_id": "deck"} for row in rows]), processor, "images_first"
            ),
        )
    trainer.model.train()
    tokens, seconds = 0, []
    for _ in range(repeats):
        started, tokens = time.process_time(), 0
        for number in range(len(trainer.train_dataset)):
            batch = trainer.data_collator([trainer.train_dataset[number]])
            tokens += batch["input_ids"].numel()
            trainer.compute_loss(trainer.model, batch).backward()
        seconds.append(time.process_time() - started)
        trainer.model.zero_grad()
    return {
        "way": way,
        "kind": kind,
        "segments": count,
        "tokens": tokens,
        "seconds": statistics.median(seconds),
        "spread": [min(seconds), max(seconds)],
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def table(found: list[dict[str, Any]]) -> str:
    """A line per kind and number of segments; factors against packed."""
    lines = [
        (
            "| pairs | segments | tokens: packed | TRL pairs | factor | whole | seconds: packed | TRL pairs | factor "
            "| whole | packed / whole | MiB: packed | TRL pairs |"
        ),
        "|" + "---|" * 13,
    ]
    for kind, count in dict.fromkeys((one["kind"], one["segments"]) for one in found):
        ours, pairs, whole = (
            next(one for one in found if (one["kind"], one["segments"], one["way"]) == (kind, count, way))
            for way in WAYS
        )
        lines.append(
            f"| {kind} | {count} | {ours['tokens']:,} | {pairs['tokens']:,} | {pairs['tokens'] / ours['tokens']:.1f} "
            f"| {whole['tokens']:,} | {ours['seconds']:.2f} | {pairs['seconds']:.2f} "
            f"| {pairs['seconds'] / ours['seconds']:.1f} | {whole['seconds']:.2f} "
            f"| {ours['seconds'] / whole['seconds']:.2f} | {ours['peak_mib']:.0f} | {pairs['peak_mib']:.0f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--segments", type=int, nargs="+", default=[4, 8, 16])
    parser.add_argument("--words", type=int, default=200, help="of a segment")
    parser.add_argument("--kinds", nargs="+", default=["shared_prefix", "cumulative"])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--student", default="tiny")
    parser.add_argument("--one", nargs=3, metavar=("WAY", "KIND", "SEGMENTS"), help="measure this alone, as JSON")
    given = parser.parse_args()
    if given.one:
        way, kind, count = given.one
        print(json.dumps(measure(way, kind, int(count), given.words, given.repeats, given.student)))
        return
    found = []
    for kind in given.kinds:
        for count in given.segments:
            for way in WAYS:
                command = [
                    sys.executable,
                    "-m",
                    "bench.training.run",
                    "--one",
                    way,
                    kind,
                    str(count),
                    "--words",
                    str(given.words),
                    "--repeats",
                    str(given.repeats),
                    "--student",
                    given.student,
                ]
                said = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
                found.append(json.loads(said.stdout.splitlines()[-1]))
                print(json.dumps(found[-1]), file=sys.stderr, flush=True)
    print(table(found))


if __name__ == "__main__":
    main()
