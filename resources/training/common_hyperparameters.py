"""The hyperparameters that supervised and preference training share. Imports no torch."""

from dataclasses import dataclass, fields
from typing import ClassVar, Literal

Dtype = Literal["bfloat16", "float32"]
Sharding = Literal["fsdp2", "zero3", "none"]
Scheduler = Literal["cosine", "linear", "constant"]
Optimizer = Literal["adamw", "adamw_8bit"]
Reports = Literal["tensorboard", "wandb", "mlflow", "trackio", "none"]
ADAPTERS_RATE = 10  # adapters learn best at about this times the rate of all weights (LoRA Without Regret)
# Fields that came after 0.3, and those that change nothing of what is trained: at their default, and always.
LATER = (
    "scheduler",
    "tokens_per_pass",
    "validation_share",
    "eval_steps",
    "patience",
    "vision_rate",
    "merger_rate",
    "compile_layers",
    "optimizer",
)
UNNAMED = ("reports",)


@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """What a trainer needs whatever it trains on. Its fields are on disk under `recipe`: run ids follow from them."""

    keeps_attention: ClassVar[bool] = False  # checkpointed layers keep what attention made; flex_attention cannot
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
    scheduler: Scheduler = "cosine"  # of the rate, behind its warm-up
    tokens_per_pass: int | None = None  # documents share a pass up to so many; None: `batch` documents are one
    validation_share: float = 0.0  # of the documents, which are not trained on: their loss is logged beside
    eval_steps: int | None = None  # between looks at them; None: save_steps
    patience: int | None = None  # such looks without a lower loss end the training; None: it goes to its end
    vision_rate: float | None = None  # of the vision tower, where it is trained; None: learning_rate
    merger_rate: float | None = None  # of what joins it to the language model; None: as the tower's
    compile_layers: bool = False  # the language model's, by torch.compile
    optimizer: Optimizer = "adamw"  # adamw_8bit: its moments take 2 bytes of a weight instead of 8
    reports: Reports = "tensorboard"  # where curves are written besides training.json

    def named(self) -> dict[str, object]:
        """What a run is named by: older runs keep their names, and where curves are written is no part of it."""
        values = {field.name: (getattr(self, field.name), field.default) for field in fields(self)}
        return {
            name: value
            for name, (value, usual) in values.items()
            if name not in UNNAMED and not (name in LATER and value == usual)
        }
