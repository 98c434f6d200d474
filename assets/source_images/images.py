"""One image file as RGB pages: opened with care, upright, flattened on white, capped in size, encoded as JPEG."""

import io
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps, ImageSequence, UnidentifiedImageError

from assets.source_images.unreadable import UnreadableError, starts_with

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"})
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
MAX_PIXELS = 89_000_000  # just below where Pillow itself suspects a decompression bomb
MAX_ASPECT = 100  # vision models refuse strips (Qwen-VL above 200 : 1)
JPEG_QUALITY = 92


def open_image(source: Path | io.BytesIO, name: str) -> Image.Image:
    """Open the header of an image and check its size; pixels are not decoded yet.

    name: how messages call it. Raises UnreadableError (not an image, a decompression bomb, a strip).
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(source, formats=FORMATS)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise UnreadableError(_too_large(name)) from error
    except UnidentifiedImageError as error:
        head = source.getvalue()[:512] if isinstance(source, io.BytesIO) else _head(source)
        raise UnreadableError(
            f"{name} is not an image (it starts with {starts_with(head)}); remove it or replace it"
        ) from error
    except Exception as error:  # Pillow's readers raise many kinds on damaged headers
        raise UnreadableError(_damaged(name, error)) from error
    check_size(image.width, image.height, name)
    return image


def check_size(width: int, height: int, name: str) -> None:
    """Raises UnreadableError where an image of this size (pixels) is a bomb or a strip."""
    if width * height > MAX_PIXELS:
        raise UnreadableError(_too_large(name, width, height))
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise UnreadableError(
            f"{name} is a strip of {width} x {height} pixels, which no vision model reads; cut it into pages"
        )


def frames(image: Image.Image, name: str) -> Iterator[Image.Image]:
    """Each page of an opened image, as `upright_rgb` gives it: every frame of a TIFF, the first one of all others.

    Raises UnreadableError where pixels cannot be decoded; a TIFF's message names the page.
    """
    if image.format != "TIFF":
        yield upright_rgb(image, name)
        return
    number = 1
    try:
        for number, frame in enumerate(ImageSequence.Iterator(image), 1):
            check_size(frame.width, frame.height, f"page {number} of {name}")
            yield upright_rgb(frame, f"page {number} of {name}")
    except UnreadableError:
        raise
    except (OSError, ValueError, SyntaxError, EOFError, KeyError, TypeError) as error:  # a damaged next-page pointer
        raise UnreadableError(_damaged(f"page {number + 1} of {name}", error)) from error


def frame_count(image: Image.Image, name: str) -> int:
    """How many pages `frames` gives."""
    if image.format != "TIFF":
        return 1
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception as error:
        raise UnreadableError(_damaged(name, error)) from error


def upright_rgb(image: Image.Image, name: str) -> Image.Image:
    """Decode into RGB (sRGB), upright by its EXIF orientation, transparency on white; raises UnreadableError."""
    try:
        image.load()
        profile = image.info.get("icc_profile")
        image = ImageOps.exif_transpose(image)
        if image.has_transparency_data:
            rgba = image.convert("RGBA")
            image = Image.new("RGBA", rgba.size, "white")
            image.alpha_composite(rgba)
        elif image.mode in ("I", "F") or image.mode.startswith("I;16"):
            image = _eight_bits(image)
        return _in_srgb(image, profile)
    except Exception as error:
        raise UnreadableError(_damaged(name, error)) from error


def fit(image: Image.Image, max_side: int) -> Image.Image:
    """The image with its longest side at most `max_side` pixels; never enlarged."""
    longest = max(image.size)
    if longest <= max_side:
        return image
    size = (max(1, round(image.width * max_side / longest)), max(1, round(image.height * max_side / longest)))
    return image.resize(size, Image.Resampling.LANCZOS)


def to_jpeg(image: Image.Image) -> bytes:
    """RGB pixels as JPEG bytes without metadata (no EXIF, no place, no comment); the same pixels, the same bytes."""
    bare = image.copy()
    bare.info = {}
    out = io.BytesIO()
    bare.save(out, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return out.getvalue()


def _eight_bits(image: Image.Image) -> Image.Image:
    """Grey levels of more than 8 bits, scaled instead of cut off: 16 bits by range, else by the maximum."""
    values = np.nan_to_num(np.asarray(image, dtype=np.float64))
    top = float(values.max(initial=0))
    scale = 1.0 if top <= 255 else 255 / max(65535, top)
    return Image.fromarray((values * scale).clip(0, 255).astype(np.uint8))


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Colours as a screen shows them, because the profile itself is not stored; a broken profile is ignored."""
    if profile and image.mode in ("RGB", "CMYK"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass
    return image.convert("RGB")


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(512)


def _too_large(name: str, width: int = 0, height: int = 0) -> str:
    size = f" ({width} x {height})" if width else ""
    return (
        f"{name} decompresses to more than {MAX_PIXELS // 1_000_000} million pixels{size}; make it smaller or remove it"
    )


def _damaged(name: str, error: Exception) -> str:
    detail = str(error) or type(error).__name__
    return f"{name} cannot be decoded ({detail}): the file is damaged or cut off; replace it"
