"""The file of the catalogue, `<home>/catalog.jsonl`: a line per document and per change, only ever added to."""

import fcntl
import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from assets.source_images.schema import Kind
from assets.source_images.splits import Split

FILE = "catalog.jsonl"


class CatalogError(ValueError):
    """The register, or the place that it is about, makes no sense; the message says where and what to do."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One document. size: bytes; mtime_ns: the newest of its files; path: posix, relative to the sources folder."""

    document_id: str  # first 16 hex digits of the sha256 over its bytes (folders: names and bytes)
    collection: str
    shard: str  # <collection>-<nnn>, for good
    split: Split
    kind_hint: Kind  # by headers alone; the table says what was read
    path: str
    size: int
    mtime_ns: int
    duplicate_of: str | None  # path of the document that has the same bytes and is read
    readable: bool  # by headers, or by what its shard's run found; only such documents keep a split from being empty
    gone: bool = False  # from its path, when the sources were last scanned


@contextmanager
def locked(path: Path) -> Iterator[IO[bytes]]:
    """The register, to be read and added to by one process at a time."""
    with path.open("ab+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # freed when the file is closed, or the process dies
        file.seek(0)
        yield file


def latest_entries(path: Path) -> dict[str, Entry]:
    """The latest line by document's path, in the order in which paths were first seen; none where there is no file.

    Raises CatalogError.
    """
    if not path.exists():
        return {}
    with path.open("rb") as file:
        return {entry.path: entry for entry in read_entries(file, path)}


def read_entries(file: IO[bytes], path: Path) -> Iterator[Entry]:
    """Every whole line, a line in memory at a time; what follows the last newline is a half-written one.

    Raises CatalogError.
    """
    for number, line in enumerate(file, 1):
        if not line.endswith(b"\n"):
            return
        try:
            raw = json.loads(line)
            for name in ("collection", "shard", "split", "kind_hint"):  # few values in many lines
                raw[name] = sys.intern(raw[name])
            yield Entry(**raw)
        except (ValueError, TypeError, KeyError) as error:
            raise CatalogError(
                f"line {number} of {path} cannot be read ({error}); restore the file from a backup, "
                "or delete that line to have its document registered anew"
            ) from error


def add_entries(file: IO[bytes], entries: Iterable[Entry]) -> None:
    """Cut off a half-written last line, then add whole ones and wait for the disk."""
    lines = b"".join(json.dumps(asdict(entry), ensure_ascii=False).encode() + b"\n" for entry in entries)
    size = whole = file.seek(0, os.SEEK_END)
    while whole and not _ends_line(file, whole):
        whole -= 1
    if size > whole:
        file.truncate(whole)
    if lines:
        file.write(lines)  # opened to append: always at the end
        file.flush()
        os.fsync(file.fileno())


def _ends_line(file: IO[bytes], end: int) -> bool:
    file.seek(end - 1)
    return file.read(1) == b"\n"
