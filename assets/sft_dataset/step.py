"""What `sft_dataset` is made of: the written shards, what the recipe keeps of them, and the mix."""

from assets.step import Step, section

STEP = Step(
    "sft_dataset",
    group="quality_gates",
    jobs=("training_job",),
    upstream=("source_images", "instructions", "long_outputs"),
    fields=(
        *section("gate"),
        *section("keep"),
        *section("mix"),
        "corrections.alike",
        "training.max_tokens",
        "training.max_pixels",
    ),
    settings=("student",),
    sharded=False,
    folder="datasets/sft",
)
