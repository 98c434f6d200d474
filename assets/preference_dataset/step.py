"""What `preference_dataset` is made of: the pairs of all shards, what their kinds weigh, what the student can take."""

from assets.step import Step, section

STEP = Step(
    "preference_dataset",
    group="quality_gates",
    jobs=("training_job",),
    upstream=(
        "source_images",
        "instructions",
        "long_outputs",
        "drafts",
        "segments",
        "corrected_segments",
        "preference_pairs",
    ),
    optional=("drafts",),
    fields=(
        *section("gate"),
        "corrections.alike",
        "pairs.cumulative",
        "pairs.shared_prefix",
        "pairs.whole",
        "pairs.sampled",
        "training.max_tokens",
        "training.max_pixels",
        "training.layout",
    ),
    settings=("student",),
    sharded=False,
    folder="datasets/preference",
)
