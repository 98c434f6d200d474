"""A document as pages: one way in for images, folders, PDF and PPTX, each page a clean JPEG of bounded size."""

from collections.abc import Iterator
from pathlib import Path

from assets.source_images import images, pdf, pptx
from assets.source_images.pages import IMAGE_SUFFIXES, Limits, Page, Unreadable


def read_pages(path: Path, name: str, limits: Limits) -> Iterator[Page]:
    """The pages of the document at `path`, one in memory at a time; `name` is what errors call it.

    Raises Unreadable, possibly after the first pages.
    """
    if not path.exists():
        raise Unreadable(f"{name} is no longer there: it was moved or deleted after it was registered.")
    if path.is_dir():
        yield from images.read_folder(path, name, limits)
        return
    size_mb = path.stat().st_size / 1e6
    if size_mb > limits.max_file_mb:
        raise Unreadable(f"{name} has {size_mb:.0f} MB, more than the {limits.max_file_mb} MB of LWV_MAX_FILE_MB: "
                         "make it smaller, or raise the limit.")
    if path.stat().st_size == 0:
        raise Unreadable(f"{name} is empty (0 bytes): remove it or copy it again.")
    suffix = path.suffix.lower()
    if suffix == ".pdf":
        yield from pdf.read_pdf(path, name, limits, "pdfium")
    elif suffix == ".pptx":
        yield from pptx.read_pptx(path, name, limits)
    else:
        yield from images.read_image(path, name, limits)


def looks_readable(path: Path) -> bool:
    """A cheap first look: the file is what its name promises, as far as it opens."""
    try:
        if path.is_dir():
            return all(images.opens(child) for child in path.iterdir() if child.suffix.lower() in IMAGE_SUFFIXES)
        if path.suffix.lower() == ".pdf":
            return pdf.opens(path)
        return pptx.opens(path) if path.suffix.lower() == ".pptx" else images.opens(path)
    except OSError:
        return False
