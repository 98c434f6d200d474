"""What `quality_report` shows: every report, the lengths of the texts, the losses, the scores; what exists of them."""

from assets.step import Step

STEP = Step(
    "quality_report",
    group="evaluation",
    jobs=("report_job",),
    upstream=("long_outputs", "sft_checkpoint", "dpo_checkpoint", "benchmark_scores"),
    sharded=False,
    folder="reports",
)
