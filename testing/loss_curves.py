"""Loss curves of ten steps of SFT and of DPO on the tiny student, as the training scripts give them on fixed data.

`python -m testing.loss_curves --write` renews tests/training/loss_curves.json, which a test compares new curves with.
"""

import argparse
import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from assets.preference_dataset.schema import PREFERENCE_DATASET
from assets.sft_dataset.schema import SFT_DATASET
from resources.recipe.model import Training
from resources.text.headings import SEPARATOR
from resources.training.dpo.hyperparameters import DpoHyperparameters
from resources.training.launcher import launch_env
from resources.training.rows.dataset_rows import ImageFile
from resources.training.run_config import DpoRun, SftRun
from resources.training.sft.hyperparameters import SftHyperparameters
from testing.documents import draw_pages, pair_rows, segments

STORED = Path(__file__).resolve().parents[1] / "tests" / "training" / "loss_curves.json"
STEPS = 10
PAGES = 3


def sft_rows(pages: list[ImageFile]) -> list[dict[str, Any]]:
    """Seven rows with 0 to 3 images and answers of 1 to 3 segments: no two updates have equally many tokens."""
    return [
        {
            "id": f"row-{number}",
            "images": pages[: number % (PAGES + 1)],
            "messages": [
                {"role": "user", "content": f"Write text {number}."},
                {"role": "assistant", "content": SEPARATOR.join(segments(1 + number % 3, 8 + 5 * number, number))},
            ],
        }
        for number in range(7)
    ]


def preference_rows(pages: list[ImageFile]) -> list[dict[str, Any]]:
    """The pairs of three documents of 1 to 3 pages: cumulative, with a shared prefix and whole, unlike in weight."""
    rows = []
    for count in range(1, PAGES + 1):
        corrected, original = segments(count, 12 + count, count), segments(count, 10, 10 + count)
        for kind in ("cumulative", "shared_prefix", "whole"):
            made = pair_rows(kind, corrected, original, pages[:count])
            rows += [{**row, "id": f"{count}-{row['id']}", "example_id": str(count)} for row in made]
    return rows


def train_curves(folder: Path) -> dict[str, Any]:
    """`sft` and `dpo`: the loss of each of STEPS updates; `versions`: of the packages that gave them.

    On one thread of the CPU. Both start from the same random student, so that neither curve follows from the other's.
    An update of SFT has two forward passes, one of DPO packed documents of about four pairs.
    """
    import torch

    from resources.training.dpo import train as dpo
    from resources.training.sft import train as sft
    from resources.training.students.tiny import build_tiny

    torch.set_num_threads(1)
    pages = draw_pages(folder, PAGES)
    taught, preferred = sft_rows(pages), preference_rows(pages)
    pq.write_table(pa.Table.from_pylist(taught, schema=SFT_DATASET.schema), folder / "sft.parquet")
    pq.write_table(pa.Table.from_pylist(preferred, schema=PREFERENCE_DATASET.schema), folder / "dpo.parquet")
    build_tiny((turn["content"] for row in taught for turn in row["messages"]), folder / "base")
    sft_run = SftRun(
        dataset=folder / "sft.parquet",
        dataset_id="sft",
        output=folder / "sft",
        base_folder=folder / "base",
        hyperparameters=replace(
            SftHyperparameters.for_student("tiny", Training()),
            max_steps=STEPS,
            save_steps=STEPS,
            documents_per_update=4,
        ),
        student="tiny",
        authors=[],
    )
    dpo_run = DpoRun(
        dataset=folder / "dpo.parquet",
        dataset_id="dpo",
        output=folder / "dpo",
        sft=folder / "base",
        reference=folder / "reference.parquet",
        hyperparameters=replace(DpoHyperparameters.for_student("tiny", Training()), max_steps=STEPS, save_steps=STEPS),
        student="tiny",
        authors=[],
    )
    sft.train(sft_run, print)
    dpo.train(dpo_run, print)
    records = {kind: json.loads((folder / kind / "training.json").read_text()) for kind in ("sft", "dpo")}
    return {**{kind: record["losses"] for kind, record in records.items()}, "versions": records["sft"]["versions"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", type=Path, nargs="?", const=STORED, metavar="FILE", help=f"default: {STORED}")
    options = parser.parse_args()
    os.environ.update(launch_env(), CUDA_VISIBLE_DEVICES="")
    with tempfile.TemporaryDirectory(prefix="loss-curves-") as folder:
        curves = json.dumps(train_curves(Path(folder)), indent=2)
    if options.write:
        options.write.write_text(curves + "\n")
    else:
        print(curves)


if __name__ == "__main__":
    main()
