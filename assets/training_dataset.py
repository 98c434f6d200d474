"""Training datasets: the rows that a quality gate let through, and the manifest that describes them."""

import hashlib
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq

from assets.quality.gate import GateClosedError
from assets.quality.shard_states import pending_note
from assets.steps import STEP_OF
from assets.traced_rows import FILE as PROVENANCE_FILE
from assets.traced_rows import Gate as Gate  # of a training dataset: defined there, where it costs no import
from assets.traced_rows import OriginOf, ProvenanceWriter, made_under, no_origin
from resources.authors import is_embedded
from resources.dagster import Metadata
from resources.damaged_files import read_object
from resources.identity import UNKNOWN_RECIPE, IdentityRecord, TableIdentity
from resources.store import BATCH_ROWS, Store, batched
from resources.table import Row, Table, schema_of
from resources.training.rows.dataset_rows import ImageFile

ROWS = "train.parquet"
IMAGE = pa.struct(list(schema_of(ImageFile)))


@dataclass(frozen=True)
class Manifest:
    """What one data set holds. `id` is the hash of its rows, so the same rows are the same data set."""

    id: str
    gate: str  # sft | preference
    path: str  # of the rows, where they are now; on disk relative to LWV_HOME, which may be moved
    rows: int
    counts: dict[str, int]  # rows per kind
    authors: dict[str, int]  # rows per model that wrote or corrected them; a row of two counts for both
    shards: list[str]
    report: Mapping[str, object] = field(default_factory=dict)  # what the gate decided, in numbers
    made_with: IdentityRecord = field(default_factory=IdentityRecord)  # empty: written before 0.2
    pending: Mapping[str, str] = field(default_factory=dict)  # shard -> why it was left out for now

    @property
    def store(self) -> Store:
        """The factory that the data set belongs to."""
        return Store(Path(self.path).parents[3])

    @property
    def embedded(self) -> bool:
        """True where the embedded model, or a student that learnt from it, wrote or corrected any of it."""
        return any(map(is_embedded, self.authors))


def write_dataset(
    store: Store,
    gate: Gate,
    shards: Sequence[str],
    table: Table[Row],
    rows: Iterable[Row],
    count_by: Callable[[Row], tuple[str, ...]],
    why_empty: Callable[[], str],
    identity: TableIdentity,
    report: Mapping[str, object] | None = None,
    pending: Mapping[str, str] | None = None,
    origin_of: OriginOf = no_origin,
) -> Manifest:
    """Write `datasets/<gate>/<id>/train.parquet`, `provenance.parquet` and `manifest.json`, and point
    `datasets/<gate>/current.json` at it.

    count_by: row -> its kind, and each model that wrote or corrected it. Rows stream through; where there are none,
    raises GateClosedError with `why_empty()`. identity: what makes them; pending: shard -> why it was left out for now.
    Both go into the manifest, as does the report. origin_of: example -> where its rows come from.
    """
    parent = store.home / "datasets" / gate
    parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=parent, prefix=".writing-"))
    under = made_under(store, identity, STEP_OF[f"{gate}_dataset"].upstream, shards)
    try:
        digest, kinds, authors, total = hashlib.sha256(), Counter[str](), Counter[str](), 0
        with (
            pq.ParquetWriter(work / ROWS, table.schema) as writer,
            ProvenanceWriter(work / PROVENANCE_FILE, origin_of, under) as provenance,
        ):
            for batch in batched(rows, BATCH_ROWS):
                for row in batch:
                    kind, *models = count_by(row)
                    kinds[kind] += 1
                    authors.update(set(models))
                    digest.update(_fingerprint(row))
                    provenance.add(row)
                total += len(batch)
                writer.write_table(pa.Table.from_pylist(batch, schema=table.schema))
        if total == 0:
            waiting = f" {note}." if (note := pending_note(pending or {})) else ""
            raise GateClosedError(why_empty() + waiting)
        dataset_id = digest.hexdigest()[:16]
        home = parent / dataset_id
        manifest = Manifest(
            dataset_id,
            gate,
            str(home / ROWS),
            total,
            dict(kinds),
            dict(authors),
            list(shards),
            dict(report or {}),
            identity.with_content(dataset_id).as_json(),
            dict(pending or {}),
        )
        home.mkdir(exist_ok=True)
        home.chmod(0o755)
        # Also where the same rows were written before: their images may be elsewhere now (a moved LWV_HOME).
        for name in (PROVENANCE_FILE, ROWS):
            (work / name).replace(home / name)
        relative = (home / ROWS).relative_to(store.home).as_posix()
        store.write_json(home / "manifest.json", {**asdict(manifest), "path": relative})
        store.write_json(parent / "current.json", {"id": dataset_id})
        return manifest
    finally:
        shutil.rmtree(work, ignore_errors=True)


