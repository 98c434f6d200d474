"""What a killed run left planned is no failure where the shard's report says that the table passed."""

import dagster as dg
import pytest
from dagster import AssetCheckKey, AssetKey

from assets.segments.schema import SEGMENTS
from lwv_dagster.definitions import check_keys, defs
from lwv_dagster.settled_checks import settle_checks
from tests.conftest import Factory, draw_page

RULES = ("ids_unique", "outputs_covered")


def statuses(factory: Factory) -> dict[str, str]:
    keys = [AssetCheckKey(AssetKey("segments"), rule) for rule in RULES]
    return {
        info.check_key.name: info.latest_execution_status.name
        for info in factory.instance.event_log_storage.get_asset_check_partition_info(keys)
    }


def dead_twin(factory: Factory, shard: str) -> dg.DagsterRun:
    """A run of the same shard that planned its checks and was killed."""
    run = factory.instance.create_run_for_job(defs.resolve_job_def("shard_job"), tags={"dagster/partition": shard})
    for rule in RULES:
        planned = dg.DagsterEvent(
            dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED.value,
            job_name="shard_job",
            event_specific_data=planned_data(rule, shard),
        )
        factory.instance.report_dagster_event(planned, run.run_id)
    return run


def planned_data(rule: str, shard: str) -> object:
    from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationPlanned
    from dagster._core.definitions.partitions.subset import DefaultPartitionsSubset

    return AssetCheckEvaluationPlanned(
        asset_key=AssetKey("segments"), check_name=rule, partitions_subset=DefaultPartitionsSubset({shard})
    )


@pytest.mark.parametrize("changed", [False, True])
def test_a_dead_runs_checks_say_what_the_report_of_the_table_says(factory: Factory, changed: bool) -> None:
    draw_page(factory.sources / "signs" / "sign.png", "A sign that stands alone")
    (shard,) = factory.scan()
    assert factory.run("shard_job", shard).success
    assert set(statuses(factory).values()) == {"SUCCEEDED"}
    run = dead_twin(factory, shard)
    assert set(statuses(factory).values()) == {"PLANNED"}
    assert settle_checks(factory.instance, factory.store, check_keys) == 0  # it may still be at work
    factory.instance.report_run_failed(run)
    if changed:  # no report tells of this table
        factory.store.write_table(SEGMENTS, shard, factory.store.read_table("segments", shard).to_pylist()[1:])
    assert settle_checks(factory.instance, factory.store, check_keys) == (0 if changed else len(RULES))
    assert set(statuses(factory).values()) == {"PLANNED" if changed else "SUCCEEDED"}
    assert settle_checks(factory.instance, factory.store, check_keys) == 0
