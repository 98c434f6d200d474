"""How many tokens a row is, roughly and without any model: bytes of text, and pixels of images."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

BYTES_PER_TOKEN = 4  # of UTF-8 text; docs/release.md says how far off that is
SIDE = 28  # pixels of a visual token's side (Qwen2.5-VL: 2 x 2 patches of 14)
MIN_PIXELS, MAX_PIXELS = 3_136, 12_845_056  # of an image, in Qwen2.5-VL's own processor
IMAGE_MARKS = 2  # vision_start, vision_end
PAPER_PIXELS = 280  # the paper resizes each image to 280 x 280 (docs/method.md 3.5)
TEMPLATE = 24  # system turn, roles and ends of turns
CUTOFFS = (8_192, 16_384, 32_768)


@dataclass(frozen=True)
class Tokens:
    """text: of all turns, with the template. vision: of the images as they are. images: how many there are."""

    text: int
    vision: int
    images: int

    @property
    def stored(self) -> int:
        """With the images at their stored size."""
        return self.text + self.vision

    @property
    def paper(self) -> int:
        """With the images at the paper's 280 x 280 pixels."""
        return self.text + self.images * (vision_tokens(PAPER_PIXELS, PAPER_PIXELS) + IMAGE_MARKS)


def count_tokens(texts: Iterable[str], sizes: Iterable[tuple[int, int]]) -> Tokens:
    """texts: the turns of one row. sizes: (width, height) of its images, pixels."""
    counts = [vision_tokens(width, height) + IMAGE_MARKS for width, height in sizes]
    return Tokens(TEMPLATE + sum(text_tokens(text) for text in texts), sum(counts), len(counts))


def text_tokens(text: str) -> int:
    """Tokens of a text, about."""
    return math.ceil(len(text.encode()) / BYTES_PER_TOKEN)


def vision_tokens(width: int, height: int) -> int:
    """Visual tokens of one image, after Qwen's resize: sides to multiples of 28, area within the two bounds."""
    w, h = (max(SIDE, round(side / SIDE) * SIDE) for side in (width, height))
    if w * h > MAX_PIXELS:
        shrink = math.sqrt(width * height / MAX_PIXELS)
        w, h = (max(SIDE, math.floor(side / shrink / SIDE) * SIDE) for side in (width, height))
    elif w * h < MIN_PIXELS:
        grow = math.sqrt(MIN_PIXELS / (width * height))
        w, h = (math.ceil(side * grow / SIDE) * SIDE for side in (width, height))
    return (w // SIDE) * (h // SIDE)
