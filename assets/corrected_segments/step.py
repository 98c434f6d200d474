"""What `corrected_segments` are made of: the preference split's segments, the critic, people's decisions."""

from assets.step import Step

STEP = Step(
    "corrected_segments",
    group="preferences",
    jobs=("shard_job", "drafts_job", "corrections_job"),
    upstream=("long_outputs", "segments"),
    fields=("corrections.alike",),
    templates=("corrected_segments",),
    roles=("critic",),
)
