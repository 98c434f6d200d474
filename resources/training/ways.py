"""What a family's way of training leaves no choice in: hyperparameters and layouts that only packed documents have."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from resources.training.dpo.hyperparameters import DpoHyperparameters, Layout
from resources.training.sft.hyperparameters import SftHyperparameters
from resources.training.students.families.family import SAYS, Family

Numbers = TypeVar("Numbers", SftHyperparameters, DpoHyperparameters)


class LayoutError(ValueError):
    """A layout of images that the student cannot be trained with; the sentence says which can."""


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
