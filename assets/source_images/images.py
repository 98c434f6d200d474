"""One image file as RGB pages: opened with care, upright, flattened on white, capped in size, encoded as JPEG."""

import io
import math
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageOps, UnidentifiedImageError

from assets.source_images.unreadable import UnreadableError, starts_with, unreadable

SUFFIXES = frozenset({".jpg", ".jpeg", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"})
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
MAX_PIXELS = 89_000_000  # just below where Pillow itself suspects a decompression bomb
MAX_ASPECT = 100  # vision models refuse strips (Qwen-VL above 200 : 1)
MAX_SHRUNK_ASPECT = 16  # of a page that is made smaller: at 1,024 pixels its short side still has 64
MIN_SIDE = 28  # pixels: one patch of Qwen-VL
LARGE = 24_000_000  # pixels; a larger image is never copied whole: one of MAX_PIXELS takes 350 MB
BAND = 4_000_000  # pixels of a large image that are looked at together
JPEG_QUALITY = 92


def open_image(source: Path | io.BytesIO, name: str) -> Image.Image:
    """Open the header of an image and check its size; pixels are not decoded yet.

    name: how messages call it. Raises UnreadableError (not an image, a decompression bomb, a strip, a dot).
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
        raise unreadable(name, error) from error
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


def check_page(width: int, height: int, max_side: int, name: str) -> None:
    """Raises UnreadableError where nobody could read a page of this size (pixels), or what `fit` makes of it."""
    if min(width, height) < MIN_SIDE:
        raise UnreadableError(
            f"{name} is {width} x {height} pixels; give a picture of at least {MIN_SIDE} x {MIN_SIDE}, or remove it"
        )
    if max(width, height) > max(max_side, MAX_SHRUNK_ASPECT * min(width, height)):
        left = max(1, round(min(width, height) * max_side / max(width, height)))
        raise UnreadableError(
            f"{name} is a strip of {width} x {height} pixels, of whose short side {left} are left at "
            f"LWV_MAX_SIDE={max_side}; cut it into pages"
        )


def frames(image: Image.Image, name: str) -> Iterator[Image.Image]:
    """Each page of an opened image, as `upright_rgb` gives it: every frame of a TIFF, the first one of all others.

    Raises UnreadableError where pixels cannot be decoded; a TIFF's message names the page.
    """
    if image.format != "TIFF":
        yield upright_rgb(image, name)
        return
    number = 1
    while _has_frame(image, number, name):
        page = f"page {number} of {name}"
        check_size(image.width, image.height, page)
        yield upright_rgb(image, page)
        number += 1


def frame_count(image: Image.Image, name: str, most: int) -> int:
    """How many pages `frames` gives; where there are more than `most`, `most` + 1: nobody counts 200,000."""
    count = 1
    while image.format == "TIFF" and count <= most and _has_frame(image, count + 1, name):
        count += 1
    image.seek(0)
    return count


def upright_rgb(image: Image.Image, name: str) -> Image.Image:
    """Decode into RGB (sRGB), upright by its EXIF orientation, transparency on white; raises UnreadableError.

    A large image comes out smaller, with at most LARGE pixels.
    """
    try:
        profile = image.info.get("icc_profile")
        factor = math.ceil(math.sqrt(image.width * image.height / LARGE))
        if factor > 1 and image.format == "JPEG":
            image.draft(None, (image.width // factor, image.height // factor))  # decoded small
            factor = math.ceil(math.sqrt(image.width * image.height / LARGE))
        image.load()
        if factor > 1:
            return _shrunk(image, factor, profile)
        return _flat(ImageOps.exif_transpose(image), profile)
    except Exception as error:
        raise unreadable(name, error) from error


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


def _has_frame(image: Image.Image, number: int, name: str) -> bool:
    """Go to a TIFF's page (1-based) where it has one."""
    try:
        image.seek(number - 1)
    except EOFError:
        return False
    except Exception as error:  # a damaged next-page pointer
        raise unreadable(f"page {number} of {name}", error) from error
    return True


def _flat(image: Image.Image, profile: bytes | None, top: float | None = None) -> Image.Image:
    """In RGB (sRGB), transparency on white. top: the lightest level of the whole, where this is a part of it."""
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = Image.new("RGBA", rgba.size, "white")
        image.alpha_composite(rgba)
    elif image.mode in ("I", "F") or image.mode.startswith("I;16"):
        image = _eight_bits(image, top)
    return _in_srgb(image, profile)


def _shrunk(image: Image.Image, factor: int, profile: bytes | None) -> Image.Image:
    """A large image, upright and flat, `factor` times smaller: band by band, so that no second copy of it is made."""
    deep = image.mode in ("I", "F") or image.mode.startswith("I;16")
    extrema: tuple[float, ...] = image.getextrema() if deep else ()  # type: ignore[assignment]  # of one band
    small = Image.new("RGB", (math.ceil(image.width / factor), math.ceil(image.height / factor)))
    rows = max(1, BAND // image.width // factor) * factor
    for top in range(0, image.height, rows):
        band = image.crop((0, top, image.width, min(image.height, top + rows)))
        small.paste(_flat(band, profile, extrema[1] if deep else None).reduce(factor), (0, top // factor))
    small.getexif()[ExifTags.Base.Orientation] = image.getexif().get(ExifTags.Base.Orientation, 1)
    ImageOps.exif_transpose(small, in_place=True)
    return small


def _eight_bits(image: Image.Image, top: float | None) -> Image.Image:
    """Grey levels of more than 8 bits, scaled instead of cut off: 16 bits by range, else by the maximum."""
    values = np.nan_to_num(np.asarray(image, dtype=np.float64))
    top = float(values.max(initial=0)) if top is None else top
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
