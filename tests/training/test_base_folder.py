"""A student that is built here has a folder of its own, and a folder that lacks weights is refused."""

import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from assets.sft_checkpoint.asset import base_folder
from resources.store import Store
from resources.training.sft.hyperparameters import SftHyperparameters
from resources.training.trainable_model import MissingWeightsError, load_model


def test_two_students_on_the_same_data_have_two_bases(tmp_path: Path) -> None:
    store = Store(tmp_path)
    folders = {base_folder(store, student, "abc") for student in ("tiny", "smol")}
    assert len(folders) == 2
    assert {folder.parent for folder in folders} == {tmp_path / "checkpoints" / "base"}


def test_a_base_that_lacks_weights_is_refused_instead_of_drawn_at_random(
    students: dict[str, Path], tmp_path: Path
) -> None:
    folder = tmp_path / "lacking"
    shutil.copytree(students["qwen2_5_vl"], folder)
    weights = load_file(folder / "model.safetensors")
    for name in [name for name in weights if "layers.1.mlp" in name and "visual" not in name][:2]:
        del weights[name]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(MissingWeightsError, match=r"has no weights for 2 tensors of its model .*at random"):
        load_model(str(folder), SftHyperparameters(dtype="float32"))
