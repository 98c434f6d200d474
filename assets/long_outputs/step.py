"""What `long_outputs` are made of: what is asked, and how the recipe has the teacher plan and write it."""

from assets.step import Step, section

STEP = Step(
    "long_outputs",
    group="writing",
    jobs=("shard_job",),
    upstream=("instructions",),
    fields=(*section("writing"), "checks.length_score", "checks.repeated_share"),
    settings=("prompt_order",),
    templates=("long_outputs",),
    roles=("teacher",),
)
