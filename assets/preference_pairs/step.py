"""What `preference_pairs` are made of: corrected segments, ranked drafts, and the kinds that the recipe wants."""

from assets.step import Step

STEP = Step(
    "preference_pairs",
    group="preferences",
    jobs=("shard_job", "drafts_job", "corrections_job"),
    upstream=("long_outputs", "drafts", "segments", "corrected_segments"),
    optional=("drafts",),
    fields=(
        "pairs.cumulative",
        "pairs.shared_prefix",
        "pairs.whole",
        "pairs.sampled",
        "pairs.last_share",
        "pairs.margin",
    ),
    templates=("judging",),  # drafts are ranked by the benchmark's judge
    roles=("judge",),
)
