"""The graph as Dagster loads it: its lineage, its gates, its GPU steps, and how light it is to load."""

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from assets.partitions import SHARDS
from assets.steps import steps_of
from lwv_dagster.definitions import defs
from lwv_dagster.jobs import DESCRIPTIONS

ROOT = Path(__file__).resolve().parents[1]
GRAPH = {
    "source_images": set(),
    "source_files": {"source_images"},
    "instructions": {"source_images"},
    "long_outputs": {"instructions"},
    "drafts": {"long_outputs", "sft_checkpoint"},
    "segments": {"long_outputs", "drafts"},
    "corrected_segments": {"segments", "long_outputs"},
    "signals": {"source_images", "long_outputs", "segments", "corrected_segments"},
    "preference_pairs": {"corrected_segments", "segments", "long_outputs", "drafts"},
    "sft_dataset": {"source_images", "instructions", "long_outputs"},
    "preference_dataset": {
        "source_images",
        "instructions",
        "long_outputs",
        "drafts",
        "segments",
        "corrected_segments",
        "preference_pairs",
    },
    "sft_checkpoint": {"sft_dataset"},
    "dpo_checkpoint": {"sft_checkpoint", "preference_dataset"},
    "benchmark_scores": {"sft_checkpoint", "dpo_checkpoint", "long_outputs"},
    "quality_report": {"source_files", "benchmark_scores", "sft_checkpoint", "dpo_checkpoint", "long_outputs"},
}
SHARDED = (*steps_of("shard_job"), *steps_of("drafts_job"))
LOADS_STUDENT = ("drafts", "sft_checkpoint", "dpo_checkpoint", "benchmark_scores")
ASKS_TEACHER = ("instructions", "long_outputs")
HEAVY = ("torch", "transformers", "trl", "vllm", "great_expectations", "datasets", "peft", "accelerate")


@pytest.fixture(scope="module")
def graph():
    return defs.resolve_asset_graph()


def test_the_lineage_is_the_one_of_the_design(graph) -> None:
    found = {
        key.to_user_string(): {parent.to_user_string() for parent in graph.get(key).parent_keys}
        for key in graph.get_all_asset_keys()
    }
    recipe = {f"recipe/{name}": set() for name in GRAPH}
    assert found == recipe | {name: {*upstream, f"recipe/{name}"} for name, upstream in GRAPH.items()}


def test_everything_up_to_the_pairs_is_partitioned_by_shard_and_nothing_after_it(graph) -> None:
    for name in GRAPH:
        expected = SHARDS if name in SHARDED else None
        assert graph.get(dg.AssetKey(name)).partitions_def == expected, name


def test_every_asset_but_the_report_is_checked_and_each_shard_asset_has_a_blocking_check(graph) -> None:
    checked = {}
    for key in graph.asset_check_keys:
        checked.setdefault(key.asset_key.to_user_string(), []).append(graph.get_check_spec(key))
    assert set(checked) == set(GRAPH) - {"quality_report"}
    for name in SHARDED:
        assert any(spec.blocking for spec in checked[name]), name
        assert all(spec.partitions_def == SHARDS for spec in checked[name]), name


def test_no_checked_asset_has_a_backfill_policy_because_it_would_lose_each_shards_check_status(graph) -> None:
    for key in {check.asset_key for check in graph.asset_check_keys}:
        assert graph.get(key).backfill_policy is None, key


RESERVED = """
import lwv_dagster.definitions as definitions
for name in {names}:
    op = definitions.defs.resolve_assets_def(name).op
    print(name, op.pool == "gpu", "nvidia.com/gpu" in str(op.tags.get("dagster-k8s/config", "")))
"""


@pytest.mark.parametrize(
    ("teacher", "reserves"),
    [
        (None, LOADS_STUDENT),
        ("https://api.example.com/v1", LOADS_STUDENT),
        ("http://127.0.0.1:8000/v1", (*LOADS_STUDENT, *ASKS_TEACHER)),
    ],
)
def test_a_gpu_is_reserved_where_the_student_is_loaded_or_a_server_here_is_asked(
    teacher: str | None, reserves: tuple[str, ...]
) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("LWV_")}
    if teacher:
        env |= {"LWV_TEACHER_BASE_URL": teacher, "LWV_TEACHER_MODEL": "some-model"}
    code = RESERVED.format(names=list(GRAPH))
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert found.stdout.splitlines() == [f"{name} {name in reserves} {name in reserves}" for name in GRAPH]


def test_the_jobs_never_mix_shards_with_what_is_over_all_of_them_and_together_hold_every_asset() -> None:
    jobs = {job: set(steps_of(job)) for job in DESCRIPTIONS}
    for job, expected in jobs.items():
        keys = defs.resolve_job_def(job).asset_layer.executable_asset_keys
        assert {key.to_user_string() for key in keys} == expected
    assert {name for names in jobs.values() for name in names} == set(GRAPH)
    over_all = {name for job in ("training_job", "evaluation_job", "report_job") for name in jobs[job]}
    assert not {*SHARDED} & over_all


def test_loading_the_definitions_imports_nothing_heavy() -> None:
    code = f"import sys, lwv_dagster.definitions; print([name for name in {HEAVY} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_the_workspace_validates(tmp_path: Path) -> None:
    dagster = Path(sys.executable).parent / "dagster"
    result = subprocess.run(
        [dagster, "definitions", "validate", "-w", "workspace.yaml"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "DAGSTER_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
