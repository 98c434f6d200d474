"""The five jobs, never mixed: a shard job and a drafts job per shard; training, evaluation and the report over all."""

import dagster as dg

SHARD_ASSETS = ("source_images", "instructions", "long_outputs", "segments", "corrected_segments", "preference_pairs")
DRAFTS_ASSETS = ("drafts", "segments", "corrected_segments", "preference_pairs")
TRAINING_ASSETS = ("sft_dataset", "preference_dataset", "sft_checkpoint", "dpo_checkpoint")
EVALUATION_ASSETS = ("benchmark_scores",)
REPORT_ASSETS = ("quality_report",)

shard_job = dg.define_asset_job(
    "shard_job",
    selection=dg.AssetSelection.assets(*SHARD_ASSETS),
    description="One shard, from its files to its preference pairs.",
)
training_job = dg.define_asset_job(
    "training_job",
    selection=dg.AssetSelection.assets(*TRAINING_ASSETS),
    description="The quality gates and the two checkpoints, over all shards.",
)
drafts_job = dg.define_asset_job(
    "drafts_job",
    selection=dg.AssetSelection.assets(*DRAFTS_ASSETS),
    description="The preference round after SFT: one shard, from what the checkpoint "
    "itself writes to preference pairs. Then train once more.",
)
evaluation_job = dg.define_asset_job(
    "evaluation_job",
    selection=dg.AssetSelection.assets(*EVALUATION_ASSETS),
    description="Scores of base, SFT and DPO on held-out documents.",
)
report_job = dg.define_asset_job(
    "report_job",
    selection=dg.AssetSelection.assets(*REPORT_ASSETS),
    description="The page of all reports: by itself, for it is most wanted where another job failed.",
)

default_jobs = [shard_job, training_job, drafts_job, evaluation_job, report_job]
