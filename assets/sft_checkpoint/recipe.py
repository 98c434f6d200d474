"""How a student is fine-tuned: the numbers, and the name of a run that follows from them. Imports no torch."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class SftRecipe:
    """Defaults are the paper's for 7B (method.md 3.5): 16 documents a step on 8 devices, three epochs."""

    learning_rate: float = 1e-5
    epochs: float = 3
    max_steps: int = -1                 # above 0: stop there, whatever the epochs
    batch: int = 1                      # documents per device and forward pass
    accumulation: int = 2               # passes per update
    warmup_share: float = 0.1
    dtype: str = "bfloat16"
    gradient_checkpointing: bool = True
    freeze_vision: bool = True
    save_steps: int = 100
    logging_steps: int = 1
    seed: int = 42

    @classmethod
    def for_student(cls, student: str) -> "SftRecipe":
        """The tiny student takes a few large steps on the CPU; anything else takes the paper's recipe."""
        if student == "tiny":
            return cls(learning_rate=2e-3, max_steps=24, batch=2, accumulation=1, dtype="float32",
                       gradient_checkpointing=False, freeze_vision=False, save_steps=8)
        return cls()

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def run_id(**parts: Any) -> str:
    """First 16 hex digits of the sha256 over what decides a run, so that the same run has the same folder."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]
