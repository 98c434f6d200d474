"""What `quality_report` shows: reports, losses, scores, and the tables that they follow from, as far as any exist."""

from assets.step import Step

STEP = Step(
    "quality_report",
    group="evaluation",
    jobs=("report_job",),
    upstream=("source_files", "long_outputs", "sft_checkpoint", "dpo_checkpoint", "benchmark_scores"),
    fields=("checks.drift_rows", "checks.drift_psi", "checks.drift_ks"),
    sharded=False,
    folder="reports",
)
