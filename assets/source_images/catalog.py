"""The append-only register of source documents: which bytes lie where, in which shard, in which split."""

import fcntl
import hashlib
import json
import logging
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO

from assets.source_images.pages import (
    DOCUMENT_SUFFIXES,
    Probe,
    folder_images,
    is_folder_image,
    is_text,
    leads_outside,
    natural_key,
)
from assets.source_images.reading.pool import Readers
from assets.source_images.schema import Kind
from assets.source_images.splits import Candidate, Placed, Split, assign_splits
from resources.settings import Settings

FILE = "catalog.jsonl"
SILENT_SUFFIXES = frozenset({".csv", ".md", ".txt", ".rst", ".json", ".yaml", ".yml", ".ini", ".db", ".zip", ""})
NAME_LENGTH = 60

progress = logging.getLogger("lwv.progress")


class NoSourcesError(FileNotFoundError):
    """There is nothing to read under LWV_SOURCES."""

    def __init__(self, sources: Path, problem: str) -> None:
        super().__init__(
            f"LWV_SOURCES={sources} {problem}: put at least one folder there (a collection) with images, "
            "PDF or PPTX files in it, or set LWV_SOURCES to such a place."
        )


class CatalogError(ValueError):
    """The register, or the names of the collections, make no sense; the message says where and what to do."""


@dataclass(frozen=True)
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
    duplicate_of: str | None  # path of the document that has the same bytes and came first
    readable: bool  # by headers alone; only such documents keep a split from being empty
    gone: bool = False  # from its path, when the sources were last scanned


@dataclass(frozen=True)
class Seen:
    """A document as found on disk, before it is known which one it is."""

    path: Path
    name: str
    collection: str
    size: int
    mtime_ns: int


class Catalog:
    """`<home>/catalog.jsonl`: a JSON line per document and per change; the latest line of a path holds.

    Lines are only appended, under a file lock, so that several processes may scan; a line that a killed process left
    half-written is dropped and its document registered again.
    """

    def __init__(self, home: Path, sources: Path, settings: Settings) -> None:
        self.path = Path(home) / FILE
        self.sources = Path(sources)
        self.settings = settings.model_copy(update={"sources": self.sources})

    def scan(self) -> list[Entry]:
        """Register what is new, changed or gone under the sources folder; returns the lines added.

        Files whose size and time are known are not read again. Raises NoSourcesError, CatalogError (two folders with
        one name after cleaning, a damaged register).
        """
        found = find_documents(self.sources)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(self.path) as file:
            history = _parse(file.read(), self.path)
            added = self._register(found, history)
            _append(file, added)
        return added

    def shards(self) -> list[str]:
        """Every shard, by collection and number."""
        return sorted({entry.shard for entry in _latest(self.path).values()}, key=lambda shard: (*_split_shard(shard),))

    def documents(self, shard: str) -> list[Entry]:
        """The documents of a shard in the order of their registration, those that vanished from disk included."""
        return [entry for entry in _latest(self.path).values() if entry.shard == shard]

    def _register(self, found: list[Seen], history: list[Entry]) -> list[Entry]:
        latest = {entry.path: entry for entry in history}
        changed = [seen for seen in found if not _unchanged(latest.get(seen.name), seen)]
        ids = {seen.name: document_hash(seen.path, self.sources) for seen in changed}
        with Readers(self.settings) as readers:
            looked = readers.probe([seen.path for seen in changed])
        probes = {seen.name: looked[seen.path] for seen in changed}
        new = [seen for seen in changed if seen.name not in latest]
        shards = assign_shards(
            [(seen.name, seen.collection) for seen in new],
            Counter(entry.shard for entry in latest.values()),
            self.settings.shard_documents,
        )
        splits = _splits(changed, ids, probes, history)
        current = dict(latest)
        for seen in changed:
            known = latest.get(seen.name)
            current[seen.name] = Entry(
                document_id=ids[seen.name],
                collection=seen.collection,
                shard=known.shard if known else shards[seen.name],
                split=splits[ids[seen.name]],
                kind_hint=probes[seen.name].kind,
                path=seen.name,
                size=seen.size,
                mtime_ns=seen.mtime_ns,
                duplicate_of=None,
                readable=probes[seen.name].readable,
            )
        present = {seen.name for seen in found}
        current = {
            name: replace(entry, gone=name not in present) for name, entry in mark_duplicates(current, present).items()
        }
        return [entry for name, entry in current.items() if entry != latest.get(name)]


def current_shards(home: Path) -> dict[str, str]:
    """document_id -> the shard of the place where the last scan found it; not of documents that are gone.

    A document that was moved to another collection has a place in two shards; this is the one that counts.
    Raises CatalogError.
    """
    found = _latest(Path(home) / FILE).values()
    return {entry.document_id: entry.shard for entry in found if not entry.gone and entry.duplicate_of is None}


