"""The configuration file of each process that trains or writes, typed: what the asset writes and the process reads."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from resources.sampling import SampledBy
from resources.training.common_hyperparameters import Hyperparameters
from resources.training.dpo.hyperparameters import DpoHyperparameters
from resources.training.generation_lines import NamedModel, PromptLine
from resources.training.sft.hyperparameters import SftHyperparameters


@dataclass(frozen=True, kw_only=True)
class GenerationRun:
    """Checkpoints that answer prompts, each prompt once."""

    models: list[NamedModel]
    prompts: list[PromptLine]
    output: Path  # JSON lines, only ever added to
    sampling: SampledBy
    max_pixels: int | None = None  # of an image, for all of them alike; None: as each one's processor has it

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """From what `as_json` wrote."""
        return cls(**{**raw, "output": Path(raw["output"])})

    def as_json(self) -> dict[str, object]:
        """What is on disk."""
        return {**vars(self), "output": str(self.output)}


@dataclass(frozen=True, kw_only=True)
class TrainingRun:
    """What a run is told, whatever it trains."""

    dataset: Path  # a parquet file
    dataset_id: str
    student: str  # as LWV_STUDENT names it
    output: Path  # the checkpoint's folder, there once the run is finished
    authors: list[str]  # of the data
    hyperparameters: Hyperparameters

    def as_json(self) -> dict[str, object]:
        """What is on disk: paths as strings, hyperparameters under `recipe`."""
        own = {name: str(value) if isinstance(value, Path) else value for name, value in vars(self).items()}
        del own["hyperparameters"]
        return {**own, "recipe": asdict(self.hyperparameters)}


@dataclass(frozen=True, kw_only=True)
class SftRun(TrainingRun):
    """Supervised fine-tuning of the student."""

    base_folder: Path  # where a student that is built here is kept
    hyperparameters: SftHyperparameters

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """From what `as_json` wrote."""
        return cls(
            dataset=Path(raw["dataset"]),
            dataset_id=raw["dataset_id"],
            student=raw["student"],
            output=Path(raw["output"]),
            authors=raw["authors"],
            base_folder=Path(raw["base_folder"]),
            hyperparameters=SftHyperparameters(**raw["recipe"]),
        )


@dataclass(frozen=True, kw_only=True)
class DpoRun(TrainingRun):
    """Preference training of an SFT checkpoint."""

    sft: Path  # the checkpoint's folder
    reference: Path  # the file of the reference's log-probabilities, written where it is not there
    hyperparameters: DpoHyperparameters

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """From what `as_json` wrote."""
        return cls(
            dataset=Path(raw["dataset"]),
            dataset_id=raw["dataset_id"],
            student=raw["student"],
            output=Path(raw["output"]),
            authors=raw["authors"],
            sft=Path(raw["sft"]),
            reference=Path(raw["reference"]),
            hyperparameters=DpoHyperparameters(**raw["recipe"]),
        )
