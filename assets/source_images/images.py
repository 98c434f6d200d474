"""Image files as pages: upright, on white, capped in size, without metadata."""

import io
import warnings
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from assets.source_images.pages import IMAGE_SUFFIXES, Limits, Page, Unreadable, natural_order

MAX_PIXELS = 100_000_000    # 100 megapixels: a larger image is refused before it is decoded
JPEG_QUALITY = 92


def read_image(path: Path, name: str, limits: Limits) -> Iterator[Page]:
    """The page of an image file; each frame of a TIFF, the first frame of an animation. Raises Unreadable."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(path) as image:
                frames = getattr(image, "n_frames", 1) if image.format == "TIFF" else 1
                if frames > limits.max_pages:
                    raise Unreadable(too_many_pages(name, frames, limits))
                for frame in range(frames):
                    image.seek(frame)
                    if image.width * image.height > MAX_PIXELS:
                        raise Unreadable(f"{name} is {image.width} x {image.height} pixels, more than "
                                         f"{MAX_PIXELS // 1_000_000} million: make it smaller.")
                    yield to_page(image, frame + 1, limits, "pillow")
        except UnidentifiedImageError as error:
            raise Unreadable(f"{name} is not an image ({first_bytes(path)}): remove it or replace it.") from error
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise Unreadable(f"{name} would decode to far too many pixels: make it smaller.") from error
        except (OSError, SyntaxError, ValueError, EOFError) as error:
            if isinstance(error, Unreadable):
                raise
            raise Unreadable(f"{name} cannot be decoded ({error}): the file is damaged or cut off.") from error


def read_folder(path: Path, name: str, limits: Limits) -> Iterator[Page]:
    """The images of a folder in natural order of their names; one bad image makes the whole folder Unreadable."""
    files = sorted((child for child in path.iterdir()
                    if child.suffix.lower() in IMAGE_SUFFIXES and not child.name.startswith(".")), key=natural_order)
    if not files:
        raise Unreadable(f"{name} holds no image.")
    if len(files) > limits.max_pages:
        raise Unreadable(too_many_pages(name, len(files), limits))
    for number, file in enumerate(files, 1):
        page = next(read_image(file, f"{name}/{file.name}", limits))
        yield Page(number, page.jpeg, page.width, page.height, page.reader)


def to_page(image: Image.Image, number: int, limits: Limits, reader: str) -> Page:
    """The image upright by its EXIF tag, flattened on white, at most `max_side` long, as JPEG without metadata."""
    upright = ImageOps.exif_transpose(image)
    upright.thumbnail((limits.max_side, limits.max_side), Image.Resampling.LANCZOS)
    if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
        layer = upright.convert("RGBA")
        upright = Image.new("RGB", layer.size, "white")
        upright.paste(layer, mask=layer.getchannel("A"))
    clean = upright.convert("RGB")
    clean.info = {}
    out = io.BytesIO()
    clean.save(out, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return Page(number, out.getvalue(), clean.width, clean.height, reader)


def opens(path: Path) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            with Image.open(path):
                return True
        except Exception:
            return False


def first_bytes(path: Path) -> str:
    """What the file starts with, in words."""
    with path.open("rb") as file:
        start = file.read(64)
    if start.isascii() and all(byte >= 32 or byte in b"\r\n\t" for byte in start):
        return "it starts with plain text"
    return f"it starts with bytes {start[:8].hex(' ')}"


def too_many_pages(name: str, pages: int, limits: Limits) -> str:
    return (f"{name} has {pages} pages, more than the {limits.max_pages} of LWV_MAX_PAGES: split it, or raise the "
            "limit.")
