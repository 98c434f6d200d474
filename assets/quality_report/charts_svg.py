"""The geometry of the overview's charts: numbers in, what a template draws as SVG out. Pure functions."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import NamedTuple

WIDTH, HEIGHT = 300, 120  # of a curve's picture, in its own units
COLOURS = 4  # lines that a picture tells apart


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
    """One shard's place in a strip. at: its left edge, in cells."""

    at: int
    heat: int
    name: str
    says: str
    href: str
