"""The account of files: what became of each one under LWV_SOURCES, by the walk, the register and the shards' runs."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from assets.quality.quarantine import read_quarantine
from assets.source_files.schema import SourceFile
from assets.source_images.catalog import Catalog
from assets.source_images.file_types import type_of
from assets.source_images.found_out import STEP, read_ids
from assets.source_images.licence_lines import misfits
from assets.source_images.licences import LicencesError, licences_of
from assets.source_images.not_read import LICENCES, LICENCES_MISFIT, Verdict, by_ending
from assets.source_images.pages import leads_outside
from assets.source_images.plain_files import head_of
from assets.source_images.register import Entry
from assets.source_images.walk import Form, Place, walk
from resources.store import DamagedTableError, Store

READ = Verdict("read", "", "")
SHARDS_KNOWN = 16  # shards whose results are in memory at a time
FORMS: Mapping[Form, str] = {
    "folder": "inode/directory",
    "link": "inode/symlink",
    "pipe": "inode/fifo",
    "socket": "inode/socket",
    "device": "inode/device",
}


class _Run(NamedTuple):
    """What the last run of a shard said: the documents that have rows, and why others have none."""

    read: frozenset[str]
    aside: Mapping[tuple[str, str], str]  # (path, document_id) -> reason


def account(catalog: Catalog, store: Store) -> Iterator[SourceFile]:
    """A row for each file in the order of the walk, then one for each document that is no longer there.

    Nothing is opened but plain files of an allowed size, for their first bytes. Files that come, change or go
    meanwhile are as they were when their turn came. Raises CatalogError.
    """
    entries = catalog.entries()
    licences = licences_of(catalog.sources, entries.values())

    @lru_cache(SHARDS_KNOWN)
    def run_of(shard: str) -> _Run:
        return _last_run(store, shard)

    @lru_cache(SHARDS_KNOWN)  # the pages of a document follow each other
    def licence(path: str) -> str:
        try:
            return licences.of(path)
        except LicencesError:  # the row of that LICENCES.csv says so
            return "unknown"

    there = set[str]()
    for place in walk(catalog.sources):
        if place.name in entries:
            there.add(place.name)
        if place.is_file:
            media_type = _type(place, catalog)
            entry = entries.get(place.document) if place.document else None
            if not place.document:
                verdict = _no_document(place, media_type, catalog.sources)
            elif entry is None:
                verdict = Verdict("waiting", "that came just now", "it came while the files were counted: count again")
            else:
                verdict = _document(entry, run_of(entry.shard))
            yield _row(place, media_type, verdict, entry, licence(place.document) if entry else "")
    for path, entry in entries.items():
        if path not in there:
            yield _removed(entry, licence(path))


def shown(text: str) -> str:
    """The text with what cannot be shown, or would change how the rest is shown, escaped: `\\x1b`, `\\u202e`."""
    return text if text.isprintable() else "".join(map(_letter, text))


def _letter(letter: str) -> str:
    code = ord(letter)
    if letter.isprintable() or letter in "\u200c\u200d":  # joiners, which belong to words of some scripts
        return letter
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _last_run(store: Store, shard: str) -> _Run:
    try:
        aside = {(row["item"], row["document_id"]): row["reason"] for row in read_quarantine(store, STEP, shard)}
        return _Run(read_ids(store, shard), aside)
    except DamagedTableError:  # as if it had not been run, which is what has to be done
        return _Run(frozenset(), {})


def _document(entry: Entry, run: _Run) -> Verdict:
    if entry.duplicate_of is not None:
        return Verdict(
            "ignored", "with the same bytes as another file", f"it has the same bytes as {entry.duplicate_of}"
        )
    if reason := run.aside.get((entry.path, entry.document_id)):
        return Verdict("refused", "in quarantine", reason)
    if entry.document_id in run.read:
        return READ
    return Verdict(
        "waiting",
        "waiting for a run of the shard",
        f"{entry.shard} was not run since this was found: run it, by `lwv demo` or shard_job in the UI",
    )


def _no_document(place: Place, media_type: str, sources: Path) -> Verdict:
    if place.verdict is LICENCES:
        try:
            found = misfits((sources / place.name).parent, loose="/" not in place.name)
        except LicencesError as error:
            return Verdict("refused", "LICENCES.csv that cannot be understood", str(error))
        return Verdict("read", LICENCES_MISFIT, f"{LICENCES.why}; {found}") if found else LICENCES
    return place.verdict or by_ending(place.name.rpartition("/")[2], media_type)


def _type(place: Place, catalog: Catalog) -> str:
    """The media type; of a link inside, that of what it leads to."""
    most = catalog.settings.max_file_mb * 1_000_000
    path = catalog.sources / place.name
    through = place.form == "link" and place.verdict is None and not leads_outside(path, catalog.sources)
    if place.form != "file" and not through:
        return FORMS[place.form]
    if place.size > most:
        return ""
    try:
        return type_of(head_of(path, most))
    except OSError:
        return ""


def _row(place: Place, media_type: str, verdict: Verdict, entry: Entry | None, licence: str) -> SourceFile:
    return {
        "path": shown(place.name),
        "bytes": place.size,
        "type": media_type,
        "became": verdict.became,
        "cause": verdict.cause,
        "why": shown(verdict.why),
        "document_id": entry.document_id if entry else "",
        "collection": entry.collection if entry else "",
        "shard": entry.shard if entry else "",
        "licence": licence,
        "mtime": place.mtime_ns / 1e9,
    }


def _removed(entry: Entry, licence: str) -> SourceFile:
    place = Place(entry.path, "file", entry.size, entry.mtime_ns)
    why = "it is no longer there: put it back if that was not meant"
    return _row(place, "", Verdict("removed", "removed", why), entry, licence)
