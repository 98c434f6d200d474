"""What `dpo_checkpoint` is made of: the preference data set, the SFT checkpoint, and the recipe's numbers for it."""

from assets.step import Step
from resources.recipe.view import STEERING

STEP = Step(
    "dpo_checkpoint",
    group="training",
    jobs=("training_job",),
    upstream=("preference_dataset", "sft_checkpoint"),
    fields=(
        "training.sharding",
        "training.lora_rank",
        "training.freeze_vision",
        "training.max_tokens",
        "training.dpo_learning_rate",
        "training.dpo_epochs",
        "training.dpo_steps",
        "training.dpo_pairs",
        *STEERING,
        "training.packing",
        "training.layout",
        "training.beta",
        "training.loss",
        "training.sft_weight",
        "training.ld_alpha",
        "training.reference",
    ),
    settings=("student",),
    student=True,
    sharded=False,
    folder="checkpoints/dpo",
)
