"""The catalogue of source documents: what was found under LWV_SOURCES, in which shard, in which split."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from assets.source_images.collection_names import name_collections
from assets.source_images.document_hash import document_hash, unread_id
from assets.source_images.found_out import found_out
from assets.source_images.licences import split_path
from assets.source_images.not_read import by_ending, counted
from assets.source_images.pages import Probe
from assets.source_images.reading.pool import Readers
from assets.source_images.register import FILE, Entry, add_entries, latest_entries, locked, read_entries
from assets.source_images.register import CatalogError as CatalogError  # part of what a scan raises
from assets.source_images.shards import assign_shards, split_shard
from assets.source_images.splits import Candidate, Placed, Split, assign_splits
from assets.source_images.walk import Place, walk
from resources.settings import Settings
from resources.store import Store

progress = logging.getLogger("lwv.progress")


class NoSourcesError(FileNotFoundError):
    """There is nothing to read under LWV_SOURCES."""

    def __init__(self, sources: Path, problem: str) -> None:
        super().__init__(
            f"LWV_SOURCES={sources} {problem}: put images, PDF or PPTX files there, or folders of them (a folder is a "
            "collection), or set LWV_SOURCES to such a place."
        )


@dataclass(frozen=True, slots=True)
class Seen:
    """A document as found on disk, before it is known which one it is."""

    name: str
    collection: str
    size: int
    mtime_ns: int
    is_link: bool = False


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

        Files whose size and time are known are not read again. Raises NoSourcesError, CatalogError (home and sources
        lie in each other, a damaged register).
        """
        require_apart(self.path.parent, self.sources)
        places = found_documents(self.sources)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with locked(self.path) as file:
            history = list(read_entries(file, self.path))
            added = self._register(places, history)
            add_entries(file, added)
        return added

    def shards(self) -> list[str]:
        """Every shard, by collection and number."""
        return sorted({entry.shard for entry in self.entries().values()}, key=split_shard)

    def entries(self) -> dict[str, Entry]:
        """Every document by its path, in the order of their registration, those that vanished from disk included."""
        return latest_entries(self.path)

    def documents(self, shard: str) -> list[Entry]:
        """The documents of a shard in the order of their registration, those that vanished from disk included."""
        return [entry for entry in self.entries().values() if entry.shard == shard]

    def _register(self, places: list[Place], history: list[Entry]) -> list[Entry]:
        latest = {entry.path: entry for entry in history}
        found = self._seen(places, latest)
        ids = self._changed_ids(found, latest)
        changed = [seen for seen in found if seen.name in ids]
        probes = look(changed, self.settings)
        new = [seen for seen in changed if seen.name not in latest]
        shards = assign_shards(
            [(seen.name, seen.collection) for seen in new],
            Counter(entry.shard for entry in latest.values()),
            self.settings.shard_documents,
        )
        present = {seen.name for seen in found}
        readable = found_out(Store(self.path.parent), latest.values())
        current = {
            name: _updated(entry, name not in present, readable.get(name, entry.readable))
            for name, entry in latest.items()
        }
        splits = _splits(changed, ids, probes, history, current)
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
        current = mark_duplicates(current, found, latest)
        return [entry for name, entry in current.items() if entry != latest.get(name)]

    def _changed_ids(self, found: Sequence[Seen], latest: Mapping[str, Entry]) -> dict[str, str]:
        """The id of each document, by name, whose bytes are not known to be the registered ones.

        What could not be read before is tried again, though neither its size nor its time changed: a right to read it
        changes neither, and a higher LWV_MAX_FILE_MB does not.
        """
        ids: dict[str, str] = {}
        for seen in found:
            known = latest.get(seen.name)
            same = known is not None and (known.size, known.mtime_ns) == (seen.size, seen.mtime_ns)
            registered = known.document_id if known is not None and same else ""
            if registered in ("", unread_id(seen.name)):
                document_id = document_hash(self.sources / seen.name, self.settings)
                if document_id != registered:
                    ids[seen.name] = document_id
        return ids

    def _seen(self, places: list[Place], latest: Mapping[str, Entry]) -> list[Seen]:
        known = {split_path(entry.path)[0]: entry.collection for entry in latest.values()}
        folders = (split_path(place.name)[0] for place in places)
        names = name_collections(folders, known, self.sources.resolve().name)
        return [
            Seen(place.name, names[split_path(place.name)[0]], place.size, place.mtime_ns, place.form == "link")
            for place in places
        ]


def current_shards(home: Path) -> dict[str, str]:
    """document_id -> the shard of the place where the last scan found it; not of documents that are gone.

    A document that was moved to another collection has a place in two shards; this is the one that counts.
    Raises CatalogError.
    """
    found = latest_entries(Path(home) / FILE).values()
    return {entry.document_id: entry.shard for entry in found if not entry.gone and entry.duplicate_of is None}


