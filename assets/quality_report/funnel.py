"""The funnel from files to trained rows: what each stage holds, what was lost before it, and the rows behind it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlencode

from assets.quality_report.table_facts import Facts
from assets.quality_report.training_facts import TrainingFacts
from assets.source_files.summary import FileTally

Branch = Literal["both", "sft", "preference"]


@dataclass(frozen=True)
class Lost:
    """Some rows that do not go on. href: where they are listed, of `lwv look`."""

    rows: int
    what: str
    href: str


@dataclass(frozen=True)
class Stage:
    """count: of `unit`, e.g. pages; documents: that still have a row here, None where it cannot be told."""

    name: str
    branch: Branch
    count: int
    unit: str
    documents: int | None
    lost: tuple[Lost, ...] = ()

    @property
    def counted(self) -> str:
        """The unit as its count has it: `1 document`, `2 documents`."""
        return self.unit.removesuffix("s") if self.count == 1 else self.unit


def funnel(facts: Facts, files: FileTally, training: TrainingFacts) -> list[Stage]:
    """In the order of the lineage: what both data sets share, then each on its own."""
    return [*_shared(facts, files), *_sft(facts, training), *_preference(facts, training)]


def share(stage: Stage, stages: list[Stage]) -> float | None:
    """Of the documents that its branch began with, those that are left, 0-1."""
    first = next((each.documents for each in stages if each.branch == stage.branch and each.documents), None)
    return None if first is None or stage.documents is None else stage.documents / first


def _shared(facts: Facts, files: FileTally) -> Iterator[Stage]:
    there = files.became.total() - files.became["removed"]
    unread = Lost(files.unread, "not read", "/losses?step=source_files")
    yield Stage("Files", "both", there, "files", None, (unread,) if files.unread else ())
    for table, name, unit in (
        ("source_images", "Documents read", "pages"),
        ("instructions", "Instructions", "examples"),
        ("long_outputs", "Long outputs", "texts"),
    ):
        yield Stage(name, "both", facts.count_of(table), unit, facts.documents_of(table).total(), _aside(facts, table))
    yield Stage("Segments", "both", facts.count_of("segments"), "segments", None, _aside(facts, "segments"))


def _sft(facts: Facts, training: TrainingFacts) -> Iterator[Stage]:
    written = facts.documents_of("long_outputs")["sft"]
    yield Stage("Written for SFT", "sft", written, "documents", written)
    if dataset := training.datasets.get("sft"):
        yield Stage("SFT data set", "sft", dataset.rows, "rows", None, _aside(facts, "sft_dataset"))
    yield from _learnt(training, "sft", "sft")


def _preference(facts: Facts, training: TrainingFacts) -> Iterator[Stage]:
    corrected = facts.tables.get("corrected_segments", {})
    written = facts.documents_of("long_outputs")["preference"]
    yield Stage("Written for preferences", "preference", written, "documents", written)
    edited = sum(each.edited for each in corrected.values())
    same = facts.count_of("corrected_segments") - edited
    unedited = Lost(same, "left as they were", "/queue?split=preference")
    aside = _aside(facts, "corrected_segments")
    yield Stage("Corrected segments", "preference", edited, "edited", None, (*aside, *((unedited,) if same else ())))
    pairs = facts.count_of("preference_pairs")
    yield Stage("Preference pairs", "preference", pairs, "pairs", None, _aside(facts, "preference_pairs"))
    if dataset := training.datasets.get("preference"):
        yield Stage(
            "Preference data set", "preference", dataset.rows, "rows", None, _aside(facts, "preference_dataset")
        )
    yield from _learnt(training, "dpo", "preference")


def _learnt(training: TrainingFacts, kind: str, branch: Branch) -> Iterator[Stage]:
    for each in training.trained:
        if each.kind == kind:
            unit = "rows of an older data set" if each.older else "rows"
            left_out = Lost(each.left_out, "too long to train on", f"/row/{each.name}")
            yield Stage("Trained on", branch, each.rows, unit, None, (left_out,) if each.left_out else ())


def _aside(facts: Facts, step: str) -> tuple[Lost, ...]:
    """In quarantine, by kind of reason, the most first."""
    kinds = dict[str, int]()
    for (name, kind, _), rows in facts.quarantine.items():
        if name == step:
            kinds[kind] = kinds.get(kind, 0) + rows
    return tuple(
        Lost(rows, kind, f"/losses?{urlencode({'step': step, 'kind': kind})}")
        for kind, rows in sorted(kinds.items(), key=lambda item: -item[1])
    )