# -- what lies on disk ------------------------------------------------------------------------------------------------
def find_documents(sources: Path) -> list[Seen]:
    """Every document below the collections, in natural order. Raises NoSourcesError, CatalogError."""
    if not sources.is_dir():
        raise NoSourcesError(sources, "is not a folder" if sources.exists() else "does not exist")
    found: list[Seen] = []
    folders: dict[str, str] = {}
    ignored: Counter[str] = Counter()
    for folder in _children(sources):
        if not _is_folder(folder):
            continue
        collection = collection_name(folder.name)
        paths = list(_documents_in(folder, sources, ignored, top=True))
        if paths and folders.setdefault(collection, folder.name) != folder.name:
            raise CatalogError(
                f"the folders {folders[collection]!r} and {folder.name!r} in LWV_SOURCES={sources} "
                f"would both be the collection {collection!r}; rename one"
            )
        found += [_seen(path, collection, sources) for path in paths]
    for suffix, count in sorted(ignored.items()):
        logging.getLogger(__name__).debug("%d files of type %s in %s are not read", count, suffix, sources)
    if not found:
        raise NoSourcesError(sources, "holds no document")
    return found


def collection_name(folder: str) -> str:
    """A folder's name as it may stand in a Dagster partition key: lower case, only a-z 0-9 _ -.

    Accents are dropped; where more than that is lost (other scripts, great length) a hash keeps names apart.
    """
    plain = unicodedata.normalize("NFKD", folder).lower()
    letters = "".join(c for c in plain if not unicodedata.combining(c))
    name = re.sub(r"[^a-z0-9_]+", "-", letters).strip("-")
    if name and letters.isascii() and len(name) <= NAME_LENGTH:
        return name
    digest = hashlib.sha256(unicodedata.normalize("NFC", folder).encode()).hexdigest()[:6]
    return f"{name[:NAME_LENGTH] or 'collection'}-{digest}"


def document_hash(path: Path, sources: Path) -> str:
    """First 16 hex digits of the sha256 over a file's bytes, or over the names and bytes of a folder's images.

    What may not or cannot be read (a link that leads out, no permission) is identified by its path instead.
    """
    digest = hashlib.sha256()
    try:
        if leads_outside(path, sources):
            raise PermissionError(path)
        if path.is_dir():
            for file in folder_images(path):
                if leads_outside(file, sources):
                    raise PermissionError(file)
                digest.update(f"{file.name}\0{file.stat().st_size}\0".encode())
                _feed(digest, file)
        else:
            _feed(digest, path)
    except OSError:
        digest = hashlib.sha256(f"unread\0{path.relative_to(sources).as_posix()}".encode())
    return digest.hexdigest()[:16]


def stamp(path: Path) -> tuple[int, int]:
    """(bytes, newest time in ns) of a document: enough to see that it changed; (0, 0) where it cannot be looked at."""
    try:
        stats = [path.stat(), *(file.stat() for file in folder_images(path))] if path.is_dir() else [path.stat()]
    except OSError:
        return 0, 0
    size = sum(stat.st_size for stat in (stats[1:] if path.is_dir() else stats))
    return size, max(stat.st_mtime_ns for stat in stats)


def _children(folder: Path) -> list[Path]:
    """What a folder holds, without hidden files, lock files of Office, and names that are no text; nothing where it
    cannot be read."""
    try:
        paths = [path for path in folder.iterdir() if not path.name.startswith((".", "~$", "__MACOSX"))]
        for path in paths[:1]:
            path.lstat()  # a folder that may be listed need not let anybody in
    except OSError as error:
        progress.warning("%s cannot be listed: %s", folder, error)
        return []
    named = [path for path in paths if is_text(path.name)]
    for path in set(paths) - set(named):
        progress.warning("%r is left out: its name is not UTF-8", path)
    return sorted(named, key=lambda path: natural_key(path.name))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a link into a place that is closed to us
        return False


def _documents_in(folder: Path, sources: Path, ignored: Counter[str], top: bool = False) -> Iterator[Path]:
    """A folder below a collection that holds images is one document; decks beside and below are documents too."""
    children = _children(folder)
    if not top and any(map(is_folder_image, children)):
        yield folder
    for path in children:
        suffix = path.suffix.lower()
        if _is_folder(path) and not path.is_symlink():
            yield from _documents_in(path, sources, ignored)
        elif _is_folder(path):  # never followed further: links may loop
            if leads_outside(path, sources) or any(map(is_folder_image, _children(path))):
                yield path
        elif suffix in DOCUMENT_SUFFIXES:
            if top or suffix in (".pdf", ".pptx"):
                yield path
        elif suffix not in SILENT_SUFFIXES:
            ignored[suffix] += 1


