"""The factory's tables as DuckDB reads them, straight from their files: nothing is imported, copied or written."""

import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from assets.corrected_segments.schema import CORRECTED_SEGMENTS
from assets.instructions.schema import INSTRUCTIONS
from assets.long_outputs.schema import LONG_OUTPUTS
from assets.preference_pairs.schema import PREFERENCE_PAIRS
from assets.segments.schema import SEGMENTS
from assets.signals.schema import SIGNALS
from assets.source_files.schema import SOURCE_FILES
from assets.source_images.schema import SOURCE_IMAGES
from resources.store import Store
from resources.table import Table
from resources.text.shown import in_line

TABLES: Mapping[str, Table[Any]] = {
    table.name: table
    for table in (
        SOURCE_IMAGES,
        INSTRUCTIONS,
        LONG_OUTPUTS,
        SEGMENTS,
        CORRECTED_SEGMENTS,
        PREFERENCE_PAIRS,
        SIGNALS,
        SOURCE_FILES,
    )
}
THREADS = 2
MEMORY = "150MB"  # of DuckDB; what does not fit is written to a temporary folder
NAMED = 3  # shards that a note lists
TRIES = 8  # to read tables that are replaced meanwhile
_ASKED = re.compile(r"\b(?:FROM|JOIN)\s+([a-z_]+)")
Row = dict[str, Any]
Found = TypeVar("Found")


class TablesError(RuntimeError):
    """Tables that cannot be read now; the sentence says which and what to do."""


class _Seen(NamedTuple):
    """A file as it was looked at. fault: why it is left out; lacks: columns that its version did not have."""

    stamp: tuple[int, int, int]
    fault: str
    lacks: tuple[str, ...]


@dataclass(frozen=True)
class Files:
    """The files of one table. good: by shard; lacking: of them, those of an older version; bad: shard -> why not."""

    good: dict[str, Path] = field(default_factory=dict)
    lacking: dict[str, tuple[str, ...]] = field(default_factory=dict)
    bad: dict[str, str] = field(default_factory=dict)
    stamps: tuple[object, ...] = ()


class Tables:
    """The tables of a factory's home. May be used by several threads at once."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._spill = tempfile.TemporaryDirectory(prefix="lwv-look-")
        self._connection = duckdb.connect(
            ":memory:",
            config={
                "threads": THREADS,
                "memory_limit": MEMORY,
                "temp_directory": self._spill.name,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            },
        )
        # From here on it reads the tables, and no other file or address whatever a query says.
        self._connection.execute(f"SET allowed_directories=[{_quoted(f'{store.home}/tables/')}]")
        self._connection.execute("SET enable_external_access=false")
        self._connection.execute("SET lock_configuration=true")
        self._seen: dict[Path, _Seen] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the connection and remove what was spilled."""
        self._connection.close()
        self._spill.cleanup()

    def rows(
        self,
        sql: str,
        values: Mapping[str, object] | Sequence[object] = (),
        shards: Iterable[str] | None = None,
        **more: pa.Table,
    ) -> list[Row]:
        """The rows of a query, as dicts. Each name of TABLES behind `FROM` or `JOIN` is that table of all shards, or of
        `shards` alone, with the column `shard`; one that is not there yet has no rows. more: further tables by name.
        values: of `?` or `$name`.

        Raises TablesError.
        """
        only = None if shards is None else set(shards)
        return _tried(lambda: self._rows(sql, values, only, more))

    def table(self, sql: str, values: Mapping[str, object] | Sequence[object] = (), **more: pa.Table) -> pa.Table:
        """As `rows`, of all shards, as an Arrow table: for charts."""

        def read() -> pa.Table:
            with self._cursor(sql, None, more) as cursor:
                return cursor.sql(sql, params=values or None).to_arrow_table()

        return _tried(read)

    def files(self, table: str) -> Files:
        """The files of a table as they are now."""
        with self._lock:  # who comes second finds the footers read
            return self._files(table)

    def _files(self, table: str) -> Files:
        found, stamps = Files(), list[object]()
        for path in sorted((self.store.home / "tables" / table).glob("*.parquet")):
            seen = self._look(path, TABLES[table])
            if seen is None:
                continue
            stamps.append((path.stem, seen.stamp))
            if seen.fault:
                found.bad[path.stem] = seen.fault
                continue
            found.good[path.stem] = path
            if seen.lacks:
                found.lacking[path.stem] = seen.lacks
        return Files(found.good, found.lacking, found.bad, tuple(stamps))

    def shards(self, table: str) -> list[str]:
        """The shards that have this table."""
        return list(self.files(table).good)

    def stamp(self, *tables: str) -> tuple[object, ...]:
        """Changes with any file of these tables: what was computed of them is kept under it."""
        return tuple(self.files(table).stamps for table in tables)

    def notes(self, *tables: str) -> list[str]:
        """A sentence for each table of which something cannot be shown: damaged, or of another version."""
        found = list[str]()
        for name in tables:
            files = self.files(name)
            if files.bad:
                why = next(iter(files.bad.values()))
                found.append(f"Left out: `{name}` of {_some(files.bad)} ({why}): materialise it again.")
            if files.lacking:
                missing = ", ".join(dict.fromkeys(column for each in files.lacking.values() for column in each))
                found.append(
                    f"`{name}` of {_some(files.lacking)} is of an older version, without {missing}: "
                    "materialise it again to see these."
                )
        return found

    def require(self, shard: str, *tables: str) -> None:
        """Raise TablesError where a table of a shard is there and cannot be read as a whole."""
        for name in tables:
            files = self.files(name)
            if shard in files.bad:
                raise TablesError(
                    f"`{name}` of {in_line(shard)} cannot be used ({files.bad[shard]}): materialise it again."
                )
            if shard in files.lacking:
                missing = ", ".join(files.lacking[shard])
                raise TablesError(
                    f"`{name}` of {in_line(shard)} is of an older version, without {missing}: materialise it again."
                )

    def _look(self, path: Path, table: Table[Any]) -> _Seen | None:
        """What is known of a file, by its footer; None where it was taken away meanwhile."""
        try:
            stat = path.stat()
        except OSError:
            return None
        stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        known = self._seen.get(path)
        if known is None or known.stamp != stamp:
            try:
                known = _Seen(stamp, *_compared(pq.read_schema(path), table.schema))
            except FileNotFoundError:
                return None
            except (pa.ArrowException, OSError) as error:
                known = _Seen(stamp, f"it cannot be read: {in_line(str(error))[:120]}", ())
            self._seen[path] = known
        return known

    def _rows(
        self,
        sql: str,
        values: Mapping[str, object] | Sequence[object],
        only: set[str] | None,
        more: Mapping[str, pa.Table],
    ) -> list[Row]:
        with self._cursor(sql, only, more) as cursor:
            cursor.execute(sql, values or None)
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def _cursor(self, sql: str, only: set[str] | None, more: Mapping[str, pa.Table]) -> "_Cursor":
        return _Cursor(self, self._connection.cursor(), set(_ASKED.findall(sql)) & set(TABLES), only, more)


