"""What `quality_report` shows: every report, the lengths of the texts, the losses and the scores that exist."""

from assets.step import Step

STEP = Step(
    "quality_report",
    group="evaluation",
    jobs=("report_job",),
    upstream=("source_files", "long_outputs", "sft_checkpoint", "dpo_checkpoint", "benchmark_scores"),
    sharded=False,
    folder="reports",
)
