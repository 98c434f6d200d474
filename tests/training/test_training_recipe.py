"""Where a run's numbers come from: the student, what the recipe file changes, how many GPUs share the work."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import FullyShardedDataParallelPlugin
from accelerate.commands.config.config_args import load_config_from_file

from assets.training_run import train
from resources.dagster import GpuResource
from resources.recipe.model import Training
from resources.recipe.read import RecipeError, read_recipe
from resources.store import Store
from resources.training.arguments import accumulation, trainer_settings
from resources.training.checkpoint import TrainingError
from resources.training.dpo.hyperparameters import DpoHyperparameters
from resources.training.dpo.train import keeps_reference, load_of
from resources.training.launcher import CONFIGURATIONS, launch_command
from resources.training.packed_trainer import keep_float32
from resources.training.run_config import SftRun
from resources.training.sft.hyperparameters import SftHyperparameters


def test_the_recipe_file_changes_what_it_names_and_nothing_else() -> None:
    own, changed = (
        SftHyperparameters.for_student("tiny", training)
        for training in (Training(), Training(sft_learning_rate=0.5, lora_rank=8))
    )
    assert {name for name, value in asdict(changed).items() if value != asdict(own)[name]} == {
        "learning_rate",
        "lora_rank",
    }
    assert DpoHyperparameters.for_student("some/7B", Training(dpo_epochs=1)).epochs == 1
    assert DpoHyperparameters.for_student("some/7B", Training()).learning_rate == 3e-6  # the paper's


def test_the_paper_preset_has_the_papers_layout_and_image_size() -> None:
    training = read_recipe("paper").training
    assert (training.layout, training.max_pixels) == ("paper", 280 * 280)


def test_images_in_the_answer_cannot_be_trained_pair_by_pair(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text('[training]\npacking = "pairs"\nlayout = "interleaved"\n')
    with pytest.raises(RecipeError, match=r"\[training\]: interleaved images are trained with packing"):
        read_recipe(str(path))


@pytest.mark.parametrize(
    ("gpus", "sharding", "expected"),
    [
        (0, "fsdp2", ["--cpu"]),
        (1, "fsdp2", []),
        (8, "none", ["--multi_gpu"]),
        (8, "zero3", ["--config_file", str(CONFIGURATIONS / "zero3.yaml")]),
    ],
)
def test_several_gpus_share_the_weights_as_the_recipe_says(gpus: int, sharding: str, expected: list[str]) -> None:
    command = launch_command("module", Path("config.json"), gpus, sharding)
    low = command.index("no", command.index("--dynamo_backend")) + 1
    assert command[low : command.index("-m", low)] == expected


@pytest.mark.parametrize(
    ("visible", "expected"),
    [(None, 2), ("", 0), ("-1", 0), ("1", 1), ("0, 1", 2), ("0,-1,1", 1), ("GPU-8932f937,MIG-a1", 2), ("none", 0)],
)
def test_as_many_gpus_are_counted_as_the_environment_lets_a_process_see(
    visible: str | None, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = tmp_path / "nvidia-smi"
    listing.write_text("#!/bin/sh\necho 'GPU 0: A (UUID: GPU-8932f937)'\necho 'GPU 1: B (UUID: GPU-1a2b3c4d)'\n")
    listing.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert len(GpuResource().devices()) == expected
    assert GpuResource(device_ids=[3]).devices() == [3]


@pytest.mark.parametrize("name", ["fsdp2", "zero3"])
def test_accelerate_understands_the_sharding_configurations(name: str) -> None:
    config = load_config_from_file(str(CONFIGURATIONS / f"{name}.yaml"))
    assert str(config.distributed_type).endswith("FSDP" if name == "fsdp2" else "DEEPSPEED")


def test_adapters_under_zero_3_are_refused_before_anything_is_trained(tmp_path: Path) -> None:
    nothing: Any = None
    run = SftRun(
        dataset=tmp_path / "train.parquet",
        dataset_id="d",
        student="some/7B",
        output=tmp_path / "out",
        authors=[],
        base_folder=tmp_path / "base",
        hyperparameters=SftHyperparameters.for_student("some/7B", Training(sharding="zero3", lora_rank=8)),
    )
    with pytest.raises(TrainingError, match=r'training\.sharding = "fsdp2"'):
        train(nothing, nothing, Store(tmp_path), 8, {}, "module", run)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("student", "devices", "passes"),
    [
        ("some/7B", 1, 16),
        ("some/7B", 2, 8),
        ("some/7B", 8, 2),
        ("some/7B", 16, 1),
        ("some/7B", 64, 1),
        ("tiny", 1, 1),
        ("smol", 1, 6),
    ],
)
def test_an_update_has_as_many_documents_on_any_number_of_devices(student: str, devices: int, passes: int) -> None:
    hyperparameters = SftHyperparameters.for_student(student, Training())
    assert accumulation(hyperparameters.documents_per_update, hyperparameters.batch, devices) == passes


def test_adapters_on_devices_that_share_the_weights_have_their_reference_computed_in_each_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cases = {
        (rank, sharding): DpoHyperparameters.for_student("some/7B", Training(lora_rank=rank, sharding=sharding))
        for rank in (0, 8)
        for sharding in ("fsdp2", "none")
    }
    assert all(map(keeps_reference, cases.values()))
    monkeypatch.setenv("WORLD_SIZE", "8")
    assert [case for case, hyperparameters in cases.items() if not keeps_reference(hyperparameters)] == [(8, "fsdp2")]


def test_a_reference_counts_as_a_second_model_where_it_is_one() -> None:
    plan = [{"tokens": 9, "attended": 45, "vision_tokens": 4}]
    copies = {
        (packing, reference, rank): load_of(
            DpoHyperparameters.for_student("some/7B", Training(packing=packing, reference=reference, lora_rank=rank)),
            plan,
            3,
        ).copies
        for packing in ("documents", "pairs")
        for reference in ("stored", "live")
        for rank in (0, 8)
    }
    assert {case for case, count in copies.items() if count == 2} == {
        ("documents", "live", 0),
        ("pairs", "stored", 0),
        ("pairs", "live", 0),
    }


def test_what_shares_weights_returns_log_probabilities_and_adds_up_gradients_in_float32() -> None:
    plugin = FullyShardedDataParallelPlugin(fsdp_version=2)
    plugin.set_mixed_precision("bf16")
    keep_float32(plugin)
    policy: Any = plugin.mixed_precision_policy
    assert (policy.param_dtype, policy.reduce_dtype, policy.output_dtype) == (torch.bfloat16, torch.float32, None)


@pytest.mark.parametrize(("cuda", "workers"), [(False, None), (True, 4)])
def test_images_are_opened_ahead_of_a_gpu(cuda: bool, workers: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    assert trainer_settings(SftHyperparameters(), Path(), 16).get("dataloader_num_workers") == workers
