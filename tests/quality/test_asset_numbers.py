"""What an asset tells the UI to plot: at most twelve numbers, the same in each run, what its rows cost among them."""

from collections import Counter
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets.steps import STEP_OF, STEPS
from assets.training_dataset import Manifest
from assets.training_run import checkpoint_metadata
from resources.dagster import MOST_NUMBERS, counts_table
from testing.told import numbers, told
from tests.conftest import Factory, draw_page, draw_unlike_decks, write_recipe

TRAINED = {"sft_checkpoint", "dpo_checkpoint", "benchmark_scores", "drafts"}  # elsewhere: below, and in tests/scores
MAY_LACK = {"length_score_mean", "page_share_mean", "words_mean"}  # means of nothing
Said = dict[str, dict[str, dg.MetadataValue]]


def made(result: dg.ExecuteInProcessResult) -> Said:
    assert result.success
    return {
        event.asset_key.to_user_string(): dict(event.step_materialization_data.materialization.metadata)
        for event in result.get_asset_materialization_events()
        if event.asset_key
    }


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Said]:
    """All assets but those that train, made twice: the second time every call is answered by the ledger."""
    folder = tmp_path_factory.mktemp("numbers")
    with pytest.MonkeyPatch.context() as patch, dg.DagsterInstance.ephemeral() as instance:
        patch.setenv("LWV_HOME", str(folder / "home"))
        patch.setenv("LWV_SOURCES", str(folder / "sources"))
        patch.setenv("LWV_RECIPE", write_recipe(folder))
        factory = Factory(folder / "home", folder / "sources", instance)
        draw_unlike_decks(factory.sources / "mixed")
        draw_page(factory.sources / "mixed" / "sign.png", "A sign that stands alone")
        (factory.sources / "mixed" / "broken.pdf").write_bytes(b"no PDF")
        (shard,) = factory.scan()
        found = []
        for _ in range(2):
            said = made(factory.run("shard_job", shard))
            said |= made(factory.run("training_job", assets=["sft_dataset", "preference_dataset"]))
            found.append(said | made(factory.run("report_job")))
    return found


def test_every_asset_that_does_not_train_is_looked_at(runs: list[Said]) -> None:
    assert {step.name for step in STEPS} - TRAINED == {*runs[0]}


def test_no_asset_plots_more_than_twelve_numbers(runs: list[Said]) -> None:
    many = {name: numbers(said) for run in runs for name, said in run.items() if len(numbers(said)) > MOST_NUMBERS}
    assert many == {}


def test_a_second_run_plots_the_same_numbers_and_what_the_rows_took_is_the_same(runs: list[Said]) -> None:
    for name, first in runs[0].items():
        again = runs[1][name]
        assert numbers(again) ^ numbers(first) <= MAY_LACK, name
        if STEP_OF[name].roles:
            assert {"cost_usd", "paid_usd", "calls_made", "prompt_tokens", "completion_tokens"} <= numbers(first), name
            for key in ("prompt_tokens", "completion_tokens", "cost_usd"):
                assert first[key].value == again[key].value, (name, key)
            assert told(again)["calls_made"] == 0 and told(again)["calls_replayed"] == told(first)["calls"]


def test_what_is_not_plotted_is_in_one_table(runs: list[Said]) -> None:
    said = told(runs[0]["instructions"])
    assert said["origin_deck"] + said.get("origin_deck_rewritten", 0) == 3
    assert counts_table({}) == {} and counts_table({"a": None}) == {}


def test_a_checkpoint_plots_no_more_than_twelve_numbers_whatever_it_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training: dict[str, Any] = {
        "losses": [3.0, 2.0],
        "accuracies": [0.5, 1.0],
        "margins": [0.0, 0.2],
        "seconds": 9.0,
        "tokens": 900,
        "tokens_per_second": 100.0,
        "student": "tiny",
        "embedded": True,
        "left_out": {f"reason_{number}": number for number in range(9)},
    }
    monkeypatch.setattr("assets.training_run.read_training", lambda _output: training)
    manifest = Manifest(
        id="x",
        gate="preference",
        shards=["a-001"],
        rows=3,
        counts=Counter({"single": 3}),
        authors={"m": 3},
        path=str(tmp_path),
    )
    found: dict[str, Any] = dict(checkpoint_metadata(tmp_path, manifest, False))
    result = dg.AssetMaterialization("x", metadata=found)
    assert len(numbers(result.metadata)) <= MOST_NUMBERS
    assert told(result.metadata)["left_out_reason_8"] == 8
