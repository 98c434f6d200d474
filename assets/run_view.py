"""What a run sees of the shards: which there are, when the run began, and what other runs make or failed at."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import cast, get_args

import dagster as dg

from assets.partitions import known_shards
from assets.step import Job
from assets.steps import sharded_steps, steps_of

SHARD_TAG = "dagster/partition"
MAKING = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
WORDS_CHARACTERS = 300


@dataclass(frozen=True)
class RunView:
    """The shards as one run sees them. Its steps decide as of its beginning, so what turns up later changes nothing.

    shards: sorted names. began: Unix time. making: (asset, shard) -> when another, unfinished run that makes it began.
    last_words: asset, shard -> what the shard's last failed run said of the asset; empty where it said nothing.
    """

    shards: list[str]
    began: float
    making: Mapping[tuple[str, str], float] = field(default_factory=dict)
    last_words: Callable[[str, str], str] = lambda asset, shard: ""

    @classmethod
    def of(cls, context: dg.AssetExecutionContext) -> "RunView":
        """Of the run that the context belongs to."""
        instance, run_id = context.instance, context.run.run_id
        own = instance.get_run_record_by_id(run_id)
        assert own is not None, f"Dagster does not know its own run {run_id}"
        making: dict[tuple[str, str], float] = {}
        for record in instance.get_run_records(dg.RunsFilter(statuses=MAKING)):
            run = record.dagster_run
            shard = run.tags.get(SHARD_TAG)
            if shard is not None and run.run_id != run_id:
                for asset in assets_of(run):
                    making[asset, shard] = max(_began(record), making.get((asset, shard), 0.0))
        return cls(known_shards(instance), _began(own), making, partial(last_words, instance))


def assets_of(run: dg.DagsterRun) -> tuple[str, ...]:
    """The assets that a run makes; of a job that is none of ours, all that have shards."""
    if run.asset_selection is not None:
        return tuple(key.to_user_string() for key in run.asset_selection)
    return steps_of(cast(Job, run.job_name)) if run.job_name in get_args(Job) else sharded_steps()


def last_words(instance: dg.DagsterInstance, asset: str, shard: str) -> str:
    """Why the last failed run of a shard failed at an asset, in a line; empty where it did not."""
    failed = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], tags={SHARD_TAG: shard})
    for record in instance.get_run_records(failed, limit=1):
        for entry in instance.all_logs(record.dagster_run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE):
            event = entry.dagster_event
            if event is not None and event.step_key == asset and (said := event.step_failure_data.user_failure_data):
                return " ".join((said.description or "").split())[:WORDS_CHARACTERS]
    return ""


def _began(record: dg.RunRecord) -> float:
    return record.start_time or record.create_timestamp.timestamp()
