"""A shard's documents read into rows of the source_images table; what cannot be read goes to quarantine."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from assets.quality.quarantine import SetAside
from assets.source_images.catalog import Catalog
from assets.source_images.document_hash import document_hash, stamp
from assets.source_images.licences import licences_of
from assets.source_images.pages import document_kind, folder_images
from assets.source_images.reading.kept import Kept
from assets.source_images.reading.pool import Readers
from assets.source_images.reading.process import sweep_folders
from assets.source_images.reading.tasks import Reading, ReadPage
from assets.source_images.register import Entry
from assets.source_images.schema import SOURCE_IMAGES, Kind, Page
from assets.source_images.unreadable import UnreadableError, unreadable
from resources.settings import Settings
from resources.stopping import STOP
from resources.store import Store
from resources.text.shown import in_line, number_of

STEP = "source_images"
GONE_NAMED = 5  # vanished documents that a note names
MOST_ALIKE = 3  # pages with one and the same picture: a document of nothing else is of no use

progress = logging.getLogger("lwv.progress")


@dataclass
class IngestResult:
    """rows: of the table, in page order, a document's together; read as they are asked for. kept: what a run that is
    killed goes on with; to be forgotten once the table is written. gone: paths of documents that are no longer on
    disk, which is no error; duplicates: of those whose bytes another one has, which is none either. pages_read: pages
    whose text was read now, because neither the shard's last table nor a run that was killed had it. All but `rows` and
    `kept` are complete once `rows` is used up."""

    rows: Iterator[Page]
    kept: Kept
    quarantined: list[SetAside] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    pages_read: int = 0


def ingest_shard(shard: str, store: Store, catalog: Catalog, settings: Settings) -> IngestResult:
    """Read every document of a shard. A document is all or nothing; one that fails never stops the others.

    Raises LicencesError at once; while rows are drawn, OSError, ImportError and ReaderError where this machine is at
    fault (the disk is full).
    """
    known = catalog.entries()
    entries = [entry for entry in known.values() if entry.shard == shard]
    settings = settings.model_copy(update={"sources": catalog.sources})
    licences = licences_of(catalog.sources, known.values())
    stated = {entry.path: licences.of(entry.path) for entry in entries}
    result = IngestResult(iter(()), Kept(store, shard, settings.max_side))

    def rows() -> Iterator[Page]:
        pages = 0
        for number, (entry, found) in enumerate(_read_all(shard, entries, store, settings, result.kept), 1):
            if entry.duplicate_of is not None and _exists(entry, settings):
                result.duplicates.append(entry.path)
            elif isinstance(found, UnreadableError):
                if _exists(entry, settings):
                    result.quarantined.append(_quarantine_row(entry, str(found)))
                else:
                    result.gone.append(entry.path)
            else:
                result.pages_read += found.texts_read
                pages += len(found.pages)
                yield from _rows(entry, found, stated[entry.path])
            so_far = f"{number} of {number_of(len(entries), 'document')}, {number_of(pages, 'page')}"
            progress.info("%s %s: %s, %s", STEP, shard, so_far, entry.path)

    result.rows = rows()
    return result


@dataclass(frozen=True)
class Found:
    """What a document is, and its pages, in order. texts_read: how many of their texts were not known before."""

    kind: Kind
    pages: Sequence[ReadPage]
    texts_read: int = 0


def _read_all(
    shard: str, entries: Sequence[Entry], store: Store, settings: Settings, kept: Kept
) -> Iterator[tuple[Entry, Found | UnreadableError]]:
    """Each document with its pages, or with why it has none; read by several processes, in the order of `entries`."""
    store.sweep()
    sweep_folders()
    known = {entry.document_id: pages for entry in entries if (pages := kept.pages(entry.document_id))}
    paths = {entry.path: settings.sources / entry.path for entry in entries if _is_to_be_read(entry, known, settings)}
    texts = known_texts(store, shard)
    with Readers(settings) as readers:
        readings = readers.read(list(paths.values()), store, texts.get)
        for entry in entries:
            STOP.check()
            reading = next(readings) if entry.path in paths else None
            try:
                pages = _pages(entry, reading) if reading else known.get(entry.document_id, [])
                _check_same(entry, settings.sources / entry.path, settings)
                found = Found(_kind(entry, len(pages), settings), pages, reading.texts_read if reading else 0)
            except UnreadableError as error:
                yield entry, error
            else:
                if reading:
                    kept.keep(entry.document_id, pages)
                yield entry, found


def known_texts(store: Store, shard: str) -> dict[str, str]:
    """image_sha256 -> the text on that page, out of the shard's last table; empty before the first."""
    if not store.table_path(STEP, shard).exists():
        return {}
    columns = ["image_sha256", "ocr_text"]
    return {row["image_sha256"]: row["ocr_text"] for row in store.rows(SOURCE_IMAGES, shard, columns)}


