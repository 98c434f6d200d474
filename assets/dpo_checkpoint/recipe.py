"""How a checkpoint is trained on preferences: the numbers. Imports no torch."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class DpoRecipe:
    """Defaults are the paper's for 7B (method.md 3.5): 64 pairs a step on 8 devices; beta is not given there: 0.1."""

    learning_rate: float = 3e-6
    epochs: float = 3
    max_steps: int = -1                 # above 0: stop there, whatever the epochs
    batch: int = 1                      # pairs per device and forward pass
    accumulation: int = 8               # passes per update
    warmup_share: float = 0.1
    beta: float = 0.1
    dtype: str = "bfloat16"
    gradient_checkpointing: bool = True
    freeze_vision: bool = True
    save_steps: int = 50
    logging_steps: int = 1
    seed: int = 42

    @classmethod
    def for_student(cls, student: str) -> "DpoRecipe":
        """The tiny student takes a few steps on the CPU; anything else takes the paper's recipe."""
        if student == "tiny":
            return cls(learning_rate=5e-4, max_steps=6, batch=2, accumulation=1, dtype="float32",
                       gradient_checkpointing=False, freeze_vision=False, save_steps=3)
        return cls()

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)
