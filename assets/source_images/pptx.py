"""PPTX files as pages: drawn by LibreOffice where it is installed, else their text and pictures by ourselves."""

import io
import shutil
import subprocess
import tempfile
import textwrap
import zipfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from assets.source_images.images import to_page, too_many_pages
from assets.source_images.pages import Limits, Page, Unreadable
from assets.source_images.pdf import read_pdf

MAX_UNPACKED = 1_000_000_000     # bytes: more in one PPTX is a bomb
CONVERT_SECONDS = 180
WIDTH = 1280                     # of a page that we draw, pixels
_FONTS = ("NotoSansCJK-Regular.ttc", "NotoSansSC-Regular.otf", "wqy-microhei.ttc", "DroidSansFallbackFull.ttf",
          "DejaVuSans.ttf", "Arial Unicode.ttf", "Arial.ttf")


def read_pptx(path: Path, name: str, limits: Limits) -> Iterator[Page]:
    """The slides as pages; `reader` says which way they were drawn. Raises Unreadable."""
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(item.file_size for item in archive.infolist())
    except (zipfile.BadZipFile, OSError) as error:
        raise Unreadable(f"{name} cannot be opened as PPTX ({error}): the file is damaged or cut off.") from error
    if unpacked > MAX_UNPACKED:
        raise Unreadable(f"{name} unpacks to {unpacked / 1e9:.1f} GB, more than 1 GB: it is not opened.")
    soffice = shutil.which("soffice") or shutil.which("libreoffice")
    if soffice is None:
        yield from draw_slides(path, name, limits)
        return
    with tempfile.TemporaryDirectory() as folder:
        yield from read_pdf(convert(soffice, path, name, Path(folder)), name, limits, "libreoffice")


def convert(soffice: str, path: Path, name: str, folder: Path) -> Path:
    """The PPTX as PDF in `folder`, by LibreOffice with a profile of its own. Raises Unreadable."""
    source = folder / "slides.pptx"     # a plain name: the file's own is untrusted
    shutil.copyfile(path, source)
    command = [soffice, f"-env:UserInstallation={(folder / 'profile').as_uri()}", "--headless", "--norestore",
               "--convert-to", "pdf", "--outdir", str(folder), str(source)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=CONVERT_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise Unreadable(f"{name}: LibreOffice did not finish in {CONVERT_SECONDS} s.") from error
    target = folder / "slides.pdf"
    if not target.exists():
        said = " ".join((done.stderr or done.stdout).split())[-200:]
        raise Unreadable(f"{name}: LibreOffice could not convert it ({said or 'it said nothing'}).")
    return target


def draw_slides(path: Path, name: str, limits: Limits) -> Iterator[Page]:
    """The slides' text and pictures at their places on a white page: readable, not faithful. Raises Unreadable."""
    import pptx

    try:
        deck = pptx.Presentation(str(path))
        slides = list(deck.slides)
        scale = WIDTH / (deck.slide_width or 9_144_000)
        size = (WIDTH, round((deck.slide_height or 6_858_000) * scale))
    except Exception as error:  # python-pptx raises whatever a damaged package makes it raise
        raise Unreadable(f"{name} cannot be opened as PPTX ({error}): the file is damaged.") from error
    if not slides:
        raise Unreadable(f"{name} has no slide.")
    if len(slides) > limits.max_pages:
        raise Unreadable(too_many_pages(name, len(slides), limits))
    for number, slide in enumerate(slides, 1):
        page = Image.new("RGB", size, "white")
        for shape in _flat(slide.shapes):
            _draw_shape(page, shape, scale, shape == slide.shapes.title)
        yield to_page(page, number, limits, "python-pptx")


def _flat(shapes: Any) -> Iterator[Any]:
    for shape in shapes:
        if hasattr(shape, "shapes"):
            yield from _flat(shape.shapes)
        else:
            yield shape


def _draw_shape(page: Image.Image, shape: Any, scale: float, title: bool) -> None:
    left, top, width, height = (round((value or 0) * scale) for value in (shape.left, shape.top, shape.width,
                                                                         shape.height))
    if hasattr(shape, "image"):
        try:
            with Image.open(io.BytesIO(shape.image.blob)) as picture:
                page.paste(picture.convert("RGB").resize((max(1, width), max(1, height))), (left, top))
        except Exception:  # a picture that Pillow cannot draw (a vector, say) leaves its place white
            return
    elif shape.has_text_frame and shape.text_frame.text.strip():
        lines = [("• " if not title and paragraph.level >= 0 and len(shape.text_frame.paragraphs) > 1 else "")
                 + paragraph.text for paragraph in shape.text_frame.paragraphs if paragraph.text.strip()]
        _draw_text(page, lines, (left, top, max(width, 80), max(height, 30)), 44 if title else 30)
    elif getattr(shape, "has_table", False) and shape.has_table:
        lines = [" | ".join(cell.text for cell in row.cells) for row in shape.table.rows]
        _draw_text(page, lines, (left, top, max(width, 80), max(height, 30)), 24)


def _draw_text(page: Image.Image, lines: list[str], box: tuple[int, int, int, int], size: int) -> None:
    """Lines wrapped into the box, the font shrunk until they fit."""
    left, top, width, height = box
    draw = ImageDraw.Draw(page)
    while True:
        font = _font(size)
        wide = any(ord(letter) > 0x2E80 for line in lines for letter in line)
        columns = max(4, int(width / (size * (1.0 if wide else 0.54))))
        wrapped = [part for line in lines for part in textwrap.wrap(line, columns) or [""]]
        if len(wrapped) * size * 1.3 <= height or size <= 14:
            break
        size -= 2
    for row, line in enumerate(wrapped):
        draw.text((left + 6, top + round(row * size * 1.3)), line, fill="black", font=font)


@lru_cache(maxsize=64)
def _font(size: int) -> Any:
    for name in _FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)


def opens(path: Path) -> bool:
    return zipfile.is_zipfile(path)
