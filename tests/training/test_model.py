"""A model as it is trained computes what transformers' own does, and nothing that is thrown away."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from transformers import AutoModelForImageTextToText, AutoProcessor
from trl import SFTConfig

from resources.training.arguments import trainer_settings
from resources.training.packed_attention import WINDOWS, attend_to_own_sample
from resources.training.packed_trainer import Keep
from resources.training.rows.dataset_rows import ChatRow
from resources.training.sft.hyperparameters import SftHyperparameters
from resources.training.sft.packing import PackedCollator
from resources.training.sft.trainer import TokenMeanSFTTrainer
from resources.training.trainable_model import adapters, fuse, load_model
from tests.training.test_packed_sft import base, rows  # noqa: F401 (fixtures)

CUDA = torch.cuda.is_available()
HYPERPARAMETERS = replace(
    SftHyperparameters(),
    dtype="float32",
    documents_per_update=2,
    batch=1,
    max_steps=2,
    learning_rate=1e-3,
    sharding="none",
)


def trainer_of(
    base: Path,
    rows: list[ChatRow],
    folder: Path,
    hyperparameters: SftHyperparameters,
    keep: Keep = None,
) -> TokenMeanSFTTrainer:
    return TokenMeanSFTTrainer(
        model=load_model(str(base), hyperparameters),
        keep=keep,
        peft_config=adapters(hyperparameters),
        train_dataset=Dataset.from_list(rows),
        args=SFTConfig(
            **{**trainer_settings(hyperparameters, folder, 2), "save_strategy": "no"}, remove_unused_columns=False
        ),
        data_collator=PackedCollator(AutoProcessor.from_pretrained(base)),
    )


def gradients(model: Any, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad()
    loss.backward()
    return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}


def test_windows_of_one_size_in_one_call_are_windows_one_by_one(base: Path, rows: list[ChatRow]) -> None:
    batch = PackedCollator(AutoProcessor.from_pretrained(base))(rows)
    model = AutoModelForImageTextToText.from_pretrained(base, dtype=torch.float32)
    tower: Any = model.model.visual
    found = {}
    for implementation in ("sdpa", WINDOWS):
        model.set_attn_implementation({"vision_config": implementation})
        seen = tower(batch["pixel_values"], batch["image_grid_thw"]).pooler_output
        found[implementation] = seen.detach(), gradients(tower, seen.square().sum())
    assert len(batch["image_grid_thw"]) == 6
    torch.testing.assert_close(found[WINDOWS], found["sdpa"])


@pytest.mark.parametrize("rank", [0, 4])
def test_the_way_back_does_not_lead_through_a_frozen_tower(
    rank: int, base: Path, rows: list[ChatRow], tmp_path: Path
) -> None:
    trainer = trainer_of(base, rows, tmp_path, replace(HYPERPARAMETERS, lora_rank=rank, max_steps=1))
    model: Any = trainer.model
    tower = next(module for name, module in model.named_modules() if name.endswith("visual"))
    asked = []
    tower.register_forward_hook(lambda module, inputs, output: asked.append(output.pooler_output.requires_grad))
    trainer.train()
    assert asked
    assert not any(asked)


@pytest.mark.parametrize("rank", [0, 4])
def test_layers_that_keep_their_activations_end_with_the_same_weights(
    rank: int, base: Path, rows: list[ChatRow], tmp_path: Path
) -> None:
    hyperparameters, sizes, weights = replace(HYPERPARAMETERS, lora_rank=rank), [], []

    def half(tokens: int) -> int:
        sizes.append(tokens)
        return 1

    for keep in (None, half):
        torch.manual_seed(0)  # adapters are drawn
        trainer = trainer_of(base, rows, tmp_path, hyperparameters, keep)
        trainer.train()
        model: Any = trainer.model
        weights.append({name: weight.detach() for name, weight in model.named_parameters() if weight.requires_grad})
    assert [layer.gradient_checkpointing for layer in trainer.layers] == [False, True]
    assert len(set(sizes)) == len(sizes) == 4  # a pass a document, each of its own length
    torch.testing.assert_close(weights[1], weights[0])


def test_in_bfloat16_adapters_are_not_given_float32(base: Path, rows: list[ChatRow], tmp_path: Path) -> None:
    trainer = trainer_of(base, rows, tmp_path, replace(HYPERPARAMETERS, lora_rank=4, dtype="bfloat16", max_steps=1))
    model: Any = trainer.model
    given = set()
    for name, module in model.named_modules():
        if name.endswith("lora_A.default"):
            module.register_forward_hook(lambda module, inputs, output: given.add(inputs[0].dtype))
    trainer.train()
    assert given == {torch.bfloat16}


@pytest.mark.skipif(not CUDA, reason="the kernels are a GPU's")
def test_fused_kernels_compute_what_the_model_does(base: Path, rows: list[ChatRow]) -> None:
    from liger_kernel.transformers.functional import liger_rms_norm, liger_swiglu

    batch = {name: value.cuda() for name, value in PackedCollator(AutoProcessor.from_pretrained(base))(rows).items()}
    model: Any = AutoModelForImageTextToText.from_pretrained(base, dtype=torch.float32).cuda()
    attend_to_own_sample(model)
    plain = model(**batch).loss
    expected = plain.item(), gradients(model, plain)
    fuse(model.model, liger_rms_norm, liger_swiglu)
    fused = model(**batch).loss
    torch.testing.assert_close((fused.item(), gradients(model, fused)), expected, rtol=1e-4, atol=1e-6)
