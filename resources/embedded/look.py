"""How a picture looks: its colours, its light, and where in it something is to be seen."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

Floats: TypeAlias = npt.NDArray[np.float32]
Indices: TypeAlias = npt.NDArray[np.intp]

REGIONS = ("upper_left", "top", "upper_right", "left", "centre", "right", "lower_left", "bottom", "lower_right")


@dataclass(frozen=True)
class Look:
    """How an image looks, without its text. Regions are named in REGIONS; tones and details are 0-1."""

    format: str  # tall | wide | square
    colours: tuple[str, ...]  # most frequent first, at most four
    tone: float  # mean brightness
    contrast: float  # standard deviation of brightness
    saturation: float
    warmth: float  # mean red minus mean blue, -1..1
    symmetry: float  # 1: the halves mirror each other
    region_colours: tuple[str, ...]  # nine, as REGIONS
    region_tones: tuple[float, ...]
    region_details: tuple[float, ...]


def look_at(image: Image.Image) -> Look:
    """Colours, light and arrangement of an image, measured on 96 x 96 pixels."""
    width, height = image.size
    image.draft("RGB", (192, 192))
    small = ImageOps.exif_transpose(image).convert("RGB").resize((96, 96), Image.Resampling.BOX)
    rgb = np.asarray(small, dtype=np.float32) / 255.0
    hsv = np.asarray(small.convert("HSV"), dtype=np.float32) / 255.0
    value = rgb @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    detail = np.zeros_like(value)
    detail[:, 1:] += np.abs(np.diff(value, axis=1))
    detail[1:, :] += np.abs(np.diff(value, axis=0))
    names = _colour_names(hsv)
    blocks = [
        (slice(row * 32, row * 32 + 32), slice(column * 32, column * 32 + 32))
        for row in range(3)
        for column in range(3)
    ]
    found = _ranked(names)
    share = [colour for colour, part in found if part >= 0.02][:4] or [found[0][0]]
    mirror = float(np.abs(value - value[:, ::-1]).mean())
    ratio = width / height
    return Look(
        format="wide" if ratio > 1.1 else "tall" if ratio < 0.9 else "square",
        colours=tuple(share),
        tone=float(value.mean()),
        contrast=float(value.std()),
        saturation=float(hsv[..., 1].mean()),
        warmth=float(rgb[..., 0].mean() - rgb[..., 2].mean()),
        symmetry=max(0.0, 1 - 4 * mirror),
        region_colours=tuple(_ranked(names[block])[0][0] for block in blocks),
        region_tones=tuple(float(value[block].mean()) for block in blocks),
        region_details=tuple(float(detail[block].mean()) for block in blocks),
    )


_COLOURS = (
    "black",
    "dark_grey",
    "grey",
    "light_grey",
    "white",
    "red",
    "orange",
    "brown",
    "beige",
    "yellow",
    "olive",
    "green",
    "teal",
    "blue",
    "purple",
    "pink",
)


def _colour_names(hsv: Floats) -> Indices:
    """Index into _COLOURS for every pixel of an HSV image (0-1)."""
    hue, sat, val = hsv[..., 0] * 360, hsv[..., 1], hsv[..., 2]
    warm, gold, red = (hue >= 15) & (hue < 45), (hue >= 45) & (hue < 70), (hue < 15) | (hue >= 345)
    conditions = [
        val < 0.18,
        (sat < 0.13) & (val < 0.35),
        (sat < 0.13) & (val < 0.65),
        (sat < 0.13) & (val < 0.86),
        sat < 0.13,
        (warm | gold) & (sat < 0.38) & (val > 0.68),
        red & (sat < 0.45) & (val > 0.65),
        red & (val < 0.45),
        warm & ((val < 0.72) | (sat < 0.5)),
        gold & (val < 0.55),
        red,
        warm,
        gold,
        hue < 165,
        hue < 195,
        hue < 258,
        hue < 292,
    ]
    chosen = [
        "black",
        "dark_grey",
        "grey",
        "light_grey",
        "white",
        "beige",
        "pink",
        "brown",
        "brown",
        "olive",
        "red",
        "orange",
        "yellow",
        "green",
        "teal",
        "blue",
        "purple",
    ]
    return np.select(conditions, [_COLOURS.index(name) for name in chosen], default=_COLOURS.index("pink"))


def _ranked(names: Indices) -> list[tuple[str, float]]:
    """Every colour with its share of the pixels, 0-1, most frequent first."""
    counts = np.bincount(names.ravel(), minlength=len(_COLOURS))
    order = sorted(range(len(_COLOURS)), key=lambda at: (-int(counts[at]), at))
    return [(_COLOURS[at], float(counts[at]) / names.size) for at in order]
