"""A shard's documents read into rows of the source_images table; what cannot be read goes to quarantine."""

import errno
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

from assets.quality.quarantine import SetAside
from assets.source_images.catalog import Catalog
from assets.source_images.document_hash import document_hash, stamp
from assets.source_images.licences import licences_of
from assets.source_images.measure import language_of, page_text, perceptual_hash
from assets.source_images.pages import document_kind, folder_images, read_pages
from assets.source_images.register import Entry
from assets.source_images.schema import SOURCE_IMAGES, Page
from assets.source_images.splits import Split
from assets.source_images.unreadable import UnreadableError
from resources.settings import Settings
from resources.store import Store

STEP = "source_images"
OUR_FAULT = frozenset({errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EMFILE, errno.ENOMEM})
GONE_NAMED = 5  # vanished documents that a note names

progress = logging.getLogger("lwv.progress")


class Measured(TypedDict):
    """What is measured on a page, half a second of it: not measured again where the image is known."""

    phash: str
    ocr_text: str
    language: str


class PageFields(Measured):
    """A row of the source_images table before its document's last page is read."""

    document_id: str
    page: int
    collection: str
    shard: str
    split: Split
    image_sha256: str
    width: int
    height: int
    source_path: str
    licence: str
    reader: str


@dataclass
class IngestResult:
    """rows: of the table, in page order, a document's together; read as they are asked for. gone: paths of documents
    that are no longer on disk, which is no error; duplicates: of those whose bytes
    another one has, which is none either. pages_read: pages whose text was read now, because the shard's last table did
    not hold them. All but `rows` are complete once it is used up."""

    rows: Iterator[Page]
    quarantined: list[SetAside] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    pages_read: int = 0


def ingest_shard(shard: str, store: Store, catalog: Catalog, settings: Settings) -> IngestResult:
    """Read every document of a shard. A document is all or nothing; one that fails never stops the others.

    Raises LicencesError at once; while rows are drawn, OSError where this machine is at fault (the disk is full).
    """
    known = catalog.entries()
    entries = [entry for entry in known.values() if entry.shard == shard]
    settings = settings.model_copy(update={"sources": catalog.sources})
    measured = known_pages(store, shard)
    licences = licences_of(catalog.sources, known.values())
    stated = {entry.path: licences.of(entry.path) for entry in entries}
    result = IngestResult(iter(()))

    def rows() -> Iterator[Page]:
        for number, entry in enumerate(entries, 1):
            try:
                if not (settings.sources / entry.path).exists():
                    result.gone.append(entry.path)
                    continue
                if entry.duplicate_of is not None:
                    result.duplicates.append(entry.path)
                    continue
                before = len(measured)
                yield from document_rows(entry, store, settings, stated[entry.path], measured)
                result.pages_read += len(measured) - before
            except UnreadableError as error:
                result.quarantined.append(_quarantine_row(entry, str(error)))
            except Exception as error:
                if isinstance(error, ImportError) or getattr(error, "errno", None) in OUR_FAULT:
                    raise
                logging.getLogger(__name__).exception("%s could not be read", entry.path)
                result.quarantined.append(
                    _quarantine_row(
                        entry,
                        f"{entry.path} could not be read ({type(error).__name__}: {error}); "
                        "replace it, or report this with the file",
                    )
                )
            progress.info("%s %s: %d of %d documents, %s", STEP, shard, number, len(entries), entry.path)

    result.rows = rows()
    return result


def known_pages(store: Store, shard: str) -> dict[str, Measured]:
    """image_sha256 -> what was measured on that page, out of the shard's last table; empty before the first."""
    if not store.table_path(STEP, shard).exists():
        return {}
    return {
        row["image_sha256"]: {"phash": row["phash"], "ocr_text": row["ocr_text"], "language": row["language"]}
        for row in store.rows(SOURCE_IMAGES, shard)
    }


def measure_page(jpeg: bytes) -> Measured:
    """Hash, text and language of a page image."""
    text = page_text(jpeg)
    return {"phash": perceptual_hash(jpeg), "ocr_text": text, "language": language_of(text)}


def document_rows(
    entry: Entry,
    store: Store,
    settings: Settings,
    licence: str,
    measured: dict[str, Measured],
) -> list[Page]:
    """The rows of one document, its page images stored; `measured` is used and grows. Raises UnreadableError."""
    path = settings.sources / entry.path
    rows: list[PageFields] = []
    for page in read_pages(path, settings):
        sha256 = store.put_image(page.jpeg)
        if sha256 not in measured:
            measured[sha256] = measure_page(page.jpeg)
        rows.append(
            {
                "document_id": entry.document_id,
                "page": page.number,
                "collection": entry.collection,
                "shard": entry.shard,
                "split": entry.split,
                "image_sha256": sha256,
                "width": page.width,
                "height": page.height,
                **measured[sha256],
                "source_path": entry.path,
                "licence": licence,
                "reader": page.reader,
            }
        )
    _check_same(entry, path, settings)
    names = [file.name for file in folder_images(path)] if path.is_dir() else None
    kind = document_kind(path.suffix, len(rows), names)
    return [{**row, "kind": kind} for row in rows]


def gone_note(shard: str, paths: Sequence[str]) -> str:
    """The note for people about documents that are no longer on disk. paths: of all of them."""
    named = ", ".join(paths[:GONE_NAMED]) + (", …" if len(paths) > GONE_NAMED else "")
    return f"{shard}: {len(paths)} no longer there ({named}); put back what was not meant to go"


def _check_same(entry: Entry, path: Path, settings: Settings) -> None:
    """Raises UnreadableError where the bytes are no longer those that were registered."""
    if stamp(path) != (entry.size, entry.mtime_ns) and document_hash(path, settings) != entry.document_id:
        raise UnreadableError(
            f"{entry.path} has changed since it was registered; once the sensor (or `lwv demo`) has "
            "looked at it again, run this shard again"
        )


def _quarantine_row(entry: Entry, reason: str) -> SetAside:
    return {"item": entry.path, "document_id": entry.document_id, "example_id": "", "reason": reason}
