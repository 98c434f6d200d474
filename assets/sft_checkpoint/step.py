"""What `sft_checkpoint` is made of: the SFT data set, the student, and the recipe's numbers for it."""

from assets.step import Step
from resources.recipe.view import STEERING

STEP = Step(
    "sft_checkpoint",
    group="training",
    jobs=("training_job",),
    upstream=("sft_dataset",),
    fields=(
        "training.sharding",
        "training.lora_rank",
        "training.freeze_vision",
        "training.max_pixels",
        "training.max_tokens",
        "training.sft_learning_rate",
        "training.sft_epochs",
        "training.sft_steps",
        "training.sft_documents",
        *STEERING,
    ),
    settings=("student",),
    student=True,
    sharded=False,
    folder="checkpoints/sft",
)
