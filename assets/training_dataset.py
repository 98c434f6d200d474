"""Training datasets: what a quality gate let through, written exactly, and the manifest that says what it holds."""

import hashlib
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from assets.quality.gate import GateClosedError
from resources.authors import is_embedded
from resources.store import BATCH_ROWS, Store

Gate = Literal["sft", "preference"]
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])  # the Hugging Face Image layout, bytes left out


@dataclass(frozen=True)
class Manifest:
    """What one data set holds. `id` is the hash of its rows, so the same rows are the same data set."""

    id: str
    gate: str  # sft | preference
    path: str
    rows: int
    counts: dict[str, int]  # rows per kind
    authors: dict[str, int]  # rows per model that wrote or corrected them; a row of two counts for both
    shards: list[str]
    report: dict[str, Any] = field(default_factory=dict)  # what the gate decided, in numbers

    @property
    def embedded(self) -> bool:
        """True where the embedded model, or a student that learnt from it, wrote or corrected any of it."""
        return any(map(is_embedded, self.authors))


def write_dataset(
    store: Store,
    gate: Gate,
    shards: Sequence[str],
    schema: pa.Schema,
    rows: Iterable[dict[str, Any]],
    count_by: Callable[[dict[str, Any]], tuple[str, ...]],
    why_empty: Callable[[], str],
    report: dict[str, Any] | None = None,
) -> Manifest:
    """Write `datasets/<gate>/<id>/train.parquet` and `manifest.json`, and point `datasets/<gate>/current.json` at it.

    count_by: row -> its kind, and each model that wrote or corrected it. Rows stream through; where there are none,
    raises GateClosedError with `why_empty()`. report: goes into the manifest.
    """
    parent = store.home / "datasets" / gate
    parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=parent, prefix=".writing-"))
    try:
        digest, kinds, authors, total = hashlib.sha256(), Counter[str](), Counter[str](), 0
        with pq.ParquetWriter(work / "train.parquet", schema) as writer:
            for batch in _batches(rows):
                for row in batch:
                    kind, *models = count_by(row)
                    kinds[kind] += 1
                    authors.update(set(models))
                    names = [Path(image["path"]).stem for image in row["images"]]  # the id is the same in any LWV_HOME
                    digest.update(json.dumps({**row, "images": names}, sort_keys=True).encode())
                total += len(batch)
                writer.write_table(pa.Table.from_pylist(batch, schema=schema))
        if total == 0:
            raise GateClosedError(why_empty())
        dataset_id = digest.hexdigest()[:16]
        home = parent / dataset_id
        manifest = Manifest(
            dataset_id, gate, str(home / "train.parquet"), total, dict(kinds), dict(authors), list(shards), report or {}
        )
        home.mkdir(exist_ok=True)
        home.chmod(0o755)
        # Also where the same rows are there already: their images may lie elsewhere now (a moved LWV_HOME).
        (work / "train.parquet").replace(home / "train.parquet")
        store.write_json(home / "manifest.json", asdict(manifest))
        store.write_json(parent / "current.json", {"id": dataset_id})
        return manifest
    finally:
        shutil.rmtree(work, ignore_errors=True)


def current_manifest(store: Store, gate: Gate) -> Manifest:
    """The data set that the gate let through last. Raises GateClosedError where it let none through yet."""
    parent = store.home / "datasets" / gate
    pointer = parent / "current.json"
    if not pointer.exists():
        raise GateClosedError(f"{pointer} is not there: materialise `{gate}_dataset` first.")
    dataset_id = json.loads(pointer.read_text())["id"]
    raw = json.loads((parent / dataset_id / "manifest.json").read_text())
    raw.setdefault("gate", raw.pop("door", gate))  # its name before 0.2
    return Manifest(**raw)


def documents_of(store: Store, shards: Sequence[str], split: str) -> int:
    """How many documents of these shards stand in a split."""
    return len(
        {row["document_id"] for shard in shards for row in store.rows("source_images", shard) if row["split"] == split}
    )


def image_files(store: Store, images: Iterable[str]) -> list[dict[str, Any]]:
    """The `images` column of a row: paths of the store's files, in order, without bytes."""
    return [{"bytes": None, "path": str(store.image_path(sha256))} for sha256 in images]


def _batches(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH_ROWS:
            yield batch
            batch = []
    if batch:
        yield batch
