"""What the models of each family are made of: parameters, what is frozen, what is fused, what devices share."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import FullyShardedDataParallelPlugin
from accelerate.utils.fsdp_utils import fsdp2_prepare_auto_wrap_policy
from peft import get_peft_model
from transformers import AutoConfig, AutoModelForImageTextToText, Qwen3VLConfig, Qwen3VLForConditionalGeneration
from trl.trainer.utils import add_fused_lm_head

from resources.training.rows.dataset_rows import ChatRow
from resources.training.rows.processor import load_processor
from resources.training.sft.hyperparameters import SftHyperparameters
from resources.training.students.families.registry import FAMILIES, shape_of
from resources.training.students.resolve import student_family
from resources.training.trainable_model import adapters, fuse, fusible, language_layers, load_model
from testing.shapes import QWEN3_VL_SHAPES
from tests.training.test_families import stock_batch
from tests.training.test_packed_sft import per_token
from tests.training.test_packed_sft import rows as sft_rows  # noqa: F401 (a fixture)

TYPES = [family.model_type for family in FAMILIES]


@pytest.mark.parametrize("kind", TYPES)
def test_parameters_are_counted_as_the_model_has_them(kind: str, students: dict[str, Path]) -> None:
    model = AutoModelForImageTextToText.from_pretrained(students[kind])
    counted = shape_of(AutoConfig.from_pretrained(students[kind]).to_dict())
    assert counted.parameters == pytest.approx(sum(one.numel() for one in model.parameters()), rel=0.01)
    assert counted.layers == len(language_layers(model))
    vision = [model.get_submodule(name) for name in student_family(str(students[kind])).vision]
    assert counted.vision == pytest.approx(sum(one.numel() for part in vision for one in part.parameters()), rel=0.05)
    adapted = get_peft_model(model, adapters(SftHyperparameters(lora_rank=4)))
    assert counted.adapters(4) == sum(one.numel() for one in adapted.parameters() if one.requires_grad)


@pytest.mark.parametrize("size", QWEN3_VL_SHAPES)
def test_parameters_of_qwen3_vl_are_counted_at_its_real_sizes(size: str) -> None:
    config = Qwen3VLConfig(**QWEN3_VL_SHAPES[size])
    with torch.device("meta"):
        model = Qwen3VLForConditionalGeneration(config)
    assert shape_of(config.to_dict()).parameters == pytest.approx(
        sum(one.numel() for one in model.parameters()), rel=0.001
    )


@pytest.mark.parametrize("kind", TYPES)
def test_what_is_frozen_is_all_that_makes_visual_tokens_of_pixels(kind: str, students: dict[str, Path]) -> None:
    model = load_model(str(students[kind]), replace(SftHyperparameters(), dtype="float32", freeze_vision=True))
    frozen = {name for name, one in model.named_parameters() if not one.requires_grad}
    assert frozen == {
        name for name, _ in model.named_parameters() if not name.startswith(("model.language_model", "lm_head"))
    }


def rms_norm(states: torch.Tensor, weight: torch.Tensor, epsilon: float) -> torch.Tensor:
    return weight * (states * torch.rsqrt(states.pow(2).mean(-1, keepdim=True) + epsilon))


def swiglu(gate: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.silu(gate) * up


@pytest.mark.parametrize("kind", TYPES)
def test_fused_norms_and_feed_forwards_compute_what_the_model_does(
    kind: str,
    students: dict[str, Path],
    sft_rows: list[ChatRow],  # noqa: F811
) -> None:
    """By the formula that the kernels have; norms of queries and keys among them."""
    model = AutoModelForImageTextToText.from_pretrained(students[kind], dtype=torch.float32)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "norm" in name:
                weight.add_(0.1 * torch.randn_like(weight))
    batch = stock_batch(sft_rows[:2], load_processor(students[kind]))
    add_fused_lm_head(model)
    expected = per_token(model, batch)
    found = fusible(model.model.language_model)
    layers = len(language_layers(model))
    of_queries = 2 * layers if kind in ("qwen3_vl", "internvl") else 0
    assert len(found.norms) == (0 if kind == "qwen3_5" else 2 * layers + 1 + of_queries)
    assert len(found.feed_forwards) == layers
    calls = []
    fuse(
        model.model,
        lambda *given: calls.append("norm") or rms_norm(*given),
        lambda *given: calls.append("feed-forward") or swiglu(*given),
    )
    torch.testing.assert_close(per_token(model, batch), expected, atol=1e-5, rtol=0)
    assert calls.count("norm") >= len(found.norms)
    assert calls.count("feed-forward") >= layers


@pytest.mark.parametrize("lora", [False, True])
@pytest.mark.parametrize("kind", TYPES)
def test_fsdp_shares_layers_one_by_one(kind: str, lora: bool, students: dict[str, Path]) -> None:
    """accelerate finds what to wrap in the model itself, where the configuration names no class."""
    model: Any = AutoModelForImageTextToText.from_pretrained(students[kind])
    inner = model
    if lora:
        model = get_peft_model(model, adapters(SftHyperparameters(lora_rank=4)))
    plugin = FullyShardedDataParallelPlugin(fsdp_version=2, auto_wrap_policy="transformer_based_wrap")
    shares = fsdp2_prepare_auto_wrap_policy(plugin, model)
    assert all(shares(layer) for layer in language_layers(model))
    blocks = [one for one in inner.modules() if type(one).__name__.endswith(("VisionBlock", "VisionLayer"))]
    assert blocks
    assert all(map(shares, blocks))
    assert not shares(model)
    assert "transformer_layer_cls_to_wrap" not in Path("resources/training/accelerate/fsdp2.yaml").read_text()
