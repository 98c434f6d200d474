"""One shard's documents as table rows: read, measured, stored; what cannot be read is set aside with its reason."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assets.source_images.catalog import Entry
from assets.source_images.licences import UNKNOWN, read_licences
from assets.source_images.measure import language_of, perceptual_hash, read_text
from assets.source_images.pages import Limits, Page, Unreadable, document_kind
from assets.source_images.reader import read_pages
from resources.store import Store

progress = logging.getLogger("lwv.progress")


@dataclass
class Ingested:
    """rows: of source_images. set_aside: quarantine rows. pages_read: pages whose text was read now, not known."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    set_aside: list[dict[str, Any]] = field(default_factory=list)
    pages_read: int = 0


def ingest(entries: Sequence[Entry], sources: Path, store: Store, limits: Limits, known: dict[str, dict[str, Any]],
           ) -> Ingested:
    """Read each document whole or not at all; one bad document never stops the others.

    known: image_sha256 -> an earlier row of this shard, whose text need not be read again.
    Raises ValueError where a collection's LICENCES.csv cannot be used.
    """
    result = Ingested()
    licences = {entry.path.split("/", 1)[0]: None for entry in entries}
    by_folder = {folder: read_licences(sources / folder) for folder in licences}
    for done, entry in enumerate(entries):
        progress.info("source_images %s: %d of %d, reading %s", entry.shard, done + 1, len(entries), entry.path)
        folder, name = entry.path.split("/", 1)
        try:
            result.rows += document_rows(entry, sources, store, limits, known, by_folder[folder].get(name, UNKNOWN),
                                         result)
        except Unreadable as error:
            result.set_aside.append(aside(entry, str(error)))
        except Exception as error:  # an unforeseen file must not stop its shard
            result.set_aside.append(aside(entry, f"{entry.path}: {type(error).__name__}: {error}"[:500]))
    return result


def document_rows(entry: Entry, sources: Path, store: Store, limits: Limits, known: dict[str, dict[str, Any]],
                  licence: str, result: Ingested) -> list[dict[str, Any]]:
    if entry.duplicate_of:
        raise Unreadable(f"{entry.path} has the same bytes as {entry.duplicate_of}: only that one is used.")
    path = sources / entry.path
    if not path.resolve().is_relative_to(sources.resolve()):
        raise Unreadable(f"{entry.path} is a link to a place outside LWV_SOURCES: copy the file instead.")
    rows = []
    for page in read_pages(path, entry.path, limits):
        rows.append(page_row(entry, page, store, known, licence, result))
    kind = document_kind(path, len(rows))
    return [{**row, "kind": kind} for row in rows]


def page_row(entry: Entry, page: Page, store: Store, known: dict[str, dict[str, Any]], licence: str,
             result: Ingested) -> dict[str, Any]:
    sha256 = store.put_image(page.jpeg)
    before = known.get(sha256)
    if before is None:
        result.pages_read += 1
        text = read_text(page.jpeg)
        before = {"ocr_text": text, "language": language_of(text), "phash": perceptual_hash(page.jpeg)}
    return {
        "document_id": entry.document_id, "page": page.number, "collection": entry.collection, "shard": entry.shard,
        "split": entry.split, "image_sha256": sha256, "width": page.width, "height": page.height,
        **{name: before[name] for name in ("phash", "ocr_text", "language")},
        "source_path": entry.path, "licence": licence, "reader": page.reader,
    }


def aside(entry: Entry, reason: str) -> dict[str, Any]:
    return {"item": entry.path, "document_id": entry.document_id, "reason": reason}
