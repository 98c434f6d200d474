"""Each export read back by its consumer (`make check-exports`): one table, on the terminal and in RESULTS.md."""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lwv_dagster.release.write import FORMATS, write_release
from lwv_dagster.terminal import console
from testing.release_home import NASTY, STORY, make_home

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
COLUMNS = ("consumer", "file", "rows", "images a row", "image tokens", "trained tokens", "loss of step 1")
NOTE = """\
# Exports read back by their consumers

Written by `make check-exports`. Each consumer runs in an environment of its own: its loader and template (TRL: its
collators) on every row, then one step of its own trainer on a tiny Qwen2.5-VL with random weights. For every row: as
many images as were written, as many image tokens as the images' grid needs, and a loss on exactly the answer that was
written (and the end of its turn where it closes), on nothing else. A first DPO loss of ln 2 says that policy and
reference read both sides alike. The rows are those of `testing/release_home.py`: 0 to 3 images, shared prefixes,
answers that do not close, control tokens and media tags in texts from outside. LLaMA-Factory gets only pairs that
close; ms-swift resizes images by its own rule, so it has more image tokens.

"""


@dataclass(frozen=True)
class Consumer:
    """packages: the versions to name. command: what runs its reader."""

    name: str
    format: str
    python: Path
    packages: tuple[str, ...]
    command: tuple[str, ...]


CONSUMERS = (
    Consumer("TRL", "trl", Path(sys.executable), ("trl", "transformers", "torch"), ("-m", "testing.reads_trl")),
    Consumer(
        "LLaMA-Factory",
        "llamafactory",
        ROOT / ".exports/llamafactory/bin/python",
        ("llamafactory", "transformers", "trl", "torch"),
        (str(HERE / "reads_llamafactory.py"),),
    ),
    Consumer(
        "ms-swift",
        "ms-swift",
        ROOT / ".exports/ms-swift/bin/python",
        ("ms-swift", "transformers", "trl", "torch"),
        (str(HERE / "reads_ms_swift.py"),),
    ),
)


def main() -> int:
    """Exit code 0 when every consumer read every row."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        store = make_home(work / "home")
        for made in FORMATS.values():
            write_release(store, made, work / made.name)
        console.print("building the tiny model")
        subprocess.run(
            [
                sys.executable,
                "-c",
                (
                    "import sys; from bench.exports.tiny import build; from pathlib import "
                    "Path; build([sys.argv[2]] * 50, Path(sys.argv[1]))"
                ),
                str(work / "model"),
                STORY + NASTY,
            ],
            check=True,
            cwd=ROOT,
            env=environment(),
            capture_output=True,
        )
        rows, versions, failures = [], [], []
        for consumer in CONSUMERS:
            console.print(f"{consumer.name} reads {consumer.format}")
            try:
                rows += read(consumer, work)
                versions.append(f"{consumer.name}: {named_versions(consumer)}")
            except (OSError, subprocess.CalledProcessError) as error:
                last = getattr(error, "stdout", "") or str(error)
                failures.append(f"{consumer.name} did not read its export:\n{last[-3000:]}")
    table = [f"| {' | '.join(row)} |" for row in (COLUMNS, ("---",) * len(COLUMNS), *rows)]
    for line in (*table, *versions, *failures):
        console.print(line, soft_wrap=True, markup=False)
    if not failures:
        (HERE / "RESULTS.md").write_text(NOTE + "\n".join([*table, "", *(f"- {line}" for line in versions)]) + "\n")
    return bool(failures)


def read(consumer: Consumer, work: Path) -> list[tuple[str, ...]]:
    results = work / f"{consumer.format}.json"
    subprocess.run(
        [str(consumer.python), *consumer.command, str(work / consumer.format), str(work / "model"), str(results)],
        check=True,
        cwd=ROOT,
        env=environment(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    return [
        (
            consumer.name,
            row["file"],
            str(row["rows"]),
            f"{min(row['images'])} to {max(row['images'])}",
            str(row["image_tokens"]),
            str(row["trained_tokens"]),
            f"{row['loss']:.4f}",
        )
        for row in json.loads(results.read_text())
    ]


def named_versions(consumer: Consumer) -> str:
    code = "import sys, importlib.metadata as m; print(', '.join(f'{n} {m.version(n)}' for n in sys.argv[1:]))"
    return subprocess.run(
        [str(consumer.python), "-c", code, *consumer.packages], check=True, capture_output=True, text=True
    ).stdout.strip()


def environment() -> dict[str, str]:
    """Nothing is fetched from a hub; ms-swift asks Hugging Face's, not another, and so nobody."""
    return {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "USE_HF": "1",
        "DO_NOT_TRACK": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "WANDB_MODE": "disabled",
        "PYTHONPATH": str(ROOT),
    }


if __name__ == "__main__":
    sys.exit(main())
