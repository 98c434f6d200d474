"""The preference round after SFT, for real: a checkpoint writes, critic and judge do their part, the gate weighs."""

import json
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assets.drafts.schema import DRAFTS
from assets.long_outputs.schema import LONG_OUTPUTS
from assets.preference_dataset.checks import evaluate
from assets.preference_pairs.schema import PREFERENCE_PAIRS
from assets.segments.schema import SEGMENTS
from assets.training_dataset import current_manifest
from resources.store import Store
from resources.training.launcher import launch_command, launch_env
from testing.told import told
from tests.conftest import Factory, draw_unlike_decks, write_recipe

ROOT = Path(__file__).resolve().parents[2]
KINDS = {"cumulative": 0.4, "shared_prefix": 0.2, "whole": 0.3, "sampled": 0.1}
PAIRS = "[pairs]\nsamples = 5\nmargin = 0.1\n" + "".join(f"{kind} = {share}\n" for kind, share in KINDS.items())

Metadata = dict[str, dict[str, Any]]


def metadata_of(result: dg.ExecuteInProcessResult) -> Metadata:
    """asset -> what its materialisation said; fails with the run's own words where the run failed."""
    assert result.success, [
        event.step_failure_data.user_failure_data.description
        for event in result.all_events
        if event.is_step_failure and event.step_failure_data.user_failure_data
    ]
    found = [
        event.step_materialization_data.materialization for event in result.all_events if event.is_step_materialization
    ]
    return {made.asset_key.to_user_string(): told(made.metadata) for made in found}


@pytest.fixture(scope="module")
def after_sft(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Factory, str, Metadata]]:
    """A factory whose tiny student was trained and has written drafts; its shard, and what the round said."""
    folder = tmp_path_factory.mktemp("round")
    with pytest.MonkeyPatch.context() as patch, dg.DagsterInstance.ephemeral() as instance:
        patch.setenv("LWV_HOME", str(folder / "home"))
        patch.setenv("LWV_SOURCES", str(folder / "sources"))
        patch.setenv("LWV_RECIPE", write_recipe(folder, PAIRS, words_per_page=30))
        factory = Factory(folder / "home", folder / "sources", instance)
        draw_unlike_decks(factory.sources / "mixed")
        (shard,) = factory.scan()
        metadata_of(factory.run("shard_job", shard))
        metadata_of(factory.run("training_job", assets=["sft_dataset", "sft_checkpoint"]))
        yield factory, shard, metadata_of(factory.run("drafts_job", shard))


def draft_file(store: Store) -> Path:
    (path,) = (store.home / "drafts").rglob("*.jsonl")
    return path


@pytest.mark.slow
def test_the_checkpoints_own_drafts_are_corrected_ranked_and_made_pairs_of_every_kind(
    after_sft: tuple[Factory, str, Metadata],
) -> None:
    factory, shard, said = after_sft
    drafts = list(factory.store.rows(DRAFTS, shard))
    assert [row["sample"] for row in drafts] == [*range(5)]
    assert len({row["output"] for row in drafts}) == 5
    assert all(row["author"].startswith("tiny sft ") and "embedded" in row["author"] for row in drafts)
    identity = factory.store.identity("drafts", shard)
    assert identity is not None and identity.models == {"student": drafts[0]["author"]}

    segments = [row for row in factory.store.rows(SEGMENTS, shard) if row["split"] == "preference"]
    assert {(row["drafted_by"], row["author"]) for row in segments} == {("checkpoint", drafts[0]["author"])}
    assert {row["drafted_by"] for row in factory.store.rows(SEGMENTS, shard)} == {"checkpoint", "teacher"}
    counts = said["corrected_segments"]
    assert counts["edited"] + counts["unchanged"] == counts["checkpoint_segments"] == len(segments) == 3
    assert counts["missing_written"] == sum(not row["text"] for row in segments)

    pairs = list(factory.store.rows(PREFERENCE_PAIRS, shard))
    assert {row["kind"] for row in pairs} == set(KINDS)
    for kind in KINDS:
        mine = [row for row in pairs if row["kind"] == kind]
        assert said["preference_pairs"][f"pairs_{kind}"] == len(mine)
        assert 0 <= said["preference_pairs"][f"chosen_longer_share_{kind}"] <= 1
    (sampled,) = (row for row in pairs if row["kind"] == "sampled")
    assert {sampled["chosen"], sampled["rejected"]} <= {row["output"] for row in drafts}
    assert sampled["margin"] >= 0.1
    assert {row["author"] for row in pairs} == {drafts[0]["author"]}
    (whole,) = (row for row in pairs if row["kind"] == "whole")
    assert whole["rejected"] == "\n\n".join(row["text"] for row in segments if row["text"])


@pytest.mark.slow
def test_run_again_the_round_writes_nothing_and_asks_nothing(after_sft: tuple[Factory, str, Metadata]) -> None:
    factory, shard, first = after_sft
    before = draft_file(factory.store).stat()
    again = metadata_of(factory.run("drafts_job", shard))
    assert draft_file(factory.store).stat() == before
    assert sum(again[name].get("calls_made", 0) for name in again) == 0
    assert sum(first[name].get("calls_made", 0) for name in first) > 0


