"""The traps of partitioned checks (a blocking check gates only its own run): what holds a bad shard back, and where."""

import time
from pathlib import Path

import dagster as dg
import pytest
from dagster import AssetCheckKey, AssetKey

from assets.quality.report import read_report
from assets.quality.shard_states import ShardStates, shard_states
from assets.run_view import RunView
from assets.segments.schema import SEGMENTS
from assets.steps import steps_of
from tests.conftest import Factory, draw_page, write_recipe
from tests.identity.test_stale import failures

SIGNS = {
    "white": ("Ferry to the northern islands", "leaves at nine every morning"),
    "lightblue": ("Swimming is not allowed here", "because of strong currents"),
    "beige": ("Fresh bread and warm rolls", "from our own oven since 1931"),
    "pink": ("The museum of old clocks", "opens again in the spring"),
}


def two_collections(factory: Factory) -> None:
    """`good` has four pictures; `bad` has one file, which is no picture."""
    for number, (colour, lines) in enumerate(SIGNS.items()):
        draw_page(factory.sources / "good" / f"sight-{number}x.png", *lines, colour=colour)
    (factory.sources / "bad").mkdir()
    (factory.sources / "bad" / "broken.png").write_text("no picture")


def states(factory: Factory, assets: list[str]) -> ShardStates:
    """As a run that begins now sees the shards."""
    return shard_states(factory.store, RunView(factory.scan(), time.time()), assets)


def steps(result: dg.ExecuteInProcessResult) -> set[str]:
    return {event.step_key for event in result.all_events if event.is_step_success}


def test_a_failed_shard_blocks_its_own_downstream_and_closes_the_gate_until_it_is_made_again(factory: Factory) -> None:
    two_collections(factory)
    bad, good = factory.scan()
    assert factory.run("shard_job", good).success

    failed = factory.run("shard_job", bad)
    assert not failed.success
    assert steps(failed) == {"source_images"}  # its own downstream did not run
    report = read_report(factory.store, "source_images", bad)
    assert report is not None and not report["passed"]

    training = factory.run("training_job")  # another run, as a backfill or a person starts it
    assert not training.success
    assert steps(training) == set()
    refused = next(event for event in training.all_events if event.is_step_failure and event.step_key == "sft_dataset")
    said = refused.step_failure_data.user_failure_data.description
    assert f"{bad}/source_images: failed quarantine_share" in said
    assert good not in said
    assert not (factory.home / "datasets" / "sft" / "current.json").exists()

    statuses = check_statuses(factory, "source_images", "quarantine_share")
    assert statuses == {bad: "FAILED", good: "SUCCEEDED"}  # each shard's status is its own

    draw_page(factory.sources / "bad" / "broken.png", "Mended", "This sign can be read now")
    factory.scan()
    assert factory.run("shard_job", bad).success
    assert check_statuses(factory, "source_images", "quarantine_share") == {bad: "SUCCEEDED", good: "SUCCEEDED"}
    assert states(factory, ["source_images", "long_outputs"]).finished == [bad, good]
    assert factory.run("training_job", assets=["sft_dataset"]).success  # the gate is open again


def test_a_shard_whose_files_were_removed_is_empty_says_so_and_keeps_no_gate_closed(factory: Factory) -> None:
    two_collections(factory)
    bad, good = factory.scan()
    assert factory.run("shard_job", good).success
    assert not factory.run("shard_job", bad).success
    (factory.sources / "bad" / "broken.png").unlink()
    emptied = factory.run("shard_job", bad)
    assert emptied.success
    assert all(factory.store.read_table(asset, bad).num_rows == 0 for asset in steps_of("shard_job"))
    said = emptied.asset_materializations_for_node("source_images")[0].metadata
    assert (said["gone"].value, said["quarantined"].value) == (1, 0)
    assert said["note"].value == f"{bad}: 1 no longer there (bad/broken.png); put back what was not meant to go"
    assert factory.run("training_job", assets=["sft_dataset"]).success


def test_the_report_is_made_where_a_shard_failed_and_nothing_was_trained(factory: Factory) -> None:
    two_collections(factory)
    bad, _ = factory.scan()
    assert not factory.run("shard_job", bad).success
    assert factory.run("report_job").success
    page = (factory.home / "reports" / "index.html").read_text()
    assert bad in page and "quarantine_share" in page and "broken.png is not an image" in page
    assert "embedded" not in page  # nothing was written yet


def test_the_report_says_what_the_embedded_model_wrote(factory: Factory) -> None:
    two_collections(factory)
    _, good = factory.scan()
    assert factory.run("shard_job", good).success
    assert factory.run("report_job").success
    page = (factory.home / "reports" / "index.html").read_text()
    assert "The embedded model, which is heuristics, wrote or judged instructions, long_outputs" in page


def check_statuses(factory: Factory, asset: str, check: str) -> dict[str, str]:
    infos = factory.instance.event_log_storage.get_asset_check_partition_info([AssetCheckKey(AssetKey(asset), check)])
    return {info.partition_key: info.latest_execution_status.name for info in infos}


def test_the_gate_sees_a_table_that_changed_after_its_check(factory: Factory) -> None:
    two_collections(factory)
    good = factory.scan()[1]
    assert factory.run("shard_job", good).success
    table = factory.store.read_table("segments", good)
    factory.store.write_table(SEGMENTS, good, table.to_pylist()[1:])
    problems = states(factory, ["segments", "preference_pairs"]).problems
    assert [(problem.asset, problem.reason) for problem in problems] == [
        ("segments", "its table changed after it was checked")
    ]


def test_the_gate_refuses_a_table_that_was_made_from_another_than_there_is_now(
    factory: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own recipe did not change, so nothing but the hash of its upstream table tells that the shards are mixed."""
    for number, (colour, lines) in enumerate(SIGNS.items()):
        draw_page(factory.sources / f"place-{number % 2}" / f"sight-{number}x.png", *lines, colour=colour)
    monkeypatch.setenv("LWV_RECIPE", write_recipe(tmp_path))
    shards = factory.scan()
    for shard in shards:
        assert factory.run("shard_job", shard, ["source_images", "instructions", "long_outputs"]).success
    assert factory.run("training_job", assets=["sft_dataset"]).success

    recipe = Path(write_recipe(tmp_path))
    recipe.write_text(recipe.read_text().replace("single = [120]", "single = [240]"))
    for shard in shards:
        assert factory.run("shard_job", shard, ["instructions"]).success
    assert factory.run("shard_job", shards[0], ["long_outputs"]).success
    refused = failures(factory.run("training_job", assets=["sft_dataset"]))
    assert f"{shards[1]}/long_outputs: made from another `instructions`" in refused
    assert shards[0] not in refused

    recipe.write_text(recipe.read_text() + "[gate]\nmixed_recipes = true\n")
    assert factory.run("training_job", assets=["sft_dataset"]).success
    recipe.write_text(recipe.read_text().replace("true", "false"))
    assert factory.run("shard_job", shards[1], ["long_outputs"]).success
    assert factory.run("training_job", assets=["sft_dataset"]).success
