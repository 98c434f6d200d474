"""Where a run's numbers come from: the student, what the recipe file changes, how many GPUs share the work."""

from pathlib import Path

import pytest
from accelerate.commands.config.config_args import load_config_from_file

from assets.dpo_checkpoint.recipe import DpoRecipe
from assets.recipe import RecipeUnusable, Training, read_recipe
from assets.sft_checkpoint.recipe import SftRecipe
from resources.dagster import GpuResource
from resources.launcher import CONFIGURATIONS, launch_command


def test_the_recipe_file_changes_what_it_names_and_nothing_else() -> None:
    own, changed = (SftRecipe.for_student("tiny", training)
                    for training in (Training(), Training(sft_learning_rate=0.5, lora_rank=8)))
    assert {name for name, value in changed.as_dict().items() if value != own.as_dict()[name]} == {
        "learning_rate", "lora_rank"}
    assert DpoRecipe.for_student("some/7B", Training(dpo_epochs=1)).epochs == 1
    assert DpoRecipe.for_student("some/7B", Training()).learning_rate == 3e-6      # the paper's


def test_the_paper_preset_has_the_papers_layout_and_image_size() -> None:
    training = read_recipe("paper").training
    assert (training.layout, training.max_pixels) == ("paper", 280 * 280)


def test_images_in_the_answer_cannot_be_trained_pair_by_pair(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text('[training]\npacking = "pairs"\nlayout = "interleaved"\n')
    with pytest.raises(RecipeUnusable, match=r"training: .*interleaved images are trained with packing"):
        read_recipe(str(path))


@pytest.mark.parametrize(("gpus", "sharding", "expected"), [
    (0, "fsdp2", ["--cpu"]), (1, "fsdp2", []), (8, "none", ["--multi_gpu"]),
    (8, "zero3", ["--config_file", str(CONFIGURATIONS / "zero3.yaml")])])
def test_several_gpus_share_the_weights_as_the_recipe_says(gpus: int, sharding: str, expected: list[str]) -> None:
    command = launch_command("module", Path("config.json"), gpus, sharding)
    low = command.index("no", command.index("--dynamo_backend")) + 1
    assert command[low:command.index("-m", low)] == expected


@pytest.mark.parametrize(("visible", "expected"), [
    (None, 2), ("", 0), ("-1", 0), ("1", 1), ("0, 1", 2), ("0,-1,1", 1), ("GPU-8932f937,MIG-a1", 2), ("none", 0)])
def test_as_many_gpus_are_counted_as_the_environment_lets_a_process_see(
        visible: str | None, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
