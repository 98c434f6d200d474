"""From a source document to its pages: what a document is, which reader draws it, what makes it unreadable."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from PIL import Image

from assets.source_images.images import SUFFIXES, check_page, fit, frame_count, frames, open_image, to_jpeg
from assets.source_images.pdf import close_pdf, open_pdf, page_images
from assets.source_images.pptx import open_pptx, slide_count
from assets.source_images.unreadable import UnreadableError, is_ours, unreadable
from resources.text.shown import in_line

if TYPE_CHECKING:  # Arrow, which a process that only reads files does without
    from assets.source_images.schema import Kind

DOCUMENT_SUFFIXES = SUFFIXES | {".pdf", ".pptx"}
PAGE_NAME = re.compile(
    r"(?:.*[^a-z])?(?:page|pg|p|slide|scan|sheet|folio|folie|seite|幻灯片|第)[\s_.-]*\d+"
    r"\s*[页頁张張]?|\d+",
    re.IGNORECASE,
)


class Bounds(Protocol):
    """Those of the factory's settings that reading a file asks for."""

    @property
    def sources(self) -> Path:
        """The folder that documents lie in."""

    @property
    def max_side(self) -> int:
        """Longest side of a page image, pixels."""

    @property
    def max_file_mb(self) -> int:
        """Of a file that is read, MB."""

    @property
    def max_pages(self) -> int:
        """Of a document that is read."""


@dataclass(frozen=True)
class Page:
    """One page. number: 1-based; jpeg: encoded RGB without metadata; width, height: pixels; reader: what drew it."""

    number: int
    jpeg: bytes
    width: int
    height: int
    reader: str


@dataclass(frozen=True)
class Probe:
    """What a document's headers say. readable: nothing is wrong so far (a later page may still be damaged); why: a
    sentence where something is."""

    kind: "Kind"
    readable: bool
    why: str = ""


def read_pages(path: Path, settings: Bounds) -> Iterator[Page]:
    """The pages of a document (image, PDF, PPTX or folder of images), in reading order, one in memory at a time.

    path: below `settings.sources`. Raises UnreadableError before or between pages, whatever the libraries raise: a
    caller that got some pages and then this error must drop them. Errors of this machine (`is_ours`) pass through.
    """
    name = document_name(path, settings)
    number = 0
    try:
        _check_path(path, name, settings)
        if path.is_dir():
            drawn = _folder_pages(path, settings)
        else:
            _check_file(path, name, settings)
            drawn = _file_pages(path, name, settings)
        for number, (image, reader) in enumerate(drawn, 1):
            _check_count(name, number, settings)
            check_page(image.width, image.height, settings.max_side, _page_name(name, path, number))
            capped = fit(image, settings.max_side)
            yield Page(number, to_jpeg(capped), capped.width, capped.height, reader)
    except Exception as error:
        raise unreadable(_page_name(name, path, number + 1), error) from error


def probe(path: Path, settings: Bounds) -> Probe:
    """Kind of a document and whether it looks readable, from headers alone; never raises for a bad document."""
    try:
        name = document_name(path, settings)
        _check_path(path, name, settings)
        files = folder_images(path) if path.is_dir() else [path]
        for file in files:
            _check_file(file, document_name(file, settings), settings)
        pages = sum(_count_pages(file, document_name(file, settings), settings) for file in files)
        _check_count(name, pages, settings)
        names = [file.name for file in files] if path.is_dir() else None
        return Probe(document_kind(path.suffix, pages, names), True)
    except Exception as error:
        if is_ours(error):
            raise
        return Probe("single", False, str(unreadable(document_name(path, settings), error)))


def document_kind(suffix: str, pages: int, names: Sequence[str] | None = None) -> "Kind":
    """deck: pages that follow each other; multi: images that belong together; single: one page.

    suffix: of the file; names: the file names of a folder of images, None for a file. A folder is a deck when its
    names number its pages (`page-01`, `slide_2`, `03`, `scan-4`); a camera's numbering (`IMG_0412`) does not.
    """
    if pages <= 1:
        return "single"
    if names is None:
        return "deck"
    return "deck" if all(PAGE_NAME.fullmatch(Path(name).stem) for name in names) else "multi"


def folder_images(folder: Path) -> list[Path]:
    """The images directly inside a folder, in natural order (page-2 before page-10)."""
    found = (path for path in folder.iterdir() if is_folder_image(path) and not path.is_dir())
    return sorted(found, key=lambda path: natural_key(path.name))


