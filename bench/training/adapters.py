"""What adapters learn at their own rate beside all weights: falls of the loss of `smol` over the same updates.

`python -m bench.training.adapters` (after `make smol`). Answers are sections of this repository's pages. Each run is a
process of its own, trained and saved as the asset does it. Prints markdown.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import pyarrow as pa
import pyarrow.parquet as pq

from assets.sft_dataset.schema import SFT_DATASET
from resources.recipe.model import Training
from resources.training.checkpoint import read_training
from resources.training.launcher import launch_command, launch_env
from resources.training.run_config import SftRun
from resources.training.sft.hyperparameters import SftHyperparameters

ROOT = Path(__file__).resolve().parents[2]
RANK = 16
WORDS = (80, 220)  # of a section that is an answer


def write_rows(path: Path, count: int) -> None:
    """A data set of sections, each asked for by its heading."""
    rows = []
    for page in sorted((ROOT / "docs").glob("*.md")):
        for section in re.split(r"\n(?=## )", page.read_text())[1:]:
            heading, _, text = section.partition("\n")
            words = text.split()
            if len(words) >= WORDS[0]:
                answer = " ".join(words[: WORDS[1]])
                turns = [
                    {"role": "user", "content": f"Write a section with the title {heading.removeprefix('## ')}."},
                    {"role": "assistant", "content": answer},
                ]
                name = f"{page.stem}-{len(rows)}"
                rows.append({"id": name, "messages": turns, "images": [], "language": "en", "kind": "chat",
                             "required_words": None, "words": len(answer.split()), "author": "people"})  # fmt: skip
    pq.write_table(pa.Table.from_pylist(rows[:count], schema=SFT_DATASET.schema), path)


def fall(folder: Path, rank: int, seed: int, steps: int, rate: float | None) -> dict[str, float]:
    """The loss of the first and the last quarter of the updates, and the furthest that saving moved a sample's loss."""
    training = Training(lora_rank=rank, sft_steps=steps, sft_documents=2, seed=seed, sft_learning_rate=rate)
    run = SftRun(
        dataset=folder / "train.parquet",
        dataset_id="bench",
        student="smol",
        output=folder / f"{rank}-{seed}-{rate}",
        authors=["people"],
        base_folder=folder / "base",
        hyperparameters=replace(SftHyperparameters.for_student("smol", training), reports="none"),
    )
    config = folder / f"{run.output.name}.json"
    config.write_text(json.dumps(run.as_json()))
    command = launch_command("resources.training.sft.train", config, 0)
    subprocess.run(command, cwd=ROOT, env=launch_env(), check=True, stdout=sys.stderr)
    record = read_training(run.output)
    quarter = max(1, steps // 4)
    first, last = fmean(record["losses"][:quarter]), fmean(record["losses"][-quarter:])
    saved = max(abs(one - other) for one, other in zip(record["ended"], record["saved"], strict=True))
    return {"rate": run.hyperparameters.learning_rate, "first": first, "last": last, "saved": saved}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    print(f"## Adapters of rank {RANK} and all weights: `smol`, {given.steps} updates of 2 samples, float32\n")
    print("| seed | trained | rate | loss, first quarter | last quarter | fall | saving moved it by |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="bench-adapters-") as name:
        write_rows(Path(name) / "train.parquet", 2 * given.steps)
        for seed in range(1, given.seeds + 1):
            usual = SftHyperparameters.for_student("smol", Training()).learning_rate
            for what, rank, rate in (("all weights", 0, None), ("adapters", RANK, None), ("adapters", RANK, usual)):
                found = fall(Path(name), rank, seed, given.steps, rate)
                print(
                    f"| {seed} | {what} | {found['rate']:g} | {found['first']:.3f} | {found['last']:.3f} | "
                    f"{found['first'] - found['last']:.3f} | {found['saved']:.1e} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
