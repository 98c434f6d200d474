"""The six jobs, never mixed: three that are run per shard; training, evaluation and the report over all."""

from collections.abc import Mapping

import dagster as dg

from assets.step import Job
from assets.steps import steps_of
from resources.dagster import LEDGER_ALONE_TAG

DESCRIPTIONS: Mapping[Job, str] = {
    "shard_job": "One shard, from its files to its preference pairs.",
    "training_job": "The quality gates and the two checkpoints, over all shards.",
    "drafts_job": "The preference round after SFT: one shard, from what the checkpoint itself writes to preference "
    "pairs. Then train once more.",
    "corrections_job": "People's decisions on one shard, laid over the critic's result, and its pairs: asks no model.",
    "evaluation_job": "Scores of base, SFT and DPO on held-out documents.",
    "report_job": "The page of all reports: a job of its own, because it is most useful where another job failed.",
}

TAGS: Mapping[Job, Mapping[str, str]] = {"corrections_job": {LEDGER_ALONE_TAG: "true"}}

default_jobs = [
    dg.define_asset_job(
        job, selection=dg.AssetSelection.assets(*steps_of(job)), description=description, tags=TAGS.get(job)
    )
    for job, description in DESCRIPTIONS.items()
]
