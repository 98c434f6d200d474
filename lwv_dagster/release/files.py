"""How rows become files: Parquet shards with the images inside, or JSON Lines with image files beside them."""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, cast

import pyarrow as pa
import pyarrow.parquet as pq

from assets.training_dataset import IMAGE
from resources.json_types import Json

SHARD_BYTES = 500 * 2**20  # of one Parquet file, about
GROUP_BYTES = 32 * 2**20  # of one row group before compression: what is in memory at a time


class RowFile(Protocol):
    """A file of a release that is being written, row by row."""

    def write(self, row: Mapping[str, object]) -> None:
        """Add one row; columns whose names end in `images` are sequences of paths of JPEG files."""

    def close(self) -> None:
        """Write what is still in memory; the file is complete when this returns."""


class _Part(NamedTuple):
    """The Parquet file that is being written."""

    sink: pa.OSFile
    writer: pq.ParquetWriter


class ParquetShards:
    """`<folder>/train-00000-of-00003.parquet`, … with the images' bytes, as the Hugging Face hub has them.

    An image that stands in several rows of a row group, as the pages of a deck do in its preference pairs, is stored
    once there (Parquet's own dictionary).
    """

    def __init__(
        self, folder: Path, schema: pa.Schema, shard_bytes: int = SHARD_BYTES, group_bytes: int = GROUP_BYTES
    ) -> None:
        self.folder = folder
        self.schema = schema.with_metadata({"huggingface": json.dumps({"info": {"features": features(schema)}})})
        self.shard_bytes, self.group_bytes = shard_bytes, group_bytes
        self.rows: list[Mapping[str, object]] = []
        self.pending = 0
        self.parts: list[Path] = []
        self.part: _Part | None = None
        folder.mkdir(parents=True)

    def write(self, row: Mapping[str, object]) -> None:
        """Add one row, with the bytes of its `images`; it is on the disk when its row group is full."""
        images = [{"bytes": path.read_bytes(), "path": path.name} for path in _paths(row, "images")]
        self.rows.append({**row, "images": images})
        self.pending += sum(len(image["bytes"]) for image in images) + sum(
            len(value) if isinstance(value, str) else 200 for value in row.values()
        )
        if self.pending >= self.group_bytes:
            self._flush()

    def close(self) -> None:
        """Write the last row group, and give each shard its name."""
        self._flush()
        self._end_part()
        for number, part in enumerate(self.parts):
            part.rename(self.folder / f"train-{number:05d}-of-{len(self.parts):05d}.parquet")

    def _flush(self) -> None:
        if not self.rows:
            return
        part = self.part = self.part or self._new_part()
        part.writer.write_table(pa.Table.from_pylist(self.rows, schema=self.schema))
        self.rows, self.pending = [], 0
        if part.sink.tell() >= self.shard_bytes:
            self._end_part()

    def _new_part(self) -> _Part:
        self.parts.append(self.folder / f".part-{len(self.parts):05d}")
        sink = pa.OSFile(str(self.parts[-1]), "wb")
        pages = 2 * self.group_bytes
        return _Part(sink, pq.ParquetWriter(sink, self.schema, compression="zstd", dictionary_pagesize_limit=pages))

    def _end_part(self) -> None:
        if self.part is not None:
            self.part.writer.close()
            self.part.sink.close()
            self.part = None


class JsonLines:
    """`<folder>/<name>.jsonl`, UTF-8; image paths are relative to the folder, under `images/`, each file once."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.file = (folder / f"{name}.jsonl").open("w", encoding="utf-8")

    def write(self, row: Mapping[str, object]) -> None:
        """Add one row, and the files of its images where they are not there yet."""
        placed = {name: [self._place(path) for path in _paths(row, name)] for name in row if name.endswith("images")}
        self.file.write(json.dumps({**row, **placed}, ensure_ascii=False) + "\n")

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def _place(self, path: Path) -> str:
        name = Path("images") / path.name[:2] / path.name
        target = self.folder / name
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(path, target)  # the store never changes a file in place, so one copy is enough
            except OSError:
                shutil.copyfile(path, target)
        return name.as_posix()


def _paths(row: Mapping[str, object], name: str) -> Sequence[Path]:
    return cast(Sequence[Path], row[name])  # by the rule of RowFile.write; what is no path fails where it is read


def features(schema: pa.Schema) -> dict[str, Json]:
    """The schema as `datasets` writes it into a Parquet file, so that images are opened as images."""
    return {field.name: _feature(field.type) for field in schema}


def _feature(kind: pa.DataType) -> Json:
    if kind == IMAGE:
        return {"_type": "Image"}
    if pa.types.is_struct(kind):
        return {field.name: _feature(field.type) for field in kind}
    if pa.types.is_list(kind):
        inner = _feature(kind.value_type)
        # `datasets` up to 3 knows no List, and a Sequence of structs is a struct of lists there.
        return (
            [inner]
            if pa.types.is_struct(kind.value_type) and kind.value_type != IMAGE
            else {"feature": inner, "_type": "Sequence"}
        )
    return {"dtype": {"float": "float32", "double": "float64"}.get(str(kind), str(kind)), "_type": "Value"}
