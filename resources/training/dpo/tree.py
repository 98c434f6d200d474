"""Texts that begin alike, packed as one prefix tree: each shared token is computed once, for all of them. No torch.

The packed order is depth first. `ends[k]` says how far below token k the tree goes, so token q sees token k where
k <= q < ends[k]: only its own beginning. Where several texts go on after one token, all but the first get a copy of
that token in front (same position, same context), so that every token has one successor and labels shift as usual.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass
class Run:
    """Tokens without a fork: `keys[text][low:high]` of the text that brought them first."""

    text: int
    low: int
    high: int
    below: dict[int, "Run"] = field(default_factory=dict)  # by the first key of each
    at: int = 0  # packed index of the first token
    copied: bool = False  # whether a copy of the fork's token stands before it
    ends: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))


@dataclass(frozen=True)
class Tree:
    """N packed tokens."""

    text: np.ndarray  # [N] which text a packed token was taken from …
    offset: np.ndarray  # [N] … and where it stands in it
    copies: np.ndarray  # [N] bool: the copy of a fork's token, scored nowhere
    ends: np.ndarray  # [N] seen by the tokens of its subtree: from itself to below this packed index
    places: list[np.ndarray]  # per text, the packed index of each of its tokens


def pack(keys: Sequence[np.ndarray]) -> Tree:
    """The prefix tree of texts given as integer keys, one per token; equal keys after equal beginnings are shared."""
    root = Run(0, 0, 0)
    for number in range(len(keys)):
        _insert(root, keys, number)
    runs: list[Run] = []
    size = 0
    for run in root.below.values():
        size = _place(run, False, size, runs)
    lows = [run.low - run.copied for run in runs]
    copies = np.zeros(size, dtype=bool)
    copies[[run.at - 1 for run in runs if run.copied]] = True
    return Tree(
        np.repeat([run.text for run in runs], [len(run.ends) for run in runs]),
        np.concatenate([np.arange(low, run.high) for run, low in zip(runs, lows, strict=True)]),
        copies,
        np.concatenate([run.ends for run in runs]),
        [np.concatenate(list(_find(root, text))) for text in keys],
    )


def _insert(root: Run, keys: Sequence[np.ndarray], number: int) -> None:
    text, run, done = keys[number], root, 0
    while done < len(text):
        found = run.below.get(text[done])
        if found is None:
            run.below[text[done]] = Run(number, done, len(text))
            return
        length = min(found.high - found.low, len(text) - done)
        differs = keys[found.text][found.low : found.low + length] != text[done : done + length]
        common = int(differs.argmax()) if differs.any() else length
        if common < found.high - found.low:
            fork = found.low + common
            found.below = {keys[found.text][fork]: Run(found.text, fork, found.high, found.below)}
            found.high = fork
        run, done = found, done + common


def _place(run: Run, copied: bool, at: int, runs: list[Run]) -> int:
    """Give a run and all below it their packed indices from `at` on; returns the index after them."""
    run.at, run.copied = at + copied, copied
    runs.append(run)
    end = after_first = run.at + run.high - run.low
    for number, child in enumerate(run.below.values()):
        end = _place(child, number > 0, end, runs)
        if number == 0:
            after_first = end
    run.ends = np.full(run.high - run.low + copied, end)
    run.ends[-1] = after_first  # the other branches see their copy of it
    return end


def _find(root: Run, text: np.ndarray) -> Iterator[np.ndarray]:
    run, done = root, 0
    while done < len(text):
        run = run.below[text[done]]
        yield np.arange(run.at, run.at + run.high - run.low)
        done += run.high - run.low
