"""What a killed run left planned is no failure where the shard's report says that the table passed."""

import dagster as dg
from dagster import AssetCheckKey, AssetKey

from assets.segments.schema import SEGMENTS
from lwv_dagster.definitions import check_keys, defs
from lwv_dagster.settled_checks import settle_checks
from tests.conftest import Factory, draw_page

KEYS = [AssetCheckKey(AssetKey("segments"), rule) for rule in ("ids_unique", "outputs_covered")]


def statuses(factory: Factory) -> set[str]:
    found = factory.instance.event_log_storage.get_asset_check_partition_info(KEYS)
    return {info.latest_execution_status.name for info in found}


def twin(factory: Factory, shard: str) -> dg.DagsterRun:
    """A run of the same shard, which has planned its checks."""
    return factory.instance.create_run_for_job(defs.resolve_job_def("shard_job"), tags={"dagster/partition": shard})


def test_a_dead_runs_checks_say_what_the_report_of_the_table_says(factory: Factory) -> None:
    draw_page(factory.sources / "signs" / "sign.png", "A sign that stands alone")
    (shard,) = factory.scan()
    assert factory.run("shard_job", shard).success
    assert statuses(factory) == {"SUCCEEDED"}

    for _ in range(3):  # killed as often as one likes
        run = twin(factory, shard)
        assert settle_checks(factory.instance, factory.store, KEYS) == 0  # it may still be at work
        factory.instance.report_run_failed(run)
        assert statuses(factory) == {"PLANNED"}  # what the UI shows as failed
        assert settle_checks(factory.instance, factory.store, KEYS) == len(KEYS)
        assert statuses(factory) == {"SUCCEEDED"}
        assert settle_checks(factory.instance, factory.store, KEYS) == 0

    factory.instance.report_run_failed(twin(factory, shard))
    factory.store.write_table(SEGMENTS, shard, factory.store.read_table("segments", shard).to_pylist()[1:])
    assert settle_checks(factory.instance, factory.store, KEYS) == 0  # no report tells of this table


def test_every_check_of_the_factory_is_looked_at() -> None:
    assert set(KEYS) < set(check_keys)
