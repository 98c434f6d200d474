"""The training mix beside the paper's: numbers for the manifest, and a table for people."""

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import fmean, median
from typing import TypedDict, cast

from assets.sft_dataset.general_chat import ChatReport
from assets.sft_dataset.mix import BUCKETS, LONG, SHORT, largest_size
from assets.sft_dataset.selection import Candidate, Selection
from assets.training_dataset import Manifest
from resources.recipe.model import Mix

# docs/method.md 1.1 to 1.3: the pool of 22,158 examples, and the 10,000 that SFT was run on.
PAPER_POOL: Mapping[str, float] = {
    "examples": 22_158,
    "single": 0.366,
    "multi": 0.285,
    "deck": 0.349,
    "stated": 0.226,
    "mean_words": 2037,
    "median_words": 1732,
}
PAPER_SAMPLE: Mapping[str, float] = {"examples": 10_000, "long": 0.21, "mean_words": 2800}
LABELS = {
    "examples": "examples",
    "single": "single image",
    "multi": "several images",
    "deck": "slide deck",
    "long": "over 4,000 words",
    "short": "under 1,500 words",
    "stated": "states its length",
    "mean_words": "mean words",
    "median_words": "median words",
    **{name: f"{name} words" for name in BUCKETS},
}


class MixReport(TypedDict):
    """The manifest's `report`. Shares are 0-1 of the examples without chat rows."""

    read: int  # examples of the sft split
    dropped: dict[str, int]  # by kind of reason
    kept: dict[str, float]  # counts, shares and lengths, named as in LABELS
    trained_on: dict[str, float]
    aim: dict[str, float]  # what the recipe asks for
    off: float  # the worst miss of a target
    largest_size: int  # mix.size that would meet every share; 0: none would
    chat: ChatReport


def mix_report(found: Selection, mix: Mix, chat: ChatReport) -> MixReport:
    """What was selected for the mix, beside what the recipe asks for. chat: `ChatDraw.report`."""
    assert found.plan is not None
    plan = found.plan
    aim: dict[str, float] = {"examples": mix.size or plan.size, "long": mix.long_share, "short": mix.short_share}
    for given, wanted in ((mix.kinds, plan.kinds), (mix.buckets, plan.buckets)):
        aim |= {name: count / plan.size for name, count in wanted.items()} if given and plan.size else {}
    available = Counter(candidate.stratum for candidate in found.kept)
    return {
        "read": found.read,
        "dropped": dict(sorted(found.reasons.items())),
        "kept": describe(found.kept),
        "trained_on": describe(found.chosen),
        "aim": aim,
        "off": plan.off(mix),
        "largest_size": largest_size(available, mix),
        "chat": chat,
    }


def mix_of(manifest: Manifest) -> MixReport | None:
    """The report of an SFT data set; None where it was written without one."""
    return cast(MixReport, manifest.report) if manifest.report else None


def describe(examples: Sequence[Candidate]) -> dict[str, float]:
    """Count, shares and lengths of some examples."""
    size = len(examples) or 1
    kinds, buckets = (Counter(example.stratum[axis] for example in examples) for axis in (0, 1))
    words = [example.words for example in examples] or [0]
    return {
        "examples": len(examples),
        **{kind: kinds[kind] / size for kind in ("single", "multi", "deck")},
        **{name: buckets[name] / size for name in BUCKETS},
        "long": buckets[LONG] / size,
        "short": sum(buckets[name] for name in SHORT) / size,
        "stated": sum(example.stated for example in examples) / size,
        "mean_words": fmean(words),
        "median_words": float(median(words)),
    }


def mix_table(report: MixReport) -> str:
    """The mix beside the paper's distribution, as Markdown."""
    lines = ["| | kept | trained on | aim | the paper's pool | the paper's SFT sample |", "|---|---|---|---|---|---|"]
    for name, label in LABELS.items():
        cells = (
            _cell(name, column.get(name))
            for column in (report["kept"], report["trained_on"], report["aim"], PAPER_POOL, PAPER_SAMPLE)
        )
        lines.append(f"| {label} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if name in ("examples", "mean_words", "median_words") else f"{value:.1%}"
