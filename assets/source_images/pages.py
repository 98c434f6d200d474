"""From a source document to its pages: what a document is, which reader draws it, what makes it unreadable."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from assets.source_images.images import SUFFIXES, fit, frame_count, frames, open_image, to_jpeg
from assets.source_images.pdf import close_pdf, open_pdf, page_images
from assets.source_images.pptx import open_pptx, slide_count
from assets.source_images.schema import Kind
from assets.source_images.unreadable import UnreadableError
from resources.settings import Settings

DOCUMENT_SUFFIXES = SUFFIXES | {".pdf", ".pptx"}
PAGE_NAME = re.compile(
    r"(?:.*[^a-z])?(?:page|pg|p|slide|scan|sheet|folio|folie|seite|幻灯片|第)[\s_.-]*\d+"
    r"\s*[页頁张張]?|\d+",
    re.IGNORECASE,
)


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
    """What a document's headers say. readable: nothing is wrong so far (a later page may still be damaged)."""

    kind: Kind
    readable: bool


def read_pages(path: Path, settings: Settings) -> Iterator[Page]:
    """The pages of a document (image, PDF, PPTX or folder of images), in reading order, one in memory at a time.

    path: below `settings.sources`. Raises UnreadableError before or between pages: a caller that got some pages and
    then this error must drop them.
    """
    name = _name(path, settings)
    _check_path(path, name, settings)
    if path.is_dir():
        drawn = _folder_pages(path, settings)
    else:
        _check_file(path, name, settings)
        drawn = _file_pages(path, name, settings)
    for number, (image, reader) in enumerate(drawn, 1):
        if number > settings.max_pages:
            raise UnreadableError(_too_many(name, "more", settings))
        capped = fit(image, settings.max_side)
        yield Page(number, to_jpeg(capped), capped.width, capped.height, reader)


def probe(path: Path, settings: Settings) -> Probe:
    """Kind of a document and whether it looks readable, from headers alone; never raises for a bad document."""
    try:
        name = _name(path, settings)
        _check_path(path, name, settings)
        files = folder_images(path) if path.is_dir() else [path]
        for file in files:
            _check_file(file, _name(file, settings), settings)
        pages = sum(_count_pages(file, _name(file, settings)) for file in files)
        names = [file.name for file in files] if path.is_dir() else None
        return Probe(document_kind(path.suffix, pages, names), 0 < pages <= settings.max_pages)
    except (UnreadableError, OSError):
        return Probe("single", False)


def document_kind(suffix: str, pages: int, names: Sequence[str] | None = None) -> Kind:
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


def _name(path: Path, settings: Settings) -> str:
    """How messages call a file: relative to the sources folder."""
    try:
        return path.relative_to(settings.sources).as_posix()
    except ValueError:
        return path.as_posix()


def _check_path(path: Path, name: str, settings: Settings) -> None:
    if leads_outside(path, settings.sources):
        raise UnreadableError(f"{name} is a link to a place outside the sources folder; put a copy there instead")
    if not path.exists():
        raise UnreadableError(f"{name}: the file is no longer there; put it back if that was not intended")


def _check_file(path: Path, name: str, settings: Settings) -> None:
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


def _count_pages(path: Path, name: str) -> int:
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
        if image.format == "JPEG" and b"\xff\xd9" not in _tail(path):
            raise UnreadableError(f"{name} is cut off; replace it")
        return frame_count(image, name)


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 65536))
        return file.read()


def _folder_pages(folder: Path, settings: Settings) -> Iterator[tuple[Image.Image, str]]:
    name, files = _name(folder, settings), folder_images(folder)
    if not files:
        raise UnreadableError(f"{name} is a folder without an image; put images into it or remove it")
    if len(files) > settings.max_pages:
        raise UnreadableError(_too_many(name, str(len(files)), settings))
    for file in files:
        _check_file(file, _name(file, settings), settings)
        yield from _file_pages(file, _name(file, settings), settings)


def _file_pages(path: Path, name: str, settings: Settings) -> Iterator[tuple[Image.Image, str]]:
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
            _check_count(name, frame_count(image, name), settings)
            yield from ((page, "pillow") for page in frames(image, name))
    else:
        raise UnreadableError(f"{name} is of no kind that is read here; give an image, a PDF or a PPTX")


def _check_count(name: str, count: int, settings: Settings) -> None:
    if count > settings.max_pages:
        raise UnreadableError(_too_many(name, str(count), settings))


def _too_many(name: str, count: str, settings: Settings) -> str:
    return f"{name} has {count} pages, more than LWV_MAX_PAGES={settings.max_pages}; split it or raise the limit"
