"""How much of the disk a run will take, at the most: of its pages, and of the student's checkpoints. Pure but for
`material`."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from assets.source_images.pages import DOCUMENT_SUFFIXES
from resources.settings import Settings

PAGE_BYTES = 250_000  # of a stored page whose longest side is 1,024 pixels, with its rows, calls and events
DOCUMENT_PAGE_BYTES = 60_000  # of a page in a PDF or PPTX file: small for a scan, large for text
FULL, ADAPTED = 32, 6  # bytes a weight at the peak: both checkpoints, and twice weights and moments while one is saved
MOST_FILES = 100_000  # that are looked at


class Material(NamedTuple):
    """What lies under LWV_SOURCES. images: files; documents: the bytes of each PDF and PPTX file."""

    images: int
    documents: tuple[int, ...]


def material(sources: Path) -> Material:
    """What lies there, by names and sizes alone; links are not followed."""
    images, documents, folders, seen = 0, list[int](), [sources], 0
    while folders and seen < MOST_FILES:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    seen += 1
                    suffix = Path(entry.name).suffix.lower()
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(Path(entry.path))
                    elif suffix in (".pdf", ".pptx"):
                        documents.append(entry.stat(follow_symlinks=False).st_size)
                    elif suffix in DOCUMENT_SUFFIXES:
                        images += 1
        except OSError:  # a folder that cannot be listed is said elsewhere
            continue
    return Material(images, tuple(documents))


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
