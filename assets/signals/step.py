"""What `signals` are made of: the segments as they now count, their pages, and what was planned for them."""

from assets.step import Step

STEP = Step(
    "signals",
    group="preferences",
    jobs=("shard_job", "drafts_job"),
    upstream=("source_images", "long_outputs", "segments", "corrected_segments"),
    fields=("checks.unfaithful_share", "checks.drift_rows", "checks.drift_psi", "checks.drift_ks"),
)
