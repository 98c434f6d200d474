"""What leaves a training no choice: a family's way, which only packed documents
have layouts for, and what is installed."""

from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from typing import TypeVar

from resources.training.common_hyperparameters import Hyperparameters, Optimizer, Reports
from resources.training.dpo.hyperparameters import DpoHyperparameters, Layout
from resources.training.sft.hyperparameters import SftHyperparameters
from resources.training.students.families.family import SAYS, Family

Numbers = TypeVar("Numbers", SftHyperparameters, DpoHyperparameters)


class LayoutError(ValueError):
    """A layout of images that the student cannot be trained with; the sentence says which can."""


class PackageError(ValueError):
    """A package that the recipe needs and that is not installed; the sentence says how it is."""


def require_reports(reports: Reports) -> None:
    """Raise PackageError where the package that curves are written with is missing."""
    if reports != "none" and find_spec(reports) is None:
        raise PackageError(
            f'training.reports = "{reports}" needs the package {reports}: pip install {reports}, or set "tensorboard" '
            'or "none" in the recipe (LWV_RECIPE).'
        )


def require_optimizer(optimizer: Optimizer) -> None:
    """Raise PackageError where its package is missing."""
    if optimizer == "adamw_8bit" and find_spec("torchao") is None:
        raise PackageError(
            'training.optimizer = "adamw_8bit" needs torchao: pip install "lwv_dagster[adamw8]", or '
            'set "adamw" in the recipe (LWV_RECIPE).'
        )


def without_effect(hyperparameters: Hyperparameters) -> list[str]:
    """What the recipe asks of a run and cannot have, a sentence each."""
    found = []
    rates = hyperparameters.vision_rate is not None or hyperparameters.merger_rate is not None
    if hyperparameters.lora_rank and not hyperparameters.freeze_vision:
        found.append("adapters stand on the language model alone: the vision tower and its merger are not trained")
    elif hyperparameters.freeze_vision and rates:
        found.append("the vision tower is frozen (freeze_vision): vision_rate and merger_rate have no effect")
    if hyperparameters.eval_steps and not hyperparameters.validation_share:
        found.append("no document is held back (validation_share): eval_steps has no effect")
    return found


def require_layout(family: Family, layout: Layout) -> None:
    """Raise LayoutError for images inside an answer, where pairs are not packed: TRL's own trainer knows none there."""
    if layout == "interleaved" and family.way != "packed":
        raise LayoutError(
            f'training.layout = "interleaved" is for students whose pairs are packed, and {family.name} is trained '
            'pair by pair: set "images_first" or "paper" in the recipe (LWV_RECIPE).'
        )


def as_trained(hyperparameters: Numbers, family: Family, say: Callable[[str], None]) -> Numbers:
    """The hyperparameters that the family is trained with; what they cost it is said. Raises LayoutError."""
    if family.way == "packed":
        return hyperparameters
    say(f"{family.name}: {SAYS[family.way]}")
    hyperparameters = replace(hyperparameters, tokens_per_pass=None)
    if isinstance(hyperparameters, DpoHyperparameters):
        require_layout(family, hyperparameters.layout)
        return replace(hyperparameters, packing="pairs")
    return replace(hyperparameters, batch=1) if family.way == "alone" else hyperparameters
