"""Which files under the factory's home are damaged, and what makes each again: looked for once something failed."""

import json
from collections.abc import Iterator
from pathlib import Path

PARQUET = b"PAR1"  # how a file begins and ends
# What is made by which asset, by the beginning of a file's path below the home.
MADE_BY = {
    ("datasets", "sft"): "sft_dataset",
    ("datasets", "preference"): "preference_dataset",
    ("checkpoints", "sft"): "sft_checkpoint",
    ("checkpoints", "dpo"): "dpo_checkpoint",
    ("scores",): "benchmark_scores",
}
DEPTH = 3  # folders below the home's own: deeper ones are the students' and Dagster's


def damage(home: Path) -> str | None:
    """A sentence for each damaged JSON or Parquet file that the factory wrote; None where there is none."""
    return " ".join(_says(path, home) for path in damaged_files(home)) or None


def damaged_files(home: Path) -> Iterator[Path]:
    """Those whose JSON cannot be read, or that do not begin and end as Parquet does."""
    for folder in ("tables", "datasets", "checkpoints", "scores", "reports"):
        for depth in range(DEPTH + 1):
            for path in sorted((home / folder).glob("*/" * depth + "*")):
                if path.is_file() and not path.name.startswith(".") and _is_damaged(path):
                    yield path


def _is_damaged(path: Path) -> bool:
    try:
        if path.suffix == ".json":
            json.loads(path.read_bytes())
        elif path.suffix == ".parquet":
            with path.open("rb") as file:
                begins = file.read(len(PARQUET))
                file.seek(max(0, path.stat().st_size - len(PARQUET)))
                return begins != PARQUET or file.read() != PARQUET
    except (OSError, ValueError, RecursionError):
        return True
    return False


def _says(path: Path, home: Path) -> str:
    parts = path.relative_to(home).parts
    maker = next((asset for begins, asset in MADE_BY.items() if parts[: len(begins)] == begins), None)
    if parts[0] == "tables":
        again = f"materialise `{parts[-2]}` for shard `{path.stem}` again"
    elif maker:
        again = f"delete it, and materialise `{maker}` again"
    else:
        again = "delete it, and run the checks again that wrote it"
    return f"{path} is damaged: {again}."
