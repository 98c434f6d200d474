"""A shard without signals is whole: its gates open, the report does not wait for them, nothing is stale."""

from pathlib import Path

import pytest

from assets.quality.report import report_path
from assets.training_dataset import current_manifest
from lwv_dagster.definitions import defs
from lwv_dagster.refresh import stale_tables
from tests.conftest import Factory, draw_unlike_decks, write_recipe

GATES = ("sft", "preference")


def test_a_home_from_before_signals_is_trained_on_and_reported_as_before(
    factory: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LWV_RECIPE", write_recipe(tmp_path))
    draw_unlike_decks(factory.sources / "lectures")
    (shard,) = factory.scan()
    everything = ["source_images", "instructions", "long_outputs", "segments", "corrected_segments", "preference_pairs"]
    assert factory.run("shard_job", shard, everything).success
    assert not factory.store.has_table("signals", shard)
    gates = [f"{gate}_dataset" for gate in GATES]
    assert factory.run("training_job", assets=gates).success
    before = [current_manifest(factory.store, gate).id for gate in GATES]  # type: ignore[arg-type]
    reported = factory.run("report_job")
    assert reported.success
    assert reported.asset_materializations_for_node("quality_report")[0].metadata["pending"].value == 0
    assert stale_tables(factory.instance, defs.resolve_asset_graph()) == []

    assert factory.run("shard_job", shard, ["signals"]).success
    assert report_path(factory.store, "signals", shard).exists()
    assert factory.run("training_job", assets=gates).success
    assert [current_manifest(factory.store, gate).id for gate in GATES] == before  # type: ignore[arg-type]


def test_a_shard_whose_pairs_are_missing_waits_for_them_and_not_for_signals(
    factory: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LWV_RECIPE", write_recipe(tmp_path))
    draw_unlike_decks(factory.sources / "lectures")
    (shard,) = factory.scan()
    some = ["source_images", "instructions", "long_outputs", "segments", "corrected_segments"]
    assert factory.run("shard_job", shard, some).success
    reported = factory.run("report_job").asset_materializations_for_node("quality_report")[0]
    assert "`preference_pairs` is not made yet" in str(reported.metadata["note"].value)
