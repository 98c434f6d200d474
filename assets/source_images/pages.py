"""What a page is, what bounds it, and what kind of document its file names make."""

import re
from dataclasses import dataclass
from pathlib import Path

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"})
DOCUMENT_SUFFIXES = IMAGE_SUFFIXES | {".pdf", ".pptx"}
_PAGE_NAME = re.compile(r"^(?:page|slide|scan|p|第)?[ _-]*\d+(?:页)?$", re.IGNORECASE)


class Unreadable(ValueError):
    """A document cannot be used; the sentence names the file, what is wrong, and what to do."""


@dataclass(frozen=True)
class Page:
    number: int      # 1-based
    jpeg: bytes
    width: int       # pixels
    height: int      # pixels
    reader: str      # pillow | pdfium | libreoffice | python-pptx


@dataclass(frozen=True)
class Limits:
    """How much is read of one document."""

    max_side: int = 1024     # longest side of a page, pixels
    max_file_mb: int = 200
    max_pages: int = 400


def document_kind(path: Path, pages: int | None = None) -> str:
    """single | multi | deck. Numbered pages (`page-01.jpg`, `02.png`) make a folder a deck, other names do not.

    `pages` once it is known: a file of one page is a single image, whatever its type.
    """
    if path.is_dir():
        names = [child.stem for child in path.iterdir() if child.suffix.lower() in IMAGE_SUFFIXES]
        if len(names) == 1:
            return "single"
        return "deck" if all(_PAGE_NAME.match(name) for name in names) else "multi"
    if pages == 1 or path.suffix.lower() in IMAGE_SUFFIXES - {".tif", ".tiff"}:
        return "single"
    return "deck" if pages or path.suffix.lower() in (".pdf", ".pptx") else "single"


def natural_order(path: Path) -> list[tuple[int, int | str]]:
    """Sort key: `page-2` stands before `page-10`."""
    return [(0, int(part)) if part.isdigit() else (1, part.lower()) for part in re.split(r"(\d+)", path.stem) if part]
