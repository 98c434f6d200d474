"""Where a secret stands in what the factory wrote, looked for without the code that masks it."""

import base64
import gzip
import json
import sqlite3
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

import pyarrow.parquet as pq


def forms(secret: str) -> list[str]:
    """A secret as people would look for it."""
    alone, basic = (base64.b64encode(text.encode()).decode().rstrip("=") for text in (secret, f":{secret}"))
    return list(dict.fromkeys([secret, secret[:14], secret[-14:], quote(secret, safe=""), alone, basic[2:]]))


def leaks(folders: Iterable[Path], secrets: Iterable[str]) -> list[str]:
    """`file: form` of each form of a secret that stands in a file below the folders, databases and archives opened."""
    wanted = [(form, form.encode()) for secret in secrets for form in forms(secret)]
    found = []
    for folder in folders:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            for what, data in contents(path):
                found += [f"{path.relative_to(folder)} {what}: {form}" for form, raw in wanted if raw in data]
    return found


def contents(path: Path) -> Iterator[tuple[str, bytes]]:
    """(how it was read, bytes) of a file: as it is, and as what it holds."""
    data = path.read_bytes()
    yield "raw", data
    if data.startswith(b"SQLite format 3\0"):
        with sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True) as database:
            yield "rows", "\n".join(database.iterdump()).encode()  # a long text lies in pieces in the file
    elif data.startswith(b"PAR1"):
        table = pq.read_table(path)
        yield "rows", json.dumps(table.to_pylist(), default=repr, ensure_ascii=False).encode()
        yield "metadata", repr(table.schema.metadata).encode()
    elif data.startswith(b"\x1f\x8b"):
        yield "unpacked", gzip.decompress(data)
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield "unpacked", b"".join(map(archive.read, archive.namelist()))
