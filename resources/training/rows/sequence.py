"""One training text as a Qwen-VL sees it: its tokens, which of them are trainable, and their rotary positions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from resources.training.rows.processor import Tokenizer

IMAGE_PAD = "<|image_pad|>"
VISION = ("<|vision_start|>", IMAGE_PAD, "<|vision_end|>")


class Grid(NamedTuple):
    """An image in visual tokens."""

    height: int
    width: int

    @property
    def tokens(self) -> int:
        """How many there are."""
        return self.height * self.width


class RowError(ValueError):
    """A row that cannot be trained on; the sentence names it."""


@dataclass(frozen=True)
class Size:
    """Tokens of a text, or of a forward pass."""

    tokens: int
    vision_tokens: int  # of these
    images: int

    def __str__(self) -> str:
        text = self.tokens - self.vision_tokens
        return f"{self.tokens} tokens ({text} of text, {self.vision_tokens} of {self.images} images)"


@dataclass(frozen=True)
class Tokens:
    """One text: S tokens in order, each image as many `<|image_pad|>` as it has visual tokens."""

    ids: np.ndarray  # [S] int64
    trainable: np.ndarray  # [S] bool: text that the model is to write, so never an image's token
    positions: np.ndarray  # [3, S] int64: time, height, width, as Qwen-VL's `get_rope_index` has them
    images: tuple[int, ...]  # which of the row's (or document's) images stands at each block of pads
    pads: np.ndarray  # [S] bool: visual tokens

    @property
    def vision_tokens(self) -> int:
        """How many are an image's."""
        return int(self.pads.sum())

    @property
    def size(self) -> Size:
        """How many there are."""
        return Size(len(self.ids), self.vision_tokens, len(self.images))


def tokenize(
    name: str,
    tokenizer: Tokenizer,
    given: str,
    trainable: str,
    images: Sequence[int],
    grids: Sequence[Grid],
) -> Tokens:
    """`given` then `trainable`, tokenized apart as TRL does, with image `images[k]` at the k-th `<|image_pad|>`.

    grids: of all images of the row. Raises RowError, with `name` in its sentence, where the placeholders are not as
    many as the images or nothing is trainable.
    """
    pad, *vision = (tokenizer.convert_tokens_to_ids(token) for token in (IMAGE_PAD, *VISION))
    before, after = (
        np.asarray(tokenizer(text, add_special_tokens=False)["input_ids"], dtype=np.int64)
        for text in (given, trainable)
    )
    short = np.concatenate([before, after])
    places = np.flatnonzero(short == pad)
    if len(places) != len(images):
        raise RowError(f"{name}: {len(images)} images for {len(places)} image placeholders in its text.")
    repeats = np.ones(len(short), dtype=np.int64)
    repeats[places] = [grids[image].tokens for image in images]
    ids = np.repeat(short, repeats)
    mask = np.repeat(np.arange(len(short)) >= len(before), repeats) & ~np.isin(ids, vision)
    if not mask.any():
        raise RowError(f"{name}: nothing is trainable, its answer is empty.")
    return Tokens(ids, mask, rotary_positions(ids, pad, [grids[image] for image in images]), tuple(images), ids == pad)


def rotary_positions(ids: np.ndarray, pad: int, grids: Sequence[Grid]) -> np.ndarray:
    """[3, S] positions: text counts on in all three; an image stands still in time, and takes the longer of its sides.

    A token's position depends on what precedes it alone, so texts that begin alike have alike positions.
    """
    positions = np.empty((3, len(ids)), dtype=np.int64)
    at, position = 0, 0
    for start, (height, width) in zip(_blocks(ids == pad, grids), grids, strict=True):
        positions[:, at:start] = position + np.arange(start - at)
        position += start - at
        rows, columns = np.divmod(np.arange(height * width), width)
        at = start + height * width
        positions[:, start:at] = position + np.stack([np.zeros_like(rows), rows, columns])
        position += max(height, width)
    positions[:, at:] = position + np.arange(len(ids) - at)
    return positions


def _blocks(pads: np.ndarray, grids: Sequence[Grid]) -> Iterator[int]:
    """Where each image's pads begin; `<|vision_start|>` and `<|vision_end|>` keep two images apart."""
    starts = np.flatnonzero(pads & ~np.concatenate([[False], pads[:-1]]))
    if len(starts) != len(grids):
        raise ValueError(f"{len(starts)} blocks of image tokens for {len(grids)} images")
    yield from (int(start) for start in starts)