class _Cursor:
    """A connection of its own on the same database, with the views that a query asks for."""

    def __init__(
        self,
        tables: Tables,
        cursor: duckdb.DuckDBPyConnection,
        names: Iterable[str],
        only: set[str] | None,
        more: Mapping[str, pa.Table],
    ) -> None:
        self._cursor = cursor
        for name in names:
            files = tables.files(name)
            paths = {shard: path for shard, path in files.good.items() if only is None or shard in only}
            empty = _empty(TABLES[name])
            if not paths:
                cursor.register(name, empty)
                continue
            lacking = any(shard in files.lacking for shard in paths)
            if lacking:
                cursor.register("lacking_nothing", empty)
            cursor.execute(f"CREATE TEMP VIEW {name} AS {_reading(TABLES[name], paths.values(), lacking)}")
        for name, rows in more.items():
            cursor.register(name, rows)

    def __enter__(self) -> duckdb.DuckDBPyConnection:
        return self._cursor

    def __exit__(self, *_error: object) -> None:
        self._cursor.close()


def _tried(read: Callable[[], Found]) -> Found:
    """What is read, once more where a file was replaced between looking for it and reading it. Raises TablesError."""
    for tries in range(1, TRIES + 1):
        try:
            return read()
        except duckdb.IOException as error:
            if tries == TRIES:
                raise TablesError(_says(error)) from error
            time.sleep(0.01 * tries)
        except duckdb.Error as error:
            raise TablesError(_says(error)) from error
    raise AssertionError("unreachable")


def _reading(table: Table[Any], paths: Iterable[Path], lacking: bool) -> str:
    files = ", ".join(_quoted(str(path)) for path in paths)
    own = ", shard" if "shard" in table.schema.names else ""  # the file's name says in which one a row is used
    more = " UNION ALL BY NAME SELECT * FROM lacking_nothing" if lacking else ""
    return (
        f"SELECT * EXCLUDE (filename{own}), parse_filename(filename, true) AS shard "  # noqa: S608  # names of ours
        f"FROM read_parquet([{files}], filename=true, union_by_name={str(lacking).lower()}){more}"
    )


def _empty(table: Table[Any]) -> pa.Table:
    schema = table.schema
    return (schema if "shard" in schema.names else schema.append(pa.field("shard", pa.string()))).empty_table()


def _compared(found: pa.Schema, wanted: pa.Schema) -> tuple[str, tuple[str, ...]]:
    """(why a file cannot be read with this version, or empty; the columns that it lacks)."""
    columns = {name: found.field(name).type for name in found.names}
    off = [name for name in wanted.names if name in columns and columns[name] != wanted.field(name).type]
    fault = f"its column `{off[0]}` is of another version" if off else ""
    return fault, tuple(name for name in wanted.names if name not in columns)


def _some(shards: Iterable[str]) -> str:
    names = list(shards)
    more = f" and {len(names) - NAMED} more shards" if len(names) > NAMED else ""
    return in_line(", ".join(names[:NAMED]) + more)


def _says(error: duckdb.Error) -> str:
    if isinstance(error, duckdb.OutOfMemoryException):
        return f"This takes more than the {MEMORY} that the tables are read with: choose fewer shards."
    return f"A table cannot be read now ({in_line(str(error).partition(chr(10))[0])[:200]}): try again in a moment."


def _quoted(text: str) -> str:
    escaped = text.replace("'", "''")
    return f"'{escaped}'"
