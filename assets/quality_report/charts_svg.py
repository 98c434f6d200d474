"""The geometry of the overview's charts: numbers in, what a template draws as SVG out. Pure functions."""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import NamedTuple

WIDTH, HEIGHT = 300, 120  # of a curve's picture, in its own units
COLOURS = 4  # lines that a picture tells apart
LENGTH_BINS = 21  # tenths of the planned length, 0 to 2, and what is longer


class Line(NamedTuple):
    """One curve. points: as an SVG polyline has them; first, last: its values at both ends."""

    name: str
    points: str
    first: float
    last: float
    colour: int


class Curves(NamedTuple):
    """Several curves in one picture, with the range of their values."""

    lines: list[Line]
    least: float
    most: float
    steps: int


def curves(values: Mapping[str, Sequence[float]]) -> Curves | None:
    """values: by name, a value a step. None where there is nothing to draw; values that are no numbers are left out."""
    finite = {name: [value for value in line if isfinite(value)] for name, line in values.items()}
    finite = {name: line for name, line in finite.items() if len(line) > 1}
    if not finite:
        return None
    everything = [value for line in finite.values() for value in line]
    least, most = min(everything), max(everything)
    steps = max(len(line) for line in finite.values())
    lines = [
        Line(name, _points(line, least, most, steps), line[0], line[-1], number % COLOURS)
        for number, (name, line) in enumerate(finite.items())
    ]
    return Curves(lines, least, most, steps)


def _points(line: Sequence[float], least: float, most: float, steps: int) -> str:
    across, up = WIDTH / (steps - 1), (HEIGHT - 4) / ((most - least) or 1)
    return " ".join(
        f"{number * across:.1f},{HEIGHT - 2 - (value - least) * up:.1f}" for number, value in enumerate(line)
    )


class Cell(NamedTuple):
    """One shard's place in a strip. at: its left edge, in cells, of which it takes `wide`; shade: its class, h0 to h5
    or another of the sheet."""

    at: int
    shade: str
    name: str
    says: str
    href: str
    wide: int = 1


class Bar(NamedTuple):
    """One bar of a histogram, in hundredths of the picture. says: its range and count."""

    left: float
    height: float
    says: str


def histograms(counts: Mapping[str, Counter[int]]) -> dict[str, list[Bar]]:
    """kind -> texts by words written against words planned, in bins of a tenth; the last one has all above."""
    found = {}
    for kind, of_kind in sorted(counts.items()):
        most = max(of_kind.values(), default=1)
        found[kind] = [
            Bar(100 * at / LENGTH_BINS, 100 * of_kind[at] / most, f"{_range(at)} of the plan: {of_kind[at]:,}")
            for at in range(LENGTH_BINS)
            if of_kind[at]
        ]
    return found


def _range(at: int) -> str:
    low = f"{at / 10:.0%}"
    return f"{low} and more" if at == LENGTH_BINS - 1 else f"{low} to {(at + 1) / 10:.0%}"
