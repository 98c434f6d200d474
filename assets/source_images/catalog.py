"""The register of documents: which shard and which split each one belongs to, kept for good once given.

One JSON line per document in LWV_HOME/catalog.jsonl, only ever appended to; the latest line of a path counts.
"""

import fcntl
import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from assets.source_images.pages import DOCUMENT_SUFFIXES, IMAGE_SUFFIXES, document_kind
from assets.source_images.reader import looks_readable

SPLITS = {"benchmark": (0.0, 0.1), "preference": (0.1, 0.3), "sft": (0.3, 1.0)}  # by document hash, as a share of 1


class NoSources(RuntimeError):
    """There is nothing to read; the sentence says where documents were looked for."""


@dataclass(frozen=True)
class Entry:
    """One document of the catalog."""

    path: str             # relative to LWV_SOURCES, '/' between its parts; a file, or a folder of images
    document_id: str      # first 16 hex digits of the sha256 over its bytes (a folder: over names and bytes)
    collection: str
    shard: str
    split: str
    kind: str             # single | multi | deck, as far as the path and a first look tell
    size: int             # bytes
    mtime_ns: int         # newest of its files
    readable: bool        # a first look found what its name promises
    duplicate_of: str = ""   # path of an earlier document with the same bytes


class Catalog:
    """The register under `home` of the documents under `sources`; `shard_documents` is a shard's largest size."""

    def __init__(self, home: Path, sources: Path, shard_documents: int = 256) -> None:
        self.file = Path(home) / "catalog.jsonl"
        self.sources = Path(sources)
        self.shard_documents = shard_documents

    def entries(self) -> dict[str, Entry]:
        """path -> entry, oldest first. A last line that a crash cut off is ignored."""
        found: dict[str, Entry] = {}
        if self.file.exists():
            for line in self.file.read_text(encoding="utf-8").splitlines():
                try:
                    entry = Entry(**json.loads(line))
                except (ValueError, TypeError):
                    continue
                found[entry.path] = entry
        return found

    def shards(self) -> list[str]:
        return sorted({entry.shard for entry in self.entries().values()})

    def documents(self, shard: str) -> list[Entry]:
        return [entry for entry in self.entries().values() if entry.shard == shard]

    def scan(self) -> list[Entry]:
        """Register what is new or changed under the sources and return it. Unchanged files are not read again.

        Raises NoSources where there is no document, ValueError where two collections would share a name.
        """
        with self._locked():
            known = self.entries()
            fresh = list(self._fresh(known))
            if not known and not fresh:
                raise NoSources(f"No document under {self.sources} (LWV_SOURCES): put images, PDF or PPTX files into a "
                                "folder there, one folder per collection.")
            splits = assign_splits([entry for entry in fresh if not entry.split], list(known.values()))
            placed = place(((replace(entry, split=entry.split or splits[entry.document_id])) for entry in fresh),
                           known.values(), self.shard_documents)
            if placed:
                self._append(placed)
            return placed

    def _fresh(self, known: dict[str, Entry]) -> Iterator[Entry]:
        """Entries of new and changed documents, without shard; a known path keeps its shard and split."""
        by_hash = {entry.document_id: entry for entry in reversed(known.values()) if not entry.duplicate_of}
        for folder, collection in self._collections().items():
            for path in documents_in(folder):
                name = path.relative_to(self.sources).as_posix()
                size, mtime_ns = stamp(path)
                before = known.get(name)
                if before and (before.size, before.mtime_ns) == (size, mtime_ns):
                    continue
                document_id = hash_document(path)
                twin = by_hash.get(document_id)
                entry = Entry(name, document_id, collection, before.shard if before else "",
                              before.split if before else twin.split if twin else "", document_kind(path), size,
                              mtime_ns, looks_readable(path), twin.path if twin and twin.path != name else "")
                by_hash.setdefault(document_id, entry)
                yield entry

    def _collections(self) -> dict[Path, str]:
        if not self.sources.is_dir():
            raise NoSources(f"{self.sources} is no folder: set LWV_SOURCES to a folder with one folder per collection.")
        names: dict[Path, str] = {}
        for folder in sorted(path for path in self.sources.iterdir() if path.is_dir() and path.name[0] != "."):
            name = re.sub(r"[^a-z0-9_]+", "-", folder.name.lower()).strip("-") or "collection"
            if name in names.values():
                raise ValueError(f"Two folders of {self.sources} would both be the collection '{name}': rename one.")
            names[folder] = name
        return names

    def _append(self, entries: Sequence[Entry]) -> None:
        text = "".join(json.dumps(asdict(entry), ensure_ascii=False) + "\n" for entry in entries)
        with self.file.open("ab+") as file:
            if file.tell() > 0:
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":     # a crash cut the last line: close it, so that ours stands alone
                    text = "\n" + text
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def documents_in(collection: Path) -> list[Path]:
    """The documents of one collection folder, by name: files of a known type, and folders that hold images."""
    found = []
    for path in sorted(collection.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            if any(child.suffix.lower() in IMAGE_SUFFIXES for child in path.iterdir()):
                found.append(path)
        elif path.suffix.lower() in DOCUMENT_SUFFIXES:
            found.append(path)
    return found


def files_of(path: Path) -> list[Path]:
    """The files that make up a document, by name."""
    if path.is_dir():
        return sorted(child for child in path.iterdir()
                      if child.suffix.lower() in IMAGE_SUFFIXES and not child.name.startswith("."))
    return [path]


def stamp(path: Path) -> tuple[int, int]:
    """(bytes, newest mtime in ns) over a document's files."""
    stats = [file.stat() for file in files_of(path)]
    return sum(stat.st_size for stat in stats), max(stat.st_mtime_ns for stat in stats)


def hash_document(path: Path) -> str:
    """First 16 hex digits of the sha256 over the bytes; a folder's file names count as well."""
    digest = hashlib.sha256()
    for file in files_of(path):
        if path.is_dir():
            digest.update(f"\x00{file.name}\x00".encode())
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()[:16]


def place(entries: Iterable[Entry], known: Iterable[Entry], most: int) -> list[Entry]:
    """Give each entry without a shard one: a collection's last shard fills up to `most` documents, then a new one."""
    members = {entry.path: entry.shard for entry in known}
    counts = Counter(members.values())
    placed = []
    for entry in entries:
        if not entry.shard:
            number = 0
            while counts[f"{entry.collection}-{number:03d}"] >= most:
                number += 1
            entry = replace(entry, shard=f"{entry.collection}-{number:03d}")
            counts[entry.shard] += 1
        placed.append(entry)
    return placed


def assign_splits(new: Sequence[Entry], existing: Sequence[Entry]) -> dict[str, str]:
    """document_id -> split for new documents: by hash alone, so the same bytes are always in the same split.

    One exception, for small folders: as soon as there are three readable documents, no split stays empty. A document
    moves into an empty split from the fullest one: a deck where there are two, since only decks and long texts give
    many preference pairs, and otherwise the one whose hash is nearest.
    """
    splits = {entry.document_id: split_of(entry.document_id) for entry in new}
    movable = {entry.document_id: entry for entry in new if entry.readable}
    everyone = {**{entry.document_id: entry.split for entry in existing if entry.readable},
                **{document_id: splits[document_id] for document_id in movable}}
    for empty in ("sft", "preference", "benchmark"):
        counts = Counter(everyone.values())
        candidates = [document_id for document_id in movable if counts[everyone[document_id]] > 1]
        if counts[empty] or len(everyone) < 3 or not candidates:
            continue
        decks = [document_id for document_id in candidates if movable[document_id].kind == "deck"]
        pool = decks if empty == "preference" and len(decks) > 1 else candidates
        chosen = min(pool, key=lambda document_id: (-counts[everyone[document_id]], distance(document_id, empty),
                                                    document_id))
        splits[chosen] = everyone[chosen] = empty
    return splits


def split_of(document_id: str) -> str:
    place_in_one = share(document_id)
    return next(split for split, (low, high) in SPLITS.items() if low <= place_in_one < high)


def share(document_id: str) -> float:
    """The document hash as a number in [0, 1)."""
    return int(document_id[:12], 16) / 16**12


def distance(document_id: str, split: str) -> float:
    low, high = SPLITS[split]
    return max(low - share(document_id), share(document_id) - high, 0.0)