def useless(pages: Sequence[ReadPage]) -> str:
    """Why nobody could write about a document of these pages; empty where somebody could."""
    if all(page.blank for page in pages):
        return "has nothing on its only page" if len(pages) == 1 else f"has nothing on any of its {len(pages)} pages"
    if len(pages) >= MOST_ALIKE and len({page.image_sha256 for page in pages}) == 1:
        return f"has {len(pages)} pages that are all the same picture"
    return ""


def gone_note(shard: str, paths: Sequence[str]) -> str:
    """The note for people about documents that are no longer on disk. paths: of all of them."""
    named = ", ".join(map(in_line, paths[:GONE_NAMED])) + (", …" if len(paths) > GONE_NAMED else "")
    return f"{shard}: {len(paths)} no longer there ({named}); put back what was not meant to go"


def _is_to_be_read(entry: Entry, known: Mapping[str, object], settings: Settings) -> bool:
    return _exists(entry, settings) and entry.duplicate_of is None and entry.document_id not in known


def _exists(entry: Entry, settings: Settings) -> bool:
    try:
        return (settings.sources / entry.path).exists()
    except OSError:  # in a folder that is closed to us
        return True


def _pages(entry: Entry, reading: Reading) -> list[ReadPage]:
    """Raises UnreadableError where the document could not be read, or nobody could write about it."""
    pages = [reading.pages[number] for number in sorted(reading.pages)]
    if why := reading.why:
        raise UnreadableError(why)
    if why := useless(pages):
        raise UnreadableError(f"{entry.path} {why}; remove it or replace it")
    return pages


def _kind(entry: Entry, pages: int, settings: Settings) -> Kind:
    path = settings.sources / entry.path
    if not pages:
        raise UnreadableError(f"{entry.path} is no longer there; put it back if that was not intended")
    try:
        names = [file.name for file in folder_images(path)] if path.is_dir() else None
    except OSError as error:
        raise unreadable(entry.path, error, "listed") from error
    return document_kind(path.suffix, pages, names)


def _rows(entry: Entry, found: Found, licence: str) -> Iterator[Page]:
    for page in found.pages:
        yield {
            "document_id": entry.document_id,
            "page": page.number,
            "collection": entry.collection,
            "shard": entry.shard,
            "split": entry.split,
            "kind": found.kind,
            "image_sha256": page.image_sha256,
            "width": page.width,
            "height": page.height,
            "phash": page.phash,
            "ocr_text": page.ocr_text,
            "language": page.language,
            "source_path": entry.path,
            "licence": licence,
            "reader": page.reader,
        }


def _check_same(entry: Entry, path: Path, settings: Settings) -> None:
    """Raises UnreadableError where the bytes are no longer those that were registered."""
    if stamp(path) != (entry.size, entry.mtime_ns) and document_hash(path, settings) != entry.document_id:
        raise UnreadableError(
            f"{entry.path} has changed since it was registered; once the sensor (or `lwv demo`) has "
            "looked at it again, run this shard again"
        )


def _quarantine_row(entry: Entry, reason: str) -> SetAside:
    return {"item": entry.path, "document_id": entry.document_id, "example_id": "", "reason": reason}
