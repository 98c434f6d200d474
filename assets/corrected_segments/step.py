"""What `corrected_segments` are made of: the segments of the preference split beside their pages, and the critic."""

from assets.step import Step

STEP = Step(
    "corrected_segments",
    group="preferences",
    jobs=("shard_job", "drafts_job"),
    upstream=("long_outputs", "segments"),
    templates=("corrected_segments",),
    roles=("critic",),
)