def _seen(path: Path, collection: str, sources: Path) -> Seen:
    return Seen(path, path.relative_to(sources).as_posix(), collection, *stamp(path))


def _feed(digest: "hashlib._Hash", path: Path) -> None:
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)


# -- shards, duplicates, splits (pure) --------------------------------------------------------------------------------
def assign_shards(new: Iterable[tuple[str, str]], sizes: Mapping[str, int], limit: int) -> dict[str, str]:
    """The shard of each new document: the last one of its collection until that holds `limit`, then the next.

    new: (path, collection); sizes: documents by shard so far. Returns shard by path; shards are `<collection>-<nnn>`.
    """
    last: dict[str, int] = {}
    for shard in sizes:
        collection, number = _split_shard(shard)
        last[collection] = max(number, last.get(collection, 1))
    counts = Counter(sizes)
    assigned: dict[str, str] = {}
    for path, collection in new:
        number = last.setdefault(collection, 1)
        if counts[f"{collection}-{number:03d}"] >= limit:
            number = last[collection] = number + 1
        assigned[path] = f"{collection}-{number:03d}"
        counts[assigned[path]] += 1
    return assigned


def mark_duplicates(entries: Mapping[str, Entry], present: set[str]) -> dict[str, Entry]:
    """The entries with `duplicate_of` set: of those present with the same bytes, the one seen first is no duplicate.

    entries: by path, in the order in which paths were first seen. A vanished document has no duplicates, so that a
    file that was moved is read at its new place.
    """
    first: dict[str, str] = {}
    for path, entry in entries.items():
        if path in present:
            first.setdefault(entry.document_id, path)
    return {
        path: replace(entry, duplicate_of=None if first[entry.document_id] == path else first[entry.document_id])
        if path in present
        else entry
        for path, entry in entries.items()
    }


def _splits(
    changed: list[Seen], ids: Mapping[str, str], probes: Mapping[str, Probe], history: list[Entry]
) -> dict[str, Split]:
    """The split by document_id: known bytes keep theirs; a changed file keeps its path's, so that nothing held out
    comes back into training with a small edit; the rest is assigned."""
    settled: dict[str, Split] = {}
    for entry in history:
        settled.setdefault(entry.document_id, entry.split)
    latest = {entry.path: entry for entry in history}
    for seen in changed:
        if seen.name in latest:
            settled.setdefault(ids[seen.name], latest[seen.name].split)
    # A line's later probe counts; what no path holds any more fills no split.
    existing = {
        entry.document_id: Candidate(entry.document_id, entry.kind_hint == "deck", entry.readable)
        for entry in latest.values()
        if entry.path not in ids
    }
    candidates = {
        ids[seen.name]: Candidate(ids[seen.name], probes[seen.name].kind == "deck", probes[seen.name].readable)
        for seen in changed
    }
    placed = [
        Placed(candidate, settled[document_id])
        for document_id, candidate in {**existing, **candidates}.items()
        if document_id in settled
    ]
    return {**settled, **assign_splits(list(candidates.values()), placed)}


def _unchanged(entry: Entry | None, seen: Seen) -> bool:
    return entry is not None and (entry.size, entry.mtime_ns) == (seen.size, seen.mtime_ns)


def _split_shard(shard: str) -> tuple[str, int]:
    collection, _, number = shard.rpartition("-")
    return collection, int(number)


# -- the file ---------------------------------------------------------------------------------------------------------
@contextmanager
def _locked(path: Path) -> Iterator[IO[bytes]]:
    with path.open("ab+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # freed when the file is closed, or the process dies
        file.seek(0)
        yield file


def _latest(path: Path) -> dict[str, Entry]:
    """The latest line by document's path, in the order in which paths were first seen; none where there is no file."""
    return {entry.path: entry for entry in (_parse(path.read_bytes(), path) if path.exists() else ())}


def _parse(data: bytes, path: Path) -> list[Entry]:
    """Every whole line; what follows the last newline is a half-written one."""
    entries = []
    for number, line in enumerate(data[: data.rfind(b"\n") + 1].splitlines(), 1):
        try:
            entries.append(Entry(**json.loads(line)))
        except (ValueError, TypeError) as error:
            raise CatalogError(
                f"line {number} of {path} cannot be read ({error}); restore the file from a backup, "
                "or delete that line to have its document registered anew"
            ) from error
    return entries


def _append(file: IO[bytes], entries: Iterable[Entry]) -> None:
    """Cut off a half-written last line, then add whole ones and wait for the disk."""
    lines = b"".join(json.dumps(asdict(entry), ensure_ascii=False).encode() + b"\n" for entry in entries)
    file.seek(0)
    data = file.read()
    if len(data) > (whole := data.rfind(b"\n") + 1):
        file.truncate(whole)
    if lines:
        file.write(lines)  # opened to append: always at the end
        file.flush()
        os.fsync(file.fileno())
