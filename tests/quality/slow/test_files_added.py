"""A file that is added while a job runs, and seen at once, changes nothing in it; afterwards it is pending."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.parquet as pq
import pytest

from assets.benchmark_scores.score_files import scores_path
from assets.training_dataset import current_manifest
from resources.training.checkpoint import current_checkpoint
from testing.told import told
from tests.conftest import Factory, draw_page, draw_unlike_decks, write_recipe

# job -> where in the middle of it, once what it reads is decided, a file comes
MIDDLE = {
    "shard_job": "assets.instructions.asset.write_with_model",
    "training_job": "assets.sft_checkpoint.asset.train",
    "evaluation_job": "assets.benchmark_scores.asset.write_answers",
    "report_job": "assets.quality_report.asset.render_page",
}
JOBS = tuple(MIDDLE)
SHARD = "lectures-001"


def made(result: dg.ExecuteInProcessResult) -> dict[str, dict[str, Any]]:
    """asset -> its metadata."""
    assert result.success, [event.message for event in result.all_events if event.is_step_failure]
    events = [event.step_materialization_data for event in result.all_events if event.is_step_materialization]
    return {event.materialization.asset_key.to_user_string(): told(event.materialization.metadata) for event in events}


def disturbed(factory: Factory, job: str) -> dict[str, dict[str, Any]]:
    """Run the job; in the middle of it a collection appears, and a file in the collection that is being worked on."""
    module, _, name = MIDDLE[job].rpartition(".")
    real: Callable[..., Any] = getattr(import_module(module), name)
    came = list[str]()

    def middle(*arguments: Any, **named: Any) -> Any:
        if not came:
            draw_page(factory.sources / f"new-{job[:5]}" / "sign.png", f"A sign of the {job}", "that came late")
            draw_page(factory.sources / "lectures" / f"late-{job[:5]}.png", f"Another of the {job}", "also late")
            came.extend(factory.scan())
        return real(*arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MIDDLE[job], middle)
        said = made(factory.run(job, SHARD if job == "shard_job" else None))
    assert f"new-{job[:5]}-001" in came
    return said


def state(factory: Factory) -> list[Any]:
    """What the jobs made, by content."""
    return [
        *(current_manifest(factory.store, gate).id for gate in ("sft", "preference")),
        *(current_manifest(factory.store, gate).shards for gate in ("sft", "preference")),
        *(current_checkpoint(factory.store, kind).name for kind in ("sft", "dpo")),
        pq.read_table(scores_path(factory.store)).to_pylist(),
        *(factory.store.content(name, SHARD) for name in ("source_images", "long_outputs", "preference_pairs")),
    ]


@pytest.mark.slow
def test_a_file_that_is_added_in_the_middle_of_each_job_changes_nothing_and_is_pending_then(
    factory: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LWV_RECIPE", write_recipe(tmp_path))
    draw_unlike_decks(factory.sources / "lectures")
    factory.scan()
    said = {job: disturbed(factory, job) for job in JOBS}
    before = state(factory)
    assert before[2] == before[3] == [SHARD]
    assert said["training_job"]["sft_dataset"]["note"] == (
        "1 shard pending: new-shard-001 (never run); 1 document is not read yet: materialise lectures-001 again"
    )
    assert said["evaluation_job"]["benchmark_scores"]["pending"] == 2  # that came before, not the one in its middle

    again = {name: told for job in JOBS[1:] for name, told in made(factory.run(job)).items()}
    assert state(factory) == before
    assert not again["sft_checkpoint"]["trained_now"] and not again["dpo_checkpoint"]["trained_now"]
    assert again["benchmark_scores"]["calls_made"] == 0
    pending = [f"new-{job[:5]}-001" for job in JOBS]
    for name in ("sft_dataset", "preference_dataset"):
        assert again[name]["pending"] == 4
        assert all(f"{shard} (never run)" in again[name]["note"] for shard in pending)
        assert "4 documents are not read yet: materialise lectures-001 again" in again[name]["note"]
    assert sorted(current_manifest(factory.store, "sft").pending) == sorted(pending)

    assert factory.run("shard_job", pending[0]).success
    assert made(factory.run("training_job", assets=["sft_dataset"]))["sft_dataset"]["pending"] == 3