@pytest.mark.slow
def test_drafts_that_were_killed_go_on_and_are_the_same_in_the_end(after_sft: tuple[Factory, str, Metadata]) -> None:
    factory, shard, _ = after_sft
    path = draft_file(factory.store)
    whole = path.read_text()
    path.unlink()
    process = subprocess.Popen(
        launch_command("resources.training.generate", path.with_suffix(".config.json"), 0),
        cwd=ROOT,
        env={**os.environ, **launch_env()},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "1 of 5" in line:
            os.killpg(process.pid, 9)
    process.wait()
    written = "".join(path.read_text().splitlines(keepends=True)[:2])  # a batch ends at once: as if killed within it
    assert written
    path.write_text(f'{written}{{"model": "sft", "item')
    metadata_of(factory.run("drafts_job", shard))
    assert path.read_text().startswith(written)

    def texts(lines: str) -> list[Any]:
        return [(line["item_id"], line["text"]) for line in map(json.loads, lines.splitlines())]

    assert texts(path.read_text()) == texts(whole)


@pytest.mark.slow
def test_the_gate_weighs_kinds_as_the_recipe_says_and_lets_no_trained_document_through(
    after_sft: tuple[Factory, str, Metadata],
) -> None:
    factory, shard, _ = after_sft
    said = metadata_of(factory.run("training_job", assets=["preference_dataset"]))["preference_dataset"]
    manifest = current_manifest(factory.store, "preference")
    rows = pq.read_table(manifest.path).to_pylist()
    assert manifest.authors == {rows[0]["author"]: len(rows), **Counter(row["corrector"] for row in rows)}
    assert sum(row["weight"] for row in rows) == pytest.approx(len(rows), rel=1e-5)
    for kind, share in KINDS.items():
        weight = sum(row["weight"] for row in rows if row["kind"] == kind)
        assert weight / len(rows) == pytest.approx(share, rel=1e-5)
        assert said[f"weight_share_{kind}"] == pytest.approx(share)
    trained = set(pq.read_table(current_manifest(factory.store, "sft").path).column("id").to_pylist())
    assert not trained & {row["example_id"] for row in factory.store.rows(PREFERENCE_PAIRS, shard)}
    assert all(outcome.passed for outcome in evaluate(factory.store).values())


@pytest.mark.slow
def test_a_data_set_whose_kinds_weigh_otherwise_or_that_has_a_trained_document_fails_its_check(
    after_sft: tuple[Factory, str, Metadata],
) -> None:
    factory, shard, _ = after_sft
    metadata_of(factory.run("training_job", assets=["preference_dataset"]))
    path = Path(current_manifest(factory.store, "preference").path)
    rows, pairs = pq.read_table(path), factory.store.read_table("preference_pairs", shard)
    heavier = [{**row, "weight": 2 * row["weight"]} if row["kind"] == "whole" else row for row in rows.to_pylist()]
    learnt = next(row["example_id"] for row in factory.store.rows(LONG_OUTPUTS, shard) if row["split"] == "sft")
    try:
        pq.write_table(pa.Table.from_pylist(heavier, schema=rows.schema), path)
        factory.store.write_table(PREFERENCE_PAIRS, shard, [{**row, "example_id": learnt} for row in pairs.to_pylist()])
        failed = {name for name, outcome in evaluate(factory.store).items() if not outcome.passed}
    finally:
        pq.write_table(rows, path)
        factory.store.write_table(PREFERENCE_PAIRS, shard, pairs.to_pylist())
    assert failed == {"shares_kept", "not_in_sft"}


@pytest.mark.slow
def test_the_recipe_says_whose_drafts_are_cut_and_a_missing_one_is_one_clear_sentence(
    after_sft: tuple[Factory, str, Metadata], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    factory, shard, _ = after_sft
    shutil.copytree(factory.home, tmp_path / "home")
    store = Store(tmp_path / "home")
    monkeypatch.setenv("LWV_HOME", str(tmp_path / "home"))

    def cut(drafts: str) -> dg.ExecuteInProcessResult:
        monkeypatch.setenv("LWV_RECIPE", write_recipe(tmp_path, f'[corrections]\ndrafts = "{drafts}"\n'))
        return factory.run("drafts_job", shard, ["segments"])

    def why(failed: dg.ExecuteInProcessResult) -> str:
        (said,) = (
            event.step_failure_data.user_failure_data.description
            for event in failed.all_events
            if event.is_step_failure and event.step_failure_data.user_failure_data
        )
        return said

    assert cut("teacher").success
    assert {row["drafted_by"] for row in store.rows(SEGMENTS, shard)} == {"teacher"}
    store.table_path("drafts", shard).unlink()
    assert cut("auto").success
    assert {row["drafted_by"] for row in store.rows(SEGMENTS, shard)} == {"teacher"}
    assert "materialise `drafts` for shard" in why(cut("checkpoint"))