def is_folder_image(path: Path) -> bool:
    """Whether a path is named as a page of its folder is; hidden files, and names that are not UTF-8, are not."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith((".", "~$")) and is_text(path.name)


def is_text(name: str) -> bool:
    """Whether a file name is UTF-8: it can be written down."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def natural_key(name: str) -> tuple[list[tuple[int, str]], str]:
    """A sort key that compares digits inside names by their value."""
    parts = re.split(r"(\d+)", name.casefold())
    return [(int(part), "") if i % 2 else (0, part) for i, part in enumerate(parts)], name


def leads_outside(path: Path, root: Path) -> bool:
    """Whether `path` lies, after following links, anywhere but below `root`; a link that loops does."""
    try:
        return not path.resolve().is_relative_to(root.resolve())
    except RuntimeError:
        return True


def document_name(path: Path, settings: Bounds) -> str:
    """How messages call a file: relative to the sources folder, without control characters."""
    try:
        return in_line(path.relative_to(settings.sources).as_posix())
    except ValueError:
        return in_line(path.as_posix())


def _page_name(name: str, path: Path, number: int) -> str:
    """How messages call a page; a photograph is its own only page."""
    return name if path.suffix.lower() in SUFFIXES - {".tif", ".tiff"} else f"page {number} of {name}"


def _check_path(path: Path, name: str, settings: Bounds) -> None:
    if leads_outside(path, settings.sources):
        raise UnreadableError(f"{name} is a link to a place outside the sources folder; put a copy there instead")
    if not path.exists():
        raise UnreadableError(f"{name}: the file is no longer there; put it back if that was not intended")


def _check_file(path: Path, name: str, settings: Bounds) -> None:
    _check_path(path, name, settings)
    if not path.is_file():
        raise UnreadableError(f"{name} is not a plain file; replace it or remove it")
    size = path.stat().st_size
    if size == 0:
        raise UnreadableError(f"{name} is empty (0 bytes); replace it or remove it")
    if size > settings.max_file_mb * 1_000_000:
        raise UnreadableError(
            f"{name} has {size / 1e6:.0f} MB, more than LWV_MAX_FILE_MB={settings.max_file_mb}; "
            "make it smaller or raise the limit"
        )


def _count_pages(path: Path, name: str, settings: Bounds) -> int:
    suffix = path.suffix.lower()
    if suffix == ".pptx":
        return slide_count(path, name)
    if suffix == ".pdf":
        document = open_pdf(path, name)
        try:
            return len(document)
        finally:
            close_pdf(document)
    with open_image(path, name) as image:
        check_page(image.width, image.height, settings.max_side, name)
        if image.format == "JPEG" and b"\xff\xd9" not in _tail(path):
            raise UnreadableError(f"{name} is cut off; replace it")
        return frame_count(image, name, settings.max_pages)


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 65536))
        return file.read()


def _folder_pages(folder: Path, settings: Bounds) -> Iterator[tuple[Image.Image, str]]:
    name, files = document_name(folder, settings), folder_images(folder)
    if not files:
        raise UnreadableError(f"{name} is a folder without an image; put images into it or remove it")
    _check_count(name, len(files), settings)
    for file in files:
        _check_file(file, document_name(file, settings), settings)
        yield from _file_pages(file, document_name(file, settings), settings)


def _file_pages(path: Path, name: str, settings: Bounds) -> Iterator[tuple[Image.Image, str]]:
    suffix = path.suffix.lower()
    if suffix == ".pptx":
        with open_pptx(path, name, settings.max_side) as deck:
            _check_count(name, deck.pages, settings)
            yield from ((page, deck.reader) for page in deck.images)
    elif suffix == ".pdf":
        document = open_pdf(path, name)
        try:
            _check_count(name, len(document), settings)
            yield from ((page, "pdfium") for page in page_images(document, name, settings.max_side))
        finally:
            close_pdf(document)
    elif suffix in SUFFIXES:
        with open_image(path, name) as image:
            _check_count(name, frame_count(image, name, settings.max_pages), settings)
            yield from ((page, "pillow") for page in frames(image, name))
    else:
        raise UnreadableError(f"{name} is of no kind that is read here; give an image, a PDF or a PPTX")


def _check_count(name: str, count: int, settings: Bounds) -> None:
    if count == 0:
        raise UnreadableError(f"{name} has no page; replace it or remove it")
    if count > settings.max_pages:
        raise UnreadableError(
            f"{name} has at least {count} pages, more than LWV_MAX_PAGES={settings.max_pages}; "
            "split it or raise the limit"
        )
