"""How a checkpoint is trained on preferences: the numbers. Imports no torch."""

from dataclasses import dataclass, replace
from typing import Literal

from resources.recipe.model import Training
from resources.training.common_hyperparameters import Hyperparameters
from resources.training.overrides import override, steered

Layout = Literal["images_first", "interleaved", "paper"]


@dataclass(frozen=True, kw_only=True)
class DpoHyperparameters(Hyperparameters):
    """Defaults are the paper's for 7B (docs/method.md 3.5): 64 pairs a step, three epochs; beta is not given: 0.1."""

    learning_rate: float = 3e-6
    pairs_per_update: int = 64  # about: whole documents, as many as have so many pairs on average
    packing: Literal["documents", "pairs"] = "documents"
    layout: Layout = "images_first"
    beta: float = 0.1
    loss: Literal["sigmoid", "sigmoid_norm"] = "sigmoid"
    sft_weight: float = 0.0
    ld_alpha: float | None = None
    reference: Literal["live", "stored"] = "stored"
    save_steps: int = 50

    @classmethod
    def for_student(cls, student: str, training: Training) -> "DpoHyperparameters":
        """Small students take a few steps on the CPU; anything else takes the paper's numbers. What `training` sets
        comes before either."""
        own = {
            "tiny": cls(
                learning_rate=5e-4,
                max_steps=6,
                pairs_per_update=4,
                dtype="float32",
                gradient_checkpointing=False,
                freeze_vision=False,
                save_steps=3,
            ),
            "smol": cls(
                learning_rate=5e-6,
                epochs=1,
                pairs_per_update=16,
                dtype="float32",
                gradient_checkpointing=False,
                freeze_vision=False,
                save_steps=10,
            ),
        }.get(student, cls())
        return replace(
            steered(own, training, training.dpo_learning_rate, training.dpo_epochs, training.dpo_steps),
            pairs_per_update=override(own.pairs_per_update, training.dpo_pairs),
            packing=training.packing,
            layout=training.layout,
            beta=training.beta,
            loss=training.loss,
            sft_weight=training.sft_weight,
            ld_alpha=training.ld_alpha,
            reference=training.reference,
        )
