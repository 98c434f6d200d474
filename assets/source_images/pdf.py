"""PDF files as pages, drawn by PDFium."""

from collections.abc import Iterator
from pathlib import Path

import pypdfium2

from assets.source_images.images import to_page, too_many_pages
from assets.source_images.pages import Limits, Page, Unreadable


def read_pdf(path: Path, name: str, limits: Limits, reader: str) -> Iterator[Page]:
    """Each page with its longest side at `max_side` pixels. Raises Unreadable."""
    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise Unreadable(f"{name} is protected by a password: save it without one.") from error
        raise Unreadable(f"{name} cannot be opened as PDF ({error}): the file is damaged or cut off.") from error
    try:
        if len(document) == 0:
            raise Unreadable(f"{name} has no page.")
        if len(document) > limits.max_pages:
            raise Unreadable(too_many_pages(name, len(document), limits))
        for index in range(len(document)):
            try:
                page = document[index]
                bitmap = page.render(scale=limits.max_side / max(1.0, *page.get_size()))
                yield to_page(bitmap.to_pil(), index + 1, limits, reader)
                page.close()
            except (pypdfium2.PdfiumError, ValueError, MemoryError) as error:
                raise Unreadable(f"{name}: page {index + 1} cannot be drawn ({error}).") from error
    finally:
        document.close()


def opens(path: Path) -> bool:
    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError:
        return False
    document.close()
    return True
