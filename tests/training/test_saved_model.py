"""A saved model is the one that was trained: in bfloat16 where that was computed in, adapters merged and kept."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from assets.sft_checkpoint.checks import TOLERANCE, alike_losses
from resources.training.checkpoint import faults, read_training
from resources.training.steered_trainer import part_of
from tests.training.test_training import launch, one_thread, sft_run  # noqa: F401  (a fixture)


def trained(data: Path, folder: Path, **changed: object) -> Path:
    run = sft_run(data, folder / "run", **changed)
    launch("resources.training.sft.train", run, folder / "run.json")
    assert not faults(run.output)
    return run.output


def test_full_fine_tuning_in_bfloat16_is_saved_in_bfloat16_and_gives_the_losses_it_ended_with(
    data: Path,
    tmp_path: Path,
) -> None:
    output = trained(data, tmp_path, dtype="bfloat16")
    assert {tensor.dtype for tensor in load_file(output / "model.safetensors").values()} == {torch.bfloat16}
    config = json.loads((output / "config.json").read_text())
    assert {config["dtype"], config["text_config"]["dtype"], config["vision_config"]["dtype"]} == {"bfloat16"}
    record = read_training(output)
    assert len(record["ended"]) == len(record["saved"]) == 4
    assert alike_losses(record).passed
    assert record["ended"] != record["saved"]  # it was rounded, and loaded again


def test_adapters_are_merged_and_kept_beside_and_learn_at_a_rate_of_their_own(
    data: Path,
    tmp_path: Path,
) -> None:
    output = trained(data, tmp_path, lora_rank=4, learning_rate=1e-2)
    assert sorted(path.name for path in (output / "adapter").iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]
    record = read_training(output)
    assert record["ended"] == pytest.approx(record["saved"], abs=TOLERANCE["float32"])


def test_a_generation_config_of_ours_is_saved(data: Path, tmp_path: Path) -> None:
    output = trained(data, tmp_path)
    sampled = json.loads((output / "generation_config.json").read_text())
    assert (sampled["temperature"], sampled["top_p"], sampled["top_k"]) == (0.6, 0.95, 0)
    assert sampled["repetition_penalty"] == 1.0 and sampled["do_sample"] is True


def test_a_saved_model_that_is_another_one_shuts_its_check(data: Path, tmp_path: Path) -> None:
    record = read_training(trained(data, tmp_path))
    assert alike_losses(record).passed
    record["saved"][0] += 2 * TOLERANCE["float32"]
    outcome = alike_losses(record)
    assert not outcome.passed and "when the model was saved" in outcome.description
    record["saved"][0] = float("nan")
    assert not alike_losses(record).passed
    del record["saved"], record["ended"]  # a record of an older version
    assert alike_losses(record).passed


def test_passes_are_filled_documents_are_held_back_and_curves_are_written(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path / "of-another-run"))
    output = trained(
        data, tmp_path, tokens_per_pass=4000, documents_per_update=2, validation_share=0.3, eval_steps=2, seed=3
    )
    record = read_training(output)
    assert len(record["validation"]) >= 2 and len(record["losses"]) == 4
    assert list((output / "tensorboard").glob("events.*"))
    assert not (tmp_path / "of-another-run").exists()


def test_training_ends_early_where_what_is_held_back_gets_no_better(data: Path, tmp_path: Path) -> None:
    output = trained(
        data, tmp_path, validation_share=0.3, eval_steps=1, patience=1, learning_rate=5.0, max_steps=30, save_steps=30
    )
    assert read_training(output)["steps"] < 30


def test_parts_of_the_model_are_known_by_the_names_of_their_weights() -> None:
    assert part_of("model.visual.blocks.0.attn.qkv.weight") == "vision"
    assert part_of("base_model.model.model.visual.merger.mlp.0.weight") == "merger"
    assert part_of("model.visual.deepstack_merger_list.0.norm.weight") == "merger"
    assert part_of("model.language_model.layers.0.mlp.up_proj.weight") == part_of("lm_head.weight") == "text"
