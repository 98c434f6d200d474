"""How a student is fine-tuned: the numbers, and the name of a run that follows from them. Imports no torch."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from resources.recipe.model import Training
from resources.training.overrides import given


@dataclass(frozen=True)
class SftHyperparameters:
    """Defaults are the paper's for 7B (docs/method.md 3.5): 16 documents a step, three epochs."""

    learning_rate: float = 1e-5
    epochs: float = 3
    max_steps: int = -1  # above 0: stop there, whatever the epochs
    batch: int = 1  # documents per device and forward pass
    documents_per_update: int = 16  # on all devices together
    warmup_share: float = 0.1
    dtype: str = "bfloat16"  # what is computed in; weights that are trained are kept in float32
    gradient_checkpointing: bool = True
    freeze_vision: bool = True
    lora_rank: int = 0  # 0: full fine-tuning
    sharding: str = "fsdp2"  # of the weights, on several GPUs
    max_pixels: int | None = None  # of an image; None: as the base model's processor has it
    max_tokens: int = 32_768  # of a document
    save_steps: int = 100
    logging_steps: int = 1
    seed: int = 42

    @classmethod
    def for_student(cls, student: str, training: Training) -> "SftHyperparameters":
        """Small students take a few large steps on the CPU; anything else takes the paper's recipe."""
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
            own,
            lora_rank=training.lora_rank,
            sharding=training.sharding,
            max_tokens=training.max_tokens,
            max_pixels=training.max_pixels,
            **given(
                freeze_vision=training.freeze_vision,
                learning_rate=training.sft_learning_rate,
                epochs=training.sft_epochs,
            ),
        )

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)
