"""Tables, images and files under LWV_HOME: where each is, atomic writes, clear errors for what is missing."""

import hashlib
import json
import os
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import TypeVar, cast

import pyarrow as pa
import pyarrow.parquet as pq

from resources.identity import TableIdentity, read_identity
from resources.leftovers import hold, sweep
from resources.picked_rows import picked_rows
from resources.secrets import mask
from resources.table import Row, Table
from resources.text.shown import clean_row

BATCH_ROWS = 256
GROUP_BYTES = 8_000_000  # of rows that are stored together: many small groups make a table slow to look through
R = TypeVar("R")


class MissingTableError(FileNotFoundError):
    """A table that should have been written by an upstream asset is not there."""


class MissingImageError(FileNotFoundError):
    """An image that a table names is not there, or cannot be read."""


class DamagedTableError(OSError):
    """A table's file is there and cannot be read."""


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
        """Where one shard's table is, written or not."""
        return self.home / "tables" / table / f"{shard}.parquet"

    def write_table(
        self, table: Table[Row], shard: str, rows: Iterable[Row], identity: TableIdentity | None = None
    ) -> int:
        """Write one shard; returns the number of rows. identity: what made them, kept in the file (`identity`)."""
        return self.write_parquet(
            self.table_path(table.name, shard), rows, table.schema, identity or TableIdentity(table.version)
        )

    def write_parquet(
        self, path: Path, rows: Iterable[Mapping[str, object]], schema: pa.Schema, identity: TableIdentity
    ) -> int:
        """Write `rows` as one Parquet file, streaming in batches; returns the number of rows. Texts are cleaned
        (`clean_text`).

        Raises pa.ArrowInvalid/ArrowTypeError (a row does not fit `schema`); nothing is left behind then.
        """
        count, content, group = 0, hashlib.sha256(), list[pa.RecordBatch]()
        with self.replacing(path) as tmp, pq.ParquetWriter(tmp, schema) as writer:
            for rows_of_batch in batched(rows, BATCH_ROWS):
                batch = pa.RecordBatch.from_pylist(clean_row(rows_of_batch), schema=schema)
                content.update(batch.serialize())
                count += batch.num_rows
                group.append(batch)
                if sum(each.nbytes for each in group) >= GROUP_BYTES:
                    writer.write_table(pa.Table.from_batches(group))
                    group = []
            if group:
                writer.write_table(pa.Table.from_batches(group))
            writer.add_key_value_metadata(identity.with_content(content.hexdigest()).as_metadata())
        return count

    def identity(self, table: str, shard: str) -> TableIdentity | None:
        """What made a shard's table; None where it was written before tables had an identity, or is no Parquet file.

        Raises MissingTableError.
        """
        path = self._existing(table, shard)
        try:
            return read_identity(pq.read_metadata(path).metadata)
        except (pa.ArrowException, OSError):  # OSError: Arrow's own, of a footer that makes no sense
            return None

    def content(self, table: str, shard: str) -> str:
        """sha256 (hex) over the table's rows; over its file where it has no identity. Raises MissingTableError."""
        found = self.identity(table, shard)
        return found.content if found and found.content else file_hash(self.table_path(table, shard))

    def read_table(self, table: str, shard: str, columns: Sequence[str] | None = None) -> pa.Table:
        """The whole table of one shard, or some columns of it. Raises MissingTableError, DamagedTableError."""
        with self._readable(table, shard) as path:
            return pq.read_table(path, columns=None if columns is None else list(columns))

    def rows(self, table: Table[Row], shard: str, columns: Sequence[str] | None = None) -> Iterator[Row]:
        """The rows of one shard's table, in order, a batch in memory at a time; only some `columns` where given.

        Raises MissingTableError, DamagedTableError.
        """
        with self._readable(table.name, shard) as path, pq.ParquetFile(path) as file:
            _require_key(file.schema_arrow, table)
            for batch in file.iter_batches(BATCH_ROWS, columns=columns):
                yield from batch.to_pylist()

    def rows_where(
        self, table: Table[Row], shard: str, column: str, values: Collection[str], columns: Sequence[str] | None = None
    ) -> Iterator[Row]:
        """The rows of one shard's table whose text in `column` is one of these values; only some `columns` where given.
        Of all the others only that column is read.

        Raises MissingTableError, DamagedTableError.
        """
        with self._readable(table.name, shard) as path:
            _require_key(pq.read_schema(path), table)
            yield from cast(list[Row], picked_rows(path, column, values, columns))

    @contextmanager
    def _readable(self, table: str, shard: str) -> Iterator[Path]:
        path = self._existing(table, shard)
        try:
            yield path
        except (pa.ArrowException, OSError) as error:
            why = str(error).partition("\n")[0]
            raise DamagedTableError(
                f"{path} cannot be read ({why}): materialise `{table}` for shard `{shard}` again."
            ) from error

    def has_table(self, table: str, shard: str) -> bool:
        """Whether the table was written for this shard."""
        return self.table_path(table, shard).exists()

    def _existing(self, table: str, shard: str) -> Path:
        path = self.table_path(table, shard)
        if not path.exists():
            raise MissingTableError(f"{path} is not there: materialise `{table}` for shard `{shard}` first.")
        return path

    # -- images ---------------------------------------------------------------------------------------------------
    def image_path(self, sha256: str) -> Path:
        """Where the image with this sha256 (hex) is."""
        return self.home / "images" / sha256[:2] / f"{sha256}.jpg"

    def put_image(self, jpeg: bytes) -> str:
        """Store JPEG bytes under their sha256 (hex) and return it; the same bytes are stored once."""
        sha256 = hashlib.sha256(jpeg).hexdigest()
        path = self.image_path(sha256)
        if not path.exists():
            self.write_bytes(path, jpeg)
        return sha256

    def read_image(self, sha256: str) -> bytes:
        """The JPEG bytes of the image with this sha256 (hex). Raises MissingImageError."""
        path = self.image_path(sha256)
        try:
            return path.read_bytes()
        except OSError as error:
            raise MissingImageError(
                f"{path} cannot be read ({error.strerror}): materialise `source_images` of its shard again."
            ) from error

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

    def write_json(self, path: Path, value: object) -> None:
        """Write a value as indented JSON with sorted keys, in one rename, without secrets."""
        text = json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True)
        self.write_bytes(path, mask(text).encode("utf-8", "replace"))

    def sweep(self) -> int:
        """Remove the temporary files of writers that were killed; returns how many."""
        found = (self.home.glob(f"{place}.*") for place in ("images/*/", "tables/**/", "reading/*/"))
        return sweep(chain.from_iterable(found))

    @contextmanager
    def replacing(self, path: Path) -> Iterator[Path]:
        """A temporary path beside `path` that replaces it when the block ends well, and is deleted when it raises."""
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        tmp = Path(name)
        try:
            hold(handle)  # whoever finds the file and no lock on it knows that its writer was killed
            yield tmp
            tmp.chmod(0o644)
            tmp.replace(path)
        finally:
            tmp.unlink(missing_ok=True)
            os.close(handle)


def _require_key(found: pa.Schema, table: Table[Row]) -> None:
    """Raises ArrowInvalid where a file lacks the table's first column, which every version of it has."""
    key = table.schema.names[0]
    if key not in found.names:
        raise pa.ArrowInvalid(f"it has no column `{key}`")


def batched(rows: Iterable[R], size: int) -> Iterator[list[R]]:
    """Lists of at most `size` rows, the last one shorter; an empty one where there are no rows."""
    rest = iter(rows)
    batch = list(islice(rest, size))
    yield batch
    while batch := list(islice(rest, size)):
        yield batch


def file_hash(path: Path) -> str:
    """sha256 (hex) of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
