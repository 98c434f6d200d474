"""What a factory's folder holds about an id: the register, tables, data sets, checkpoints, scores. Only reading."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa

from assets.benchmark_scores.score_files import scores_path, summary_path
from assets.quality.names import all_shards
from assets.source_images.register import FILE as REGISTER
from assets.traced_rows import FILE as PROVENANCE
from assets.traced_rows import Gate
from lwv_dagster.trace.trail import LeftOut, TrailCheckpoint, TrailDataSet, TrailScore
from resources.picked_rows import picked_rows
from resources.store import Store

GATES: tuple[Gate, ...] = get_args(Gate)
READERS = 4
ReadRow = Mapping[str, Any]  # of a table, a register or a file of JSON


@dataclass(frozen=True)
class DataSet:
    """A data set on the disk. provenance: None where it was written before there was one."""

    shown: TrailDataSet
    rows: Path
    provenance: Path | None
    manifest: ReadRow


class Evidence:
    """Of one LWV_HOME. What is damaged or half there is as good as not there."""

    def __init__(self, store: Store) -> None:
        self.store = store

    @cached_property
    def register(self) -> bytes:
        """The register of documents, unread."""
        path = self.store.home / REGISTER
        return path.read_bytes() if path.is_file() else b""

    def entries(self, needle: str, name: str) -> list[ReadRow]:
        """The lines of the register in which a field is this text, the newest of a path alone."""
        quoted = f'"{name}": {json.dumps(needle, ensure_ascii=False)}'.encode("utf-8", "surrogatepass")
        latest, at = dict[str, ReadRow](), self.register.find(quoted)
        while at >= 0:
            start, end = self.register.rfind(b"\n", 0, at) + 1, self.register.find(b"\n", at)
            entry = _json(self.register[start : end if end >= 0 else None])
            if entry and entry.get(name) == needle:
                latest[str(entry.get("path"))] = entry
            at = self.register.find(quoted, at + 1)
        return list(latest.values())

    def shards_of(self, document_id: str) -> list[str]:
        """The shards whose tables may hold a document."""
        if self.register:  # it has every document that was ever found
            named = dict.fromkeys(str(entry.get("shard")) for entry in self.entries(document_id, "document_id"))
            return [shard for shard in named if self.store.has_table("source_images", shard)]
        return [
            shard
            for shard in all_shards(self.store)
            if self.read("source_images", shard, ["document_id"], "document_id", [document_id])
        ]

    def read(self, table: str, shard: str, columns: Sequence[str], by: str, values: Sequence[str]) -> Sequence[ReadRow]:
        """Rows of a shard's table in which a column has one of these values."""
        return read_where(self.store.table_path(table, shard), columns, by, values)

    def pages_of_image(self, image: str) -> list[ReadRow]:
        """Every page that shows an image, in any shard."""
        columns = ["document_id", "page", "image_sha256", "source_path", "licence"]

        def pages(shard: str) -> Sequence[ReadRow]:
            return self.read("source_images", shard, columns, "image_sha256", [image])

        with ThreadPoolExecutor(READERS) as pool:  # no id says in which shard an image is
            return [row for found in pool.map(pages, all_shards(self.store)) for row in found]

    @cached_property
    def data_sets(self) -> list[DataSet]:
        """All of them, the current one of a gate first."""
        found = list[DataSet]()
        for gate in GATES:
            parent = self.store.home / "datasets" / gate
            now = (_json_file(parent / "current.json") or {}).get("id")
            for path in sorted(parent.glob("*/manifest.json")):
                manifest, rows = _json_file(path), path.with_name("train.parquet")
                if manifest and rows.is_file():
                    provenance, name = path.with_name(PROVENANCE), path.parent.name
                    shown = TrailDataSet(name, gate, int(manifest.get("rows") or 0), name == now)
                    found.append(DataSet(shown, rows, provenance if provenance.is_file() else None, manifest))
        return sorted(found, key=lambda each: not each.shown.current)

    @cached_property
    def checkpoints(self) -> list[TrailCheckpoint]:
        """All that were trained here."""
        found = list[TrailCheckpoint]()
        for kind in ("sft", "dpo"):
            for path in sorted((self.store.home / "checkpoints" / kind).glob("*/training.json")):
                if record := _json_file(path):
                    base = str(record.get("base") or "")
                    name = path.parent.name
                    found.append(TrailCheckpoint(name, kind, str(record.get("dataset_id") or ""), _last(base)))
        return found

    @cached_property
    def scored(self) -> Mapping[str, str]:
        """model -> the checkpoint of the last scores. Summaries from before it was kept name none."""
        found = (_json_file(summary_path(self.store)) or {}).get("checkpoints")
        return {str(model): str(name) for model, name in found.items()} if isinstance(found, dict) else {}

    def scores(self, items: Iterable[str] | None = None, models: Iterable[str] | None = None) -> list[TrailScore]:
        """The last scores, of some items or of some models."""
        columns = ["model", "item_id", "length_score", "quality_score"]
        by, values = ("item_id", items) if items is not None else ("model", models or ())
        return [
            TrailScore(
                f"{row['model']}:{row['item_id']}",
                row["model"],
                self.scored.get(row["model"], ""),
                row["length_score"],
                row["quality_score"],
            )
            for row in read_where(scores_path(self.store), columns, by, list(values))
        ]

    def left_out(self, document_ids: Sequence[str], shards: Sequence[str]) -> list[LeftOut]:
        """What steps and gates set aside of some documents."""
        found = list[LeftOut]()
        for folder in sorted((self.store.home / "tables" / "quarantine").glob("*")):
            for shard in (*shards, "all"):
                for row in read_where(
                    folder / f"{shard}.parquet", ["document_id", "example_id", "reason"], "document_id", document_ids
                ):
                    found.append(LeftOut(folder.name, row["example_id"] or row["document_id"], row["reason"]))
        return found


def read_where(path: Path, columns: Sequence[str], by: str, values: Collection[str]) -> Sequence[ReadRow]:
    """Rows of a Parquet file in which a column has one of these values; none where it cannot be read, or lacks it."""
    try:
        return picked_rows(path, by, values, columns)
    except (pa.ArrowException, OSError):
        return []


def _json_file(path: Path) -> dict[str, Any] | None:
    try:
        return _json(path.read_bytes())
    except OSError:
        return None


def _json(data: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _last(path: str) -> str:
    """The name of a checkpoint's folder; a model of elsewhere as it is named."""
    parts = path.rstrip("/").split("/")
    return parts[-1] if len(parts) > 2 and parts[-2] in ("sft", "dpo", "base") else path
