"""Tables, images and files under LWV_HOME: where each lies, atomic writes, clear errors for what is missing."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

BATCH_ROWS = 256


class MissingTableError(FileNotFoundError):
    """A table that should have been written by an upstream asset is not there."""


class Store:
    """The folder of one factory (`LWV_HOME`).

    Layout: `tables/<table>/<shard>.parquet`, `images/<ab>/<sha256>.jpg` (each stored once), `datasets/`,
    `checkpoints/`, `scores/`, `reports/`. Every write goes to a temporary file beside its target and is renamed,
    so a reader sees the old file or the new one, never half of one.
    """

    def __init__(self, home: Path) -> None:
        self.home = Path(home).resolve()

    # -- tables ---------------------------------------------------------------------------------------------------
    def table_path(self, table: str, shard: str) -> Path:
        """Where a shard's table lies, whether it is there or not."""
        return self.home / "tables" / table / f"{shard}.parquet"

    def write_table(self, table: str, shard: str, rows: Iterable[Mapping[str, Any]], schema: pa.Schema) -> int:
        """Write a shard's table; returns the number of rows. Raises as `write_parquet`."""
        return self.write_parquet(self.table_path(table, shard), rows, schema)

    def write_parquet(self, path: Path, rows: Iterable[Mapping[str, Any]], schema: pa.Schema) -> int:
        """Write `rows` as one Parquet file, streaming in batches; returns the number of rows.

        Raises pa.ArrowInvalid/ArrowTypeError (a row does not fit `schema`); nothing is left behind then.
        """
        count = 0
        with self.replacing(path) as tmp, pq.ParquetWriter(tmp, schema) as writer:
            batch: list[Mapping[str, Any]] = []
            for row in rows:
                batch.append(row)
                count += 1
                if len(batch) == BATCH_ROWS:
                    writer.write_table(pa.Table.from_pylist(batch, schema=schema))
                    batch = []
            writer.write_table(pa.Table.from_pylist(batch, schema=schema))
        return count

    def read_table(self, table: str, shard: str) -> pa.Table:
        """A shard's whole table in memory. Raises MissingTableError."""
        path = self.table_path(table, shard)
        if not path.exists():
            raise MissingTableError(f"{path} is not there: materialise `{table}` for shard `{shard}` first.")
        return pq.read_table(path)

    def rows(self, table: str, shard: str, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
        """The rows of one shard's table, in order, a batch in memory at a time; only some `columns` where given."""
        path = self.table_path(table, shard)
        if not path.exists():
            raise MissingTableError(f"{path} is not there: materialise `{table}` for shard `{shard}` first.")
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(BATCH_ROWS, columns=columns):
                yield from batch.to_pylist()

    # -- images ---------------------------------------------------------------------------------------------------
    def image_path(self, sha256: str) -> Path:
        """Where the image with this sha256 (hex) lies."""
        return self.home / "images" / sha256[:2] / f"{sha256}.jpg"

    def put_image(self, jpeg: bytes) -> str:
        """Store JPEG bytes under their sha256 (hex) and return it; the same bytes are stored once."""
        sha256 = hashlib.sha256(jpeg).hexdigest()
        path = self.image_path(sha256)
        if not path.exists():
            self.write_bytes(path, jpeg)
        return sha256

    def read_image(self, sha256: str) -> bytes:
        """The JPEG bytes of the image with this sha256 (hex). Raises FileNotFoundError."""
        return self.image_path(sha256).read_bytes()

    # -- files ----------------------------------------------------------------------------------------------------
    def image_size(self, sha256: str) -> tuple[int, int]:
        """(width, height) in pixels, from the file's header."""
        from PIL import Image

        with Image.open(self.image_path(sha256)) as image:
            return image.size

    def write_bytes(self, path: Path, data: bytes) -> None:
        """Write a file in one rename."""
        with self.replacing(path) as tmp:
            tmp.write_bytes(data)

    def write_json(self, path: Path, value: Any) -> None:
        """Write a value as indented JSON with sorted keys, in one rename."""
        self.write_bytes(path, json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True).encode())

    @contextmanager
    def replacing(self, path: Path) -> Iterator[Path]:
        """A temporary path beside `path` that takes its place when the block ends well, and vanishes when not."""
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(handle)
        tmp = Path(name)
        try:
            yield tmp
            tmp.chmod(0o644)
            tmp.replace(path)
        finally:
            tmp.unlink(missing_ok=True)
