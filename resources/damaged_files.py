"""Which files under the factory's home are damaged, and what makes each again."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from resources.failures import StorageError

PARQUET = b"PAR1"  # how a file begins and ends
# What is made by which asset, by the beginning of a file's path below the home.
MADE_BY = {
    ("datasets", "sft"): "sft_dataset",
    ("datasets", "preference"): "preference_dataset",
    ("checkpoints", "sft"): "sft_checkpoint",
    ("checkpoints", "dpo"): "dpo_checkpoint",
    ("scores",): "benchmark_scores",
}
FOLDERS = ("tables", "datasets", "checkpoints", "scores", "reports")
DEPTH = 3  # folders below the home's own: deeper ones are the students' and Dagster's


def damage(home: Path) -> str | None:
    """A sentence for each damaged JSON or Parquet file that the factory wrote; None where there is none."""
    return " ".join(_says(path) for path in damaged_files(home)) or None


def damaged_files(home: Path) -> Iterator[Path]:
    """Those whose JSON cannot be read, or that do not begin and end as Parquet does."""
    for folder in FOLDERS:
        for depth in range(DEPTH + 1):
            for path in sorted((home / folder).glob("*/" * depth + "*")):
                if path.is_file() and not path.name.startswith(".") and _is_damaged(path):
                    yield path


def read_object(path: Path, *keys: str) -> dict[str, Any]:
    """The JSON object in a file that the factory wrote, which has these keys.

    Raises StorageError, which names the file and what makes it again; OSError where it cannot be read.
    """
    found = _object(path.read_bytes())
    if found is None or not found.keys() >= set(keys):
        raise StorageError(_says(path))
    return found


def _object(data: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _is_damaged(path: Path) -> bool:
    try:
        if path.suffix == ".json":
            return _object(path.read_bytes()) is None
        if path.suffix == ".parquet":
            with path.open("rb") as file:
                begins = file.read(len(PARQUET))
                file.seek(max(0, path.stat().st_size - len(PARQUET)))
                return begins != PARQUET or file.read() != PARQUET
    except OSError:
        return True
    return False


def _says(path: Path) -> str:
    parts = path.parts
    parts = parts[max((at for at, part in enumerate(parts[:-1]) if part in FOLDERS), default=0) :]
    maker = next((asset for begins, asset in MADE_BY.items() if parts[: len(begins)] == begins), None)
    if parts[0] == "tables":
        again = f"materialise `{parts[-2]}` for shard `{path.stem}` again"
    elif maker:
        again = f"delete it, and materialise `{maker}` again"
    else:
        again = "delete it, and run the checks again that wrote it"
    return f"{path} is damaged: {again}."
