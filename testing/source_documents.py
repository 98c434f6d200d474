"""Small real source documents: pictures, PDFs and decks, drawn the same each time."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pptx
from PIL import Image
from pptx.util import Inches

from assets.source_images.catalog import Catalog
from resources.settings import Settings


def catalog_of(settings: Settings) -> Catalog:
    """The catalogue of the settings' sources, in their home."""
    return Catalog(settings.home, settings.sources, settings)


def picture(path: Path, size: tuple[int, int] = (160, 120), seed: int = 0, **save: Any) -> Path:
    """An image of coloured squares, in the format of the name's ending."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _squares(size, seed).save(path, **save)
    return path


def pdf(path: Path, pages: int = 3, seed: int = 0) -> Path:
    """A PDF of coloured squares, each page with others."""
    path.parent.mkdir(parents=True, exist_ok=True)
    images = [_squares((200, 100), 1000 * (seed + 1) + page) for page in range(pages)]
    images[0].save(path, save_all=True, append_images=images[1:])
    return path


def deck(path: Path, slides: int = 2, hidden: bool = False) -> Path:
    """A PPTX with text and a picture on each slide; hidden: the first one is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    presentation = pptx.Presentation()
    image = io.BytesIO()
    Image.new("RGB", (100, 100), "red").save(image, "PNG")
    for number in range(1, slides + 1):
        slide = presentation.slides.add_slide(presentation.slide_layouts[1])
        title, body = slide.shapes.title, slide.placeholders[1]
        assert title is not None
        title.text = f"Gradient descent {number}"
        body.text = "A step against the slope\n学习率太大就会发散，太小就很慢"
        image.seek(0)
        slide.shapes.add_picture(image, Inches(7), Inches(5), Inches(2), Inches(2))
    if hidden:
        presentation.slides[0]._element.set("show", "0")
    presentation.save(str(path))
    return path


def _squares(size: tuple[int, int], seed: int) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1] // 8 + 1, size[0] // 8 + 1, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize(size)
