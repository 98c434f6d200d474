"""The graph as Dagster loads it: its lineage, its gates, its GPU steps, and how light it is to load."""

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from assets.partitions import SHARDS
from lwv_dagster.definitions import defs
from lwv_dagster.jobs import DRAFTS_ASSETS, EVALUATION_ASSETS, REPORT_ASSETS, SHARD_ASSETS, TRAINING_ASSETS
from resources.op_tags import GPU_POOL

ROOT = Path(__file__).resolve().parents[1]
GRAPH = {
    "source_images": set(),
    "instructions": {"source_images"},
    "long_outputs": {"instructions"},
    "drafts": {"long_outputs", "sft_checkpoint"},
    "segments": {"long_outputs", "drafts"},
    "corrected_segments": {"segments", "long_outputs"},
    "preference_pairs": {"corrected_segments", "long_outputs", "drafts"},
    "sft_dataset": {"long_outputs"},
    "preference_dataset": {"preference_pairs"},
    "sft_checkpoint": {"sft_dataset"},
    "dpo_checkpoint": {"sft_checkpoint", "preference_dataset"},
    "benchmark_scores": {"sft_checkpoint", "dpo_checkpoint", "long_outputs"},
    "quality_report": {"benchmark_scores"},
}
GENERATES = ("instructions", "long_outputs", "drafts", "corrected_segments", "preference_pairs", "benchmark_scores")
TRAINS = ("sft_checkpoint", "dpo_checkpoint")
HEAVY = ("torch", "transformers", "trl", "vllm", "great_expectations", "datasets", "peft", "accelerate")


@pytest.fixture(scope="module")
def graph():
    return defs.resolve_asset_graph()


def test_the_lineage_is_the_one_of_the_design(graph) -> None:
    found = {
        key.to_user_string(): {parent.to_user_string() for parent in graph.get(key).parent_keys}
        for key in graph.get_all_asset_keys()
    }
    assert found == GRAPH


def test_everything_up_to_the_pairs_is_partitioned_by_shard_and_nothing_after_it(graph) -> None:
    for name in GRAPH:
        expected = SHARDS if name in SHARD_ASSETS + DRAFTS_ASSETS else None
        assert graph.get(dg.AssetKey(name)).partitions_def == expected, name


def test_every_asset_but_the_report_is_checked_and_each_shard_asset_has_a_blocking_check(graph) -> None:
    checked = {}
    for key in graph.asset_check_keys:
        checked.setdefault(key.asset_key.to_user_string(), []).append(graph.get_check_spec(key))
    assert set(checked) == set(GRAPH) - {"quality_report"}
    for name in SHARD_ASSETS + DRAFTS_ASSETS:
        assert any(spec.blocking for spec in checked[name]), name
        assert all(spec.partitions_def == SHARDS for spec in checked[name]), name


def test_no_checked_asset_has_a_backfill_policy_because_it_would_lose_each_shards_check_status(graph) -> None:
    for key in {check.asset_key for check in graph.asset_check_keys}:
        assert graph.get(key).backfill_policy is None, key


def test_generation_and_training_hold_the_gpu_three_ways(graph) -> None:
    for name in GRAPH:
        op = defs.resolve_assets_def(name).op
        wants = name in GENERATES + TRAINS
        assert (op.pool == GPU_POOL) == wants, name
        assert ("gpu" in defs.resolve_assets_def(name).required_resource_keys) == wants, name
        limits = op.tags.get("dagster-k8s/config", "")
        assert ("nvidia.com/gpu" in str(limits)) == wants, name


def test_the_jobs_never_mix_shards_with_what_is_over_all_of_them_and_together_hold_every_asset() -> None:
    jobs = {
        "shard_job": SHARD_ASSETS,
        "training_job": TRAINING_ASSETS,
        "drafts_job": DRAFTS_ASSETS,
        "evaluation_job": EVALUATION_ASSETS,
        "report_job": REPORT_ASSETS,
    }
    for name, expected in jobs.items():
        keys = defs.resolve_job_def(name).asset_layer.executable_asset_keys
        assert {key.to_user_string() for key in keys} == set(expected)
    assert sorted({name for names in jobs.values() for name in names}) == sorted(GRAPH)
    assert not {*SHARD_ASSETS, *DRAFTS_ASSETS} & {*TRAINING_ASSETS, *EVALUATION_ASSETS, *REPORT_ASSETS}


def test_loading_the_definitions_imports_nothing_heavy() -> None:
    code = f"import sys, lwv_dagster.definitions; print([name for name in {HEAVY} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_imports_go_one_way() -> None:
    for folder, above in (("resources", ("assets", "lwv_dagster")), ("assets", ("lwv_dagster",))):
        for path in (ROOT / folder).rglob("*.py"):
            for line in path.read_text(encoding="utf-8").splitlines():
                words = line.split()
                if words[:1] in (["import"], ["from"]):
                    assert words[1].split(".")[0] not in above, f"{path}: {line}"


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
