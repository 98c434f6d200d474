"""The trained rows, the curves of training and the scores, as far as there are any."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from assets.benchmark_scores.scores import SCORE_COLUMNS, read_means, read_summary
from assets.quality.gate import GateClosedError
from assets.training_dataset import Manifest, current_manifest
from resources.failures import StorageError
from resources.store import Store
from resources.training.checkpoint import TrainingError, current_checkpoint, read_training


@dataclass(frozen=True)
class Trained:
    """One checkpoint. rows: of its data set that it learnt; older: the gate has let through another data set since."""

    kind: Literal["sft", "dpo"]
    name: str
    dataset: str
    rows: int
    left_out: int
    older: bool
    curves: Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class TrainingFacts:
    """datasets: by gate (`sft`, `preference`); scores: of `columns`; means: model -> score -> its mean; says: what they
    are worth; written: when each data set and `<kind>_checkpoint` was, Unix time."""

    datasets: dict[str, Manifest] = field(default_factory=dict)
    trained: list[Trained] = field(default_factory=list)
    scores: Sequence[Sequence[str | int]] = ()
    means: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    says: Sequence[str] = ()
    written: dict[str, float] = field(default_factory=dict)
    columns: Sequence[str] = SCORE_COLUMNS


def read_training_facts(store: Store) -> TrainingFacts:
    """What is missing or damaged is left out."""
    datasets, trained, written = dict[str, Manifest](), list[Trained](), dict[str, float]()
    gates: tuple[tuple[Literal["sft", "preference"], Literal["sft", "dpo"]], ...] = (
        ("sft", "sft"),
        ("preference", "dpo"),
    )
    for gate, kind in gates:
        with suppress(GateClosedError, StorageError, OSError, TypeError, KeyError):
            manifest = current_manifest(store, gate)
            written[gate] = Path(manifest.path).stat().st_mtime
            datasets[gate] = manifest
        with suppress(TrainingError, StorageError, OSError, TypeError, KeyError):
            trained.append(_trained(store, kind, datasets.get(gate)))
            written[f"{kind}_checkpoint"] = current_checkpoint(store, kind).stat().st_mtime
    with suppress(StorageError, OSError, TypeError, AttributeError, KeyError):
        if summary := read_summary(store):
            says = (f"{summary['harness']}; judge: {summary['judge']}", summary["note"])
            return TrainingFacts(datasets, trained, summary["rows"], read_means(store), says, written)
    return TrainingFacts(datasets, trained, written=written)


def _trained(store: Store, kind: Literal["sft", "dpo"], current: Manifest | None) -> Trained:
    checkpoint = current_checkpoint(store, kind)
    record = read_training(checkpoint)
    left_out = sum(record.get("left_out", {}).values())
    older = current is None or current.id != record["dataset_id"]
    curves = {"loss": record["losses"], "accuracy": record.get("accuracies", []), "margin": record.get("margins", [])}
    rows = 0 if older or current is None else current.rows - left_out
    shown = {name: values for name, values in curves.items() if len(values) > 1}
    return Trained(kind, checkpoint.name, record["dataset_id"], rows, left_out, older, shown)
