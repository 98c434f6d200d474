"""What `benchmark_scores` are made of: the held-out documents, what each checkpoint writes for them, and the judge."""

from assets.step import Step

STEP = Step(
    "benchmark_scores",
    group="evaluation",
    jobs=("evaluation_job",),
    upstream=("long_outputs", "sft_checkpoint", "dpo_checkpoint"),
    fields=("scores.temperature", "scores.sampling", "checks.judged_share"),
    templates=("judging",),
    roles=("judge",),
    student=True,
    sharded=False,
    folder="scores",
)
