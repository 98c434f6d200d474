"""The hyperparameters that supervised and preference training share. Imports no torch."""

from dataclasses import dataclass
from typing import Literal

Dtype = Literal["bfloat16", "float32"]
Sharding = Literal["fsdp2", "zero3", "none"]


@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """What a trainer needs whatever it trains on. Its fields are on disk under `recipe`: run ids follow from them."""

    learning_rate: float
    epochs: float = 3
    max_steps: int = -1  # above 0: stop there, whatever the epochs
    batch: int = 1  # documents (or pairs) per device and forward pass
    warmup_share: float = 0.1
    dtype: Dtype = "bfloat16"  # what is computed in; weights that are trained are kept in float32
    gradient_checkpointing: bool = True
    freeze_vision: bool = True
    lora_rank: int = 0  # of adapters; 0: full fine-tuning
    sharding: Sharding = "fsdp2"  # of the weights, on several GPUs
    max_tokens: int = 32_768  # of a document, or of the forward pass of a document's pairs
    save_steps: int
    logging_steps: int = 1
    seed: int = 42
