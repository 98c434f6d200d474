"""A PDF as page images, drawn by PDFium, one page in memory at a time."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pypdfium2 as pdfium
from PIL import Image

from assets.source_images.images import check_size
from assets.source_images.unreadable import UnreadableError, starts_with

TAIL = 65536  # bytes at the end among which a whole PDF has its end mark

_LOCK = threading.Lock()  # PDFium is not safe for threads, not even on different documents


def open_pdf(path: Path, name: str) -> pdfium.PdfDocument:
    """Open a PDF; close it with `close_pdf`. name: how messages call it.

    Raises UnreadableError (not a PDF, cut off, damaged, a password is needed, no page).
    """
    with path.open("rb") as file:
        head = file.read(1024)
        file.seek(max(0, path.stat().st_size - TAIL))
        tail = file.read()
    if b"%PDF" not in head:
        raise UnreadableError(
            f"{name} is not a PDF (it starts with {starts_with(head[:512])}); remove it or replace it"
        )
    try:
        with _LOCK:
            document = pdfium.PdfDocument(path)
            pages = len(document)
    except pdfium.PdfiumError as error:
        if "password" in str(error).lower():
            raise UnreadableError(f"{name} needs a password; save a copy without one") from error
        raise UnreadableError(
            f"{name} cannot be opened as PDF ({_detail(error)}): the file is damaged or cut off; replace it"
        ) from error
    problem = (
        "it has no page" if pages == 0 else "its end mark is missing" if b"%%EOF" not in tail else ""
    )  # PDFium would guess which pages there were
    if problem:
        close_pdf(document)
        raise UnreadableError(f"{name} cannot be opened as PDF ({problem}): the file is damaged or cut off; replace it")
    return document


def close_pdf(document: pdfium.PdfDocument) -> None:
    """Free what `open_pdf` took."""
    with _LOCK:
        document.close()


def page_images(document: pdfium.PdfDocument, name: str, max_side: int) -> Iterator[Image.Image]:
    """Each page in RGB on white, longest side `max_side` pixels. Raises UnreadableError naming the page."""
    with _LOCK:
        count = len(document)
        document.init_forms()  # so that what was typed into forms is drawn
    for index in range(count):
        try:
            yield _draw(document, index, f"page {index + 1} of {name}", max_side)
        except pdfium.PdfiumError as error:
            raise UnreadableError(
                f"page {index + 1} of {name} cannot be drawn ({_detail(error)}): the file is damaged; replace it"
            ) from error


def _draw(document: pdfium.PdfDocument, index: int, name: str, max_side: int) -> Image.Image:
    with _LOCK:
        page = document[index]
        try:
            width, height = page.get_size()  # points
            if min(width, height) <= 0:
                raise UnreadableError(f"{name} has no size; replace the file")
            scale = max_side / max(width, height)
            check_size(max(1, round(width * scale)), max(1, round(height * scale)), name)
            bitmap = page.render(scale=scale, rev_byteorder=True)
            try:
                image: Image.Image = bitmap.to_pil().convert("RGB")
            finally:
                bitmap.close()
        finally:
            page.close()
    if max(image.size) > max_side:  # the renderer rounds up
        image = image.crop((0, 0, min(image.width, max_side), min(image.height, max_side)))
    return image.copy()


def _detail(error: Exception) -> str:
    """PDFium's own words without its punctuation."""
    return str(error).strip().rstrip(".")
