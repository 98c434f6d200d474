"""How a checkpoint is trained on preferences: the numbers. Imports no torch."""

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from resources.recipe.model import Training
from resources.training.overrides import given


@dataclass(frozen=True)
class DpoHyperparameters:
    """Defaults are the paper's for 7B (docs/method.md 3.5): 64 pairs a step, three epochs; beta is not given: 0.1."""

    learning_rate: float = 3e-6
    epochs: float = 3
    max_steps: int = -1  # above 0: stop there, whatever the epochs
    batch: int = 1  # documents (or pairs) per device and forward pass
    pairs_per_update: int = 64  # about: whole documents, as many as have so many pairs on average
    warmup_share: float = 0.1
    packing: Literal["documents", "pairs"] = "documents"
    layout: Literal["images_first", "interleaved", "paper"] = "images_first"
    beta: float = 0.1
    loss: Literal["sigmoid", "sigmoid_norm"] = "sigmoid"
    sft_weight: float = 0.0
    ld_alpha: float | None = None
    reference: Literal["live", "stored"] = "stored"
    dtype: str = "bfloat16"
    gradient_checkpointing: bool = True
    freeze_vision: bool = True
    lora_rank: int = 0
    sharding: str = "fsdp2"
    max_tokens: int = 32_768  # of a forward pass: a document with more is split between pairs
    save_steps: int = 50
    logging_steps: int = 1
    seed: int = 42

    @classmethod
    def for_student(cls, student: str, training: Training) -> "DpoHyperparameters":
        """Small students take a few steps on the CPU; anything else takes the paper's recipe."""
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
        shared = {
            name: getattr(training, name)
            for name in (
                "packing",
                "layout",
                "beta",
                "loss",
                "sft_weight",
                "ld_alpha",
                "reference",
                "lora_rank",
                "sharding",
                "max_tokens",
            )
        }
        return replace(
            own,
            **shared,
            **given(
                freeze_vision=training.freeze_vision,
                learning_rate=training.dpo_learning_rate,
                epochs=training.dpo_epochs,
            ),
        )

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)
