"""Runs of words as numbers: what near duplicates and overlaps are found by, without keeping a text."""

import zlib
from collections.abc import Iterable, Sequence

import numpy as np

_ODD = np.uint64(0x9E3779B97F4A7C15)


def shingles(words: Sequence[str], length: int) -> np.ndarray:
    """Sorted unique 64-bit hashes of every `length` words side by side; empty where there are fewer words."""
    if len(words) < length:
        return np.empty(0, np.uint64)
    each = np.fromiter((zlib.crc32(word.encode()) for word in words), np.uint64, len(words))
    mixed = np.zeros(len(words) - length + 1, np.uint64)
    for offset in range(length):  # wraps around, which is the arithmetic wanted
        mixed = (mixed ^ each[offset : offset + len(mixed)]) * _ODD
        mixed ^= mixed >> np.uint64(29)
    return np.unique(mixed)


class RunIndex:
    """The shingles of many texts, to ask how much of another text stands in the one that shares most with it.

    One text at a time, so that stock phrases that stand in many of them do not add up. 12 bytes a shingle.
    """

    def __init__(self, texts: Iterable[np.ndarray]) -> None:
        """texts: the shingles of each."""
        parts = list(texts)
        owners = np.repeat(np.arange(len(parts), dtype=np.int32), [len(part) for part in parts])
        runs = np.concatenate([np.empty(0, np.uint64), *parts])
        order = np.argsort(runs, kind="stable")
        self._runs, self._owners = runs[order], owners[order]

    def largest_share(self, runs: np.ndarray) -> tuple[float, int]:
        """(share of `runs` that stand in one text, 0-1; the index of that text); (0, -1) where none does."""
        first, last = (np.searchsorted(self._runs, runs, side) for side in ("left", "right"))
        found = last - first
        if not found.any():
            return 0.0, -1
        starts = np.repeat(first - np.concatenate([[0], np.cumsum(found)[:-1]]), found)
        counts = np.bincount(self._owners[starts + np.arange(found.sum())])
        return float(counts.max()) / len(runs), int(counts.argmax())
