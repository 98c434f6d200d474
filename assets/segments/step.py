"""What `segments` are made of: the long texts, or the checkpoint's drafts where the recipe wants them cut."""

from assets.step import Step

STEP = Step(
    "segments",
    group="preferences",
    jobs=("shard_job", "drafts_job"),
    upstream=("long_outputs", "drafts"),
    optional=("drafts",),
    fields=("corrections.drafts",),
)
