"""The pictures of the report, drawn with matplotlib and returned as PNG bytes."""

from collections.abc import Mapping, Sequence
from math import nan
from typing import NamedTuple

from resources.charts import as_png, curve_picture, new_figure


class Lengths(NamedTuple):
    """How long one text was planned and is, in words. kind: of its document."""

    kind: str
    planned: int
    written: int


def words_picture(outputs: Sequence[Lengths]) -> bytes:
    """Words written against words planned (stated to the model or not), a dot per example; the line is the plan."""
    figure, axes = new_figure()
    for kind in ("single", "multi", "deck"):
        mine = [text for text in outputs if text.kind == kind]
        axes.scatter([text.planned for text in mine], [text.written for text in mine], s=24, label=kind)
    top = max([100, *(text.planned for text in outputs)])
    axes.plot([0, top], [0, top], color="grey", linewidth=0.8)
    axes.set(xlabel="words planned", ylabel="words written", title="Length of long_outputs")
    axes.legend(frameon=False)
    return as_png(figure)


def loss_picture(curves: Mapping[str, Sequence[float]]) -> bytes:
    """Training loss by step, a line per checkpoint."""
    return curve_picture("loss", curves)


def scores_picture(models: Mapping[str, Mapping[str, float | None]]) -> bytes:
    """Length score and quality score, a pair of bars per model."""
    figure, axes = new_figure()
    for offset, key in ((-0.2, "S_l"), (0.2, "S_q")):
        axes.bar(
            [i + offset for i in range(len(models))],
            [nan if (value := means[key]) is None else value for means in models.values()],
            0.36,
            label=key,
        )
    axes.set_xticks(range(len(models)), list(models))
    axes.set(ylim=(0, 100), ylabel="score, 0-100", title="Benchmark: held_out")
    axes.legend(frameon=False)
    return as_png(figure)
