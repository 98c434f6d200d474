"""Checks that a run planned and never evaluated, because it was killed: they say again what the shard's report says.

Without this the UI shows them as failed, also where another run has checked the same table and it passed.
"""

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationTargetMaterializationData
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus, AssetCheckPartitionInfo

from assets.quality.check_metadata import check_metadata
from assets.quality.quarantine import ALL_SHARDS
from assets.quality.report import OutcomeRecord, Report, read_report, table_hash, violations_of
from resources.store import Store


def settle_checks(instance: dg.DagsterInstance, store: Store, checks: list[dg.AssetCheckKey]) -> int:
    """Report anew what ended runs left planned, where a report tells of the table as it is; returns how many."""
    settled = 0
    for info in instance.event_log_storage.get_asset_check_partition_info(checks):
        shard = info.partition_key
        if shard is None or info.latest_execution_status != AssetCheckExecutionRecordStatus.PLANNED:
            continue
        run = instance.get_run_by_id(info.latest_planned_run_id)
        asset = info.check_key.asset_key.to_user_string()
        report = read_report(store, asset, shard)
        if (run is not None and not run.is_finished) or report is None:
            continue
        if report["table_sha256"] == table_hash(store, asset, shard) and (found := outcome_of(report, info)):
            _report(instance, run, info, evaluation(found, report["at"], info))
            settled += 1
    return settled


def _report(
    instance: dg.DagsterInstance,
    run: dg.DagsterRun | None,
    info: AssetCheckPartitionInfo,
    found: dg.AssetCheckEvaluation,
) -> None:
    """Say it in the name of the run that planned the check: Dagster takes one event without a run for a check and
    partition, and fails at the second."""
    event = dg.DagsterEvent(
        event_type_value=dg.DagsterEventType.ASSET_CHECK_EVALUATION.value,
        job_name=run.job_name if run is not None else "",
        event_specific_data=found,
    )
    instance.report_dagster_event(event, run_id=info.latest_planned_run_id)


def outcome_of(report: Report, info: AssetCheckPartitionInfo) -> OutcomeRecord | None:
    """What the report says of the check; None where it does not know it."""
    return next((outcome for outcome in report["outcomes"] if outcome["rule"] == info.check_key.name), None)


def evaluation(found: OutcomeRecord, at: float, info: AssetCheckPartitionInfo) -> dg.AssetCheckEvaluation:
    """The event that tells Dagster of it. at: when the table was checked, Unix time."""
    latest = info.latest_materialization_storage_id
    return dg.AssetCheckEvaluation(
        asset_key=info.check_key.asset_key,
        check_name=info.check_key.name,
        passed=found["passed"],
        metadata=check_metadata(
            info.check_key.asset_key.to_user_string(),
            info.partition_key or ALL_SHARDS,
            info.check_key.name,
            found["metadata"],
            violations_of(found),
        ),
        target_materialization_data=None
        if latest is None
        else AssetCheckEvaluationTargetMaterializationData(storage_id=latest, run_id="", timestamp=at),
        severity=dg.AssetCheckSeverity.ERROR if found["blocking"] else dg.AssetCheckSeverity.WARN,
        description=found["description"] or None,
        blocking=found["blocking"],
        partition=info.partition_key,
    )
