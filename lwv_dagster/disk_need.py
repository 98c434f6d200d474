"""How much of the disk a run will take, at the most: of its pages, and of the student's checkpoints. Pure but for
`material`."""

from collections import Counter
from collections.abc import Mapping
from itertools import islice
from typing import NamedTuple

from assets.source_images.document_hash import document_hash
from assets.source_images.not_read import ending_of
from assets.source_images.walk import DECKS, walk
from resources.settings import Settings

PAGE_BYTES = 250_000  # of a stored page whose longest side is 1,024 pixels, with its rows, calls and events
DOCUMENT_PAGE_BYTES = 60_000  # of a page in a PDF or PPTX file: small for a scan, large for text
FULL, ADAPTED = 32, 6  # bytes a weight at the peak: both checkpoints, and twice weights and moments while one is saved
MOST_FILES = 100_000  # that are looked at
MOST_COMPARED = 100_000_000  # bytes of files of the same size, before anything is read: a second of time


class Material(NamedTuple):
    """What would be read of LWV_SOURCES. images: files; documents: the bytes of each PDF and PPTX file."""

    images: int
    documents: tuple[int, ...]


def material(settings: Settings) -> Material:
    """What would be read there: as the scan finds it, without what is empty, too large, or there more than once."""
    most = settings.max_file_mb * 1_000_000
    sizes: dict[str, int] = {}
    images = Counter[str]()  # by document
    for place in islice(walk(settings.sources), MOST_FILES):
        if place.form == "link" and place.is_document:  # what it leads to is there, too
            continue
        if place.is_document and place.size and not (place.is_file and place.size > most):
            sizes[place.name] = place.size
        if place.document and place.is_file and ending_of(place.name) not in DECKS:
            images[place.document] += 1
    copies = _copies(sizes, settings)
    read = [name for name in sizes if name not in copies]
    decks = [sizes[name] for name in read if name not in images]
    return Material(sum(images[name] for name in read), tuple(decks))


def _copies(sizes: Mapping[str, int], settings: Settings) -> set[str]:
    """The documents that have the same bytes as another one before them, as far as MOST_COMPARED bytes tell."""
    alike = Counter(sizes.values())
    seen, copies, left = set[str](), set[str](), MOST_COMPARED
    for name, size in sizes.items():
        if alike[size] > 1 and (left := left - size) >= 0:
            document = document_hash(settings.sources / name, settings)
            if document in seen:
                copies.add(name)
            seen.add(document)
    return copies


def page_bytes(found: Material, settings: Settings) -> int:
    """Bytes of all pages; a document's are guessed by its size."""
    most = settings.max_file_mb * 1_000_000
    pages = found.images + sum(
        min(settings.max_pages, max(1, size // DOCUMENT_PAGE_BYTES)) for size in found.documents if size <= most
    )
    return round(pages * PAGE_BYTES * (settings.max_side / 1024) ** 2)


def training_bytes(weights: int | None, lora_rank: int) -> int:
    """Bytes of both checkpoints and of what is saved on the way; 0 where the student's size is not known."""
    return (weights or 0) * (ADAPTED if lora_rank else FULL)


def too_little(needs: Mapping[str, int], free: int) -> str | None:
    """A warning where what a run may need is more than what is free; None where there is enough. Pure.

    needs: bytes by what needs them.
    """
    total = sum(needs.values())
    if total <= free:
        return None
    parts = ", ".join(f"{size / 1e9:,.1f} GB for {what}" for what, size in needs.items() if size)
    return (
        f"up to {total / 1e9:,.1f} GB may be needed ({parts}), and {free / 1e9:,.1f} GB are free: a run that fills the "
        "disk stops, and goes on once there is room"
    )