def require_apart(home: Path, sources: Path) -> None:
    """Raises CatalogError where LWV_HOME lies in LWV_SOURCES, or the other way round."""
    here, there = home.resolve(), sources.resolve()
    if here.is_relative_to(there):
        raise CatalogError(
            f"LWV_HOME={here} lies inside LWV_SOURCES={there}, so that what is written would be read as documents: "
            "set LWV_HOME to a folder outside of it."
        )
    if there.is_relative_to(here):
        raise CatalogError(
            f"LWV_SOURCES={there} lies inside LWV_HOME={here}, where the factory keeps its own files: set one of them "
            "to a folder outside of the other."
        )


def found_documents(sources: Path) -> list[Place]:
    """Every document below the sources folder, in natural order; what could not be looked at is warned about.

    Raises NoSourcesError.
    """
    if not sources.is_dir():
        raise NoSourcesError(sources, "is not a folder" if sources.exists() else "does not exist")
    found, others, refused = [], Counter[str](), set[str]()
    for place in walk(sources):
        if place.is_document:
            found.append(place)
        elif place.verdict is not None and place.verdict.became == "refused":
            progress.warning("%r in LWV_SOURCES: %s", place.name, place.verdict.why)
            others[place.verdict.cause] += 1
            refused.add(place.verdict.cause)
        elif not place.document:
            others[(place.verdict or by_ending(place.name.rpartition("/")[2], "")).cause] += 1
    if not found:
        said = f", only {counted(others, refused)}" if others else ""
        raise NoSourcesError(sources, f"holds no document{said}")
    return found


def look(documents: Sequence[Seen], settings: Settings) -> dict[str, Probe]:
    """What the headers of these documents say, by name."""
    with Readers(settings) as readers:
        found = readers.probe([settings.sources / seen.name for seen in documents])
    return {seen.name: found[settings.sources / seen.name] for seen in documents}


def mark_duplicates(
    entries: Mapping[str, Entry], found: Sequence[Seen], latest: Mapping[str, Entry]
) -> dict[str, Entry]:
    """The entries with `duplicate_of` set, that of one of those present with the same bytes being None.

    It is the one that `latest`, the register before this scan, read them from, so that a document stays in its shard.
    Else a file goes before a link, then the shorter name (a copy's is the longer: `form (1).pdf`), then the first of
    `entries`. A vanished document has no duplicates, so that a file that was moved is read at its new place.
    """
    present = {seen.name: seen for seen in found}
    first: dict[str, str] = {}
    for path in sorted(
        filter(present.__contains__, entries), key=lambda path: _copy_rank(present[path], latest, entries)
    ):
        first.setdefault(entries[path].document_id, path)
    marked = dict(entries)
    for path in present:
        entry, original = entries[path], first[entries[path].document_id]
        duplicate_of = None if original == path else original
        if entry.duplicate_of != duplicate_of:
            marked[path] = replace(entry, duplicate_of=duplicate_of)
    return marked


def _copy_rank(seen: Seen, latest: Mapping[str, Entry], entries: Mapping[str, Entry]) -> tuple[bool, bool, int]:
    """The lowest of those with the same bytes is the one that is read."""
    known = latest.get(seen.name)
    same = known is not None and known.document_id == entries[seen.name].document_id
    is_read = known is not None and same and not known.gone and known.duplicate_of is None
    return not is_read, seen.is_link, len(seen.name.rpartition("/")[2])


def _updated(entry: Entry, gone: bool, readable: bool) -> Entry:
    same = (entry.gone, entry.readable) == (gone, readable)
    return entry if same else replace(entry, gone=gone, readable=readable)


def _splits(
    changed: Sequence[Seen],
    ids: Mapping[str, str],
    probes: Mapping[str, Probe],
    history: Sequence[Entry],
    current: Mapping[str, Entry],
) -> dict[str, Split]:
    """The split by document_id: known bytes keep theirs; a changed file keeps its path's, so that nothing held out
    comes back into training with a small edit; the rest is assigned. current: the entries before this scan's changes.
    """
    settled: dict[str, Split] = {}
    for entry in history:
        settled.setdefault(entry.document_id, entry.split)
    for seen in changed:
        if seen.name in current:
            settled.setdefault(ids[seen.name], current[seen.name].split)
    # What no path holds any more, what is gone, and what turned out to be damaged fills no split.
    existing: dict[str, Candidate] = {}
    for entry in current.values():
        fills = entry.readable and not entry.gone
        if entry.path not in ids and (fills or entry.document_id not in existing):
            existing[entry.document_id] = Candidate(entry.document_id, entry.kind_hint == "deck", fills)
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
