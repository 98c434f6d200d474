"""Charts as PNG bytes, drawn with matplotlib. A leaf: it imports nothing of ours."""

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def curve_picture(what: str, curves: Mapping[str, Sequence[float]]) -> bytes:
    """PNG bytes: a quantity of training (`what`, as the axis names it) by step, a line per name of `curves`."""
    figure, axes = new_figure()
    for name, values in curves.items():
        axes.plot(range(1, len(values) + 1), values, marker=".", label=name)
    axes.set(xlabel="step", ylabel=what, title=f"Training {what}")
    axes.legend(frameon=False)
    return as_png(figure)


def new_figure() -> tuple["Figure", "Axes"]:
    """An empty figure of 468 x 306 pixels and its axes."""
    from matplotlib.figure import Figure  # not pyplot: no global state, no display

    figure = Figure(figsize=(5.2, 3.4), dpi=90, layout="constrained")
    return figure, figure.subplots()


def as_png(figure: "Figure") -> bytes:
    """The figure drawn as PNG bytes."""
    out = io.BytesIO()
    figure.savefig(out, format="png")
    return out.getvalue()
