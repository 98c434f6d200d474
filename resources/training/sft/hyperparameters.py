"""How a student is fine-tuned: the numbers, and the name of a run that follows from them. Imports no torch."""

from dataclasses import dataclass, replace
from typing import ClassVar

from resources.recipe.model import Training
from resources.training.common_hyperparameters import Hyperparameters
from resources.training.overrides import override, steered


@dataclass(frozen=True, kw_only=True)
class SftHyperparameters(Hyperparameters):
    """Defaults are the paper's for 7B (docs/method.md 3.5): 16 documents a step, three epochs."""

    keeps_attention: ClassVar[bool] = True
    learning_rate: float = 1e-5
    documents_per_update: int = 16  # on all devices together
    max_pixels: int | None = None  # of an image; None: as the base model's processor has it
    save_steps: int = 100

    @classmethod
    def for_student(cls, student: str, training: Training) -> "SftHyperparameters":
        """Small students take a few large steps on the CPU; anything else takes the paper's numbers. What `training`
        sets comes before either."""
        own = {
            "tiny": cls(
                learning_rate=2e-3,
                max_steps=24,
                batch=2,
                documents_per_update=2,
                dtype="float32",
                gradient_checkpointing=False,
                freeze_vision=False,
                save_steps=8,
            ),
            "smol": cls(
                learning_rate=5e-5,
                epochs=1,
                documents_per_update=6,
                dtype="float32",
                gradient_checkpointing=False,
                freeze_vision=False,
                save_steps=10,
            ),
        }.get(student, cls())
        return replace(
            steered(own, training, training.sft_learning_rate, training.sft_epochs, training.sft_steps),
            documents_per_update=override(own.documents_per_update, training.sft_documents),
            max_pixels=training.max_pixels,
        )
