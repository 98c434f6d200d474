"""A checkpoint that is cut short, or holds a NaN, is found out from its files alone."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from assets.dpo_checkpoint.checks import starts_at_ln_2
from assets.sft_checkpoint.checks import shared_outcomes
from resources.store import Store
from resources.training.checkpoint import FILES, TrainingError, current_checkpoint, faults, unsound_tensors
from resources.training.run import whole_checkpoint


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    home = tmp_path / "checkpoints" / "sft" / "abc"
    home.mkdir(parents=True)
    for name in FILES:
        (home / name).write_text("{}")
    save_file({"a": torch.ones(3, 5), "b": torch.ones(7, dtype=torch.bfloat16)}, home / "model.safetensors")
    (home.parent / "current.json").write_text(json.dumps({"id": "abc"}))
    return home


def test_a_whole_checkpoint_has_no_fault(folder: Path, tmp_path: Path) -> None:
    assert faults(folder) == []
    assert unsound_tensors(folder) == []
    assert current_checkpoint(Store(tmp_path), "sft") == folder


def test_a_half_written_checkpoint_is_refused_by_name(folder: Path, tmp_path: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4])
    (folder / "tokenizer.json").unlink()
    assert faults(folder) == ["tokenizer.json is missing", "model.safetensors is cut short"]
    with pytest.raises(TrainingError, match=r"abc is not whole \(tokenizer.json is missing, model.safetensors is cut"):
        current_checkpoint(Store(tmp_path), "sft")
    weights.write_bytes(b"half")
    assert "model.safetensors cannot be read (no safetensors header)" in faults(folder)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_one_weight_that_is_no_number_is_found(folder: Path, dtype: torch.dtype, value: float) -> None:
    bad = torch.ones(1000, dtype=dtype)
    bad[777] = value
    save_file({"good": torch.full((9,), 3e4, dtype=dtype), "bad": bad}, folder / "model.safetensors")
    assert unsound_tensors(folder) == ["bad"]
    outcomes = {outcome.rule: outcome for outcome in shared_outcomes(folder, {"losses": [1.0], "wrote": [1]})}
    assert not outcomes["weights_sound"].passed
    assert outcomes["files_whole"].passed


def test_a_wrong_reference_shows_in_the_first_step() -> None:
    record = {"margins": [0.02, 0.5], "recipe": {"dtype": "float32"}}
    assert starts_at_ln_2({**record, "from_ln_2": [1e-7]}).passed
    assert not starts_at_ln_2({**record, "from_ln_2": [0.02]}).passed
    assert not starts_at_ln_2({**record, "from_ln_2": []}).passed  # pair by pair: the margin is not 0
    assert starts_at_ln_2({**record, "from_ln_2": [], "margins": [1e-7, 0.5]}).passed


def test_ranks_that_find_a_half_written_step_at_once_all_go_on_from_the_step_before(tmp_path: Path) -> None:
    whole, half = tmp_path / "checkpoint-2", tmp_path / "checkpoint-4"
    whole.mkdir()
    (whole / "trainer_state.json").write_text('{"num_input_tokens_seen": 7}')
    half.mkdir()
    for number in range(500):
        (half / str(number)).write_bytes(b"half")
    with ThreadPoolExecutor(4) as ranks:
        found = list(ranks.map(lambda _: whole_checkpoint(tmp_path, lambda line: None), range(4)))
    assert found == [str(whole)] * 4
    assert not half.exists()
