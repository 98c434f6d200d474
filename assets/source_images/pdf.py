"""A PDF as page images, drawn by PDFium, one page in memory at a time."""

import ctypes
import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
from PIL import Image

from assets.source_images.images import check_size
from assets.source_images.unreadable import UnreadableError, starts_with, unreadable

TAIL = 65536  # bytes at the end among which a whole PDF has its end mark
LOOKED_AT = 2000  # objects of a page among which images are looked for

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
        raise unreadable(name, error, "opened as PDF") from error
    problem = (
        "it has no page" if pages == 0 else "its end mark is missing" if b"%%EOF" not in tail else ""
    )  # PDFium would guess which pages there were
    if problem:
        close_pdf(document)
        raise unreadable(name, ValueError(problem), "opened as PDF")
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
        page = f"page {index + 1} of {name}"
        try:
            yield _draw(document, index, page, max_side)
        except pdfium.PdfiumError as error:
            raise unreadable(page, error, "drawn") from error


def _draw(document: pdfium.PdfDocument, index: int, name: str, max_side: int) -> Image.Image:
    with _LOCK:
        page = document[index]
        try:
            width, height = page.get_size()  # points
            if not (0 < width < 1e6 and 0 < height < 1e6):  # not a number is no size either
                raise UnreadableError(f"{name} has no size that can be drawn; replace the file")
            scale = max_side / max(width, height)
            check_size(max(1, round(width * scale)), max(1, round(height * scale)), name)
            bitmap = page.render(scale=scale, rev_byteorder=True)
            try:
                image: Image.Image = bitmap.to_pil().convert("RGB")
            finally:
                bitmap.close()
            if _lacks_image(page, image):
                raise UnreadableError(
                    f"{name} has an image that cannot be decoded, and would be blank in its place: the file is "
                    "damaged; replace it"
                )
        finally:
            page.close()
    if max(image.size) > max_side:  # the renderer rounds up
        image = image.crop((0, 0, min(image.width, max_side), min(image.height, max_side)))
    return image.copy()


def _lacks_image(page: pdfium.PdfPage, drawn: Image.Image) -> bool:
    """Whether PDFium left an image out: it draws nothing, without a word, where it cannot decode one.

    Only images in whose place there is one colour are decoded again. drawn: the page as it came out.
    """
    objects = islice(page.get_objects(max_depth=4), LOOKED_AT)
    return any(
        _is_plain(drawn, found) and not _decodes(found) for found in objects if isinstance(found, pdfium.PdfImage)
    )


def _is_plain(drawn: Image.Image, found: pdfium.PdfImage) -> bool:
    """Whether there is one colour where the image stands; inside a form its place is not known: on the whole page."""
    part = drawn if found.level else drawn.crop(_place(drawn, found))
    return all(low == high for low, high in part.getextrema())  # type: ignore[misc]  # three bands


def _place(drawn: Image.Image, found: pdfium.PdfImage) -> tuple[int, int, int, int]:
    """Where an image stands on the drawn page: left, top, right, bottom, pixels, without its edges."""
    x0, y0, x1, y1 = found.get_bounds()
    ends = (_on_page(drawn, found.page, x0, y0), _on_page(drawn, found.page, x1, y1))
    (left, right), (top, bottom) = (sorted(pair) for pair in zip(*ends, strict=True))
    left, top = (min(max(0, start + 1), side - 1) for start, side in zip((left, top), drawn.size, strict=True))
    return left, top, max(left + 1, min(drawn.width, right - 1)), max(top + 1, min(drawn.height, bottom - 1))


def _on_page(drawn: Image.Image, page: pdfium.PdfPage, x: float, y: float) -> tuple[int, int]:
    column, row = ctypes.c_int(), ctypes.c_int()
    pdfium_c.FPDF_PageToDevice(page, 0, 0, drawn.width, drawn.height, 0, x, y, column, row)
    return column.value, row.value


def _decodes(found: pdfium.PdfImage) -> bool:
    try:
        found.get_bitmap().close()
    except pdfium.PdfiumError:
        return False
    return True
