"""What `drafts` are made of: the examples of the preference split, the SFT checkpoint, and how it samples."""

from assets.step import Step

STEP = Step(
    "drafts",
    group="preferences",
    jobs=("drafts_job",),
    upstream=("long_outputs", "sft_checkpoint"),
    fields=("pairs.sampled", "pairs.samples", "pairs.temperature", "pairs.sampling", "checks.whole_drafts"),
    student=True,
)