def read_manifest(store: Store, gate: Gate, dataset_id: str) -> Manifest:
    """A data set that the gate let through. Raises GateClosedError where it is not there."""
    path = store.home / "datasets" / gate / dataset_id / "manifest.json"
    if not path.exists():
        raise GateClosedError(f"{path} is not there: materialise `{gate}_dataset` again.")
    raw = read_object(path)
    raw.setdefault("gate", raw.pop("door", gate))  # its name before 0.2
    return Manifest(**{**raw, "path": str(path.with_name(ROWS))})


def current_manifest(store: Store, gate: Gate) -> Manifest:
    """The data set that the gate let through last. Raises GateClosedError where it let none through yet."""
    parent = store.home / "datasets" / gate
    pointer = parent / "current.json"
    if not pointer.exists():
        raise GateClosedError(f"{pointer} is not there: materialise `{gate}_dataset` first.")
    return read_manifest(store, gate, str(read_object(pointer, "id")["id"]))


def rows_of(manifest: Manifest, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """The rows of a training dataset, in order; columns: only these."""
    with pq.ParquetFile(manifest.path) as file:
        for batch in file.iter_batches(BATCH_ROWS, columns=columns):
            yield from batch.to_pylist()


def notes(*says: str) -> Metadata:
    """The note for people of an asset's metadata, out of clauses; empty ones, and a note of none, are left out."""
    found = "; ".join(filter(None, says))
    return {"note": found} if found else {}


def gate_metadata(manifest: Manifest) -> Metadata:
    """What made a training dataset, as the UI shows it."""
    return {
        "recipe": manifest.made_with.get("recipe_hash", UNKNOWN_RECIPE),
        "made_with": dg.MetadataValue.json(manifest.made_with),
    }


def image_files(store: Store, images: Iterable[str]) -> list[ImageFile]:
    """sha256 of each -> its file, in order."""
    return [{"bytes": None, "path": str(store.image_path(sha256))} for sha256 in images]


def image_here(store: Store, image: ImageFile) -> Path:
    """Where an image of a row is now: rows name it by where LWV_HOME was when they were written."""
    return store.image_path(Path(image["path"]).stem)


def bring_images_home(store: Store, dataset: Path) -> None:
    """Write a data set's rows anew where LWV_HOME was moved since, so that they name their images as they are now."""
    with pq.ParquetFile(dataset) as file:
        batches = file.iter_batches(BATCH_ROWS, columns=["images"])
        images = (image for batch in batches for row in batch.to_pylist() for image in row["images"])
        first = next(images, None)
        if first is None or Path(first["path"]) == image_here(store, first):
            return
        with store.replacing(dataset) as moved, pq.ParquetWriter(moved, file.schema_arrow) as writer:
            for batch in file.iter_batches(BATCH_ROWS):
                rows = [{**row, "images": _here(store, row["images"])} for row in batch.to_pylist()]
                writer.write_table(pa.Table.from_pylist(rows, schema=file.schema_arrow))


def _here(store: Store, images: Iterable[ImageFile]) -> list[ImageFile]:
    return [{**image, "path": str(image_here(store, image))} for image in images]


def _fingerprint(row: Mapping[str, object]) -> bytes:
    """What a row adds to its data set's id: the same in any LWV_HOME."""
    names = [Path(image["path"]).stem for image in cast(list[ImageFile], row["images"])]
    return json.dumps({**row, "images": names}, sort_keys=True).encode()
