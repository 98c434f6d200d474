"""What a trained vision tower keeps for its backward pass is what the forecast says."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from transformers import AutoConfig
from transformers.models.internvl.configuration_internvl import InternVLVisionConfig
from transformers.models.internvl.modeling_internvl import InternVLVisionModel
from transformers.models.qwen2_5_vl.configuration_qwen2_5_vl import Qwen2_5_VLVisionConfig
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import Qwen2_5_VisionTransformerPretrainedModel
from transformers.models.qwen3_vl.configuration_qwen3_vl import Qwen3VLVisionConfig
from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLVisionModel

from resources.training.common_hyperparameters import Dtype
from resources.training.forecast import Load, forecast
from resources.training.sft.hyperparameters import SftHyperparameters
from resources.training.shape import Tower
from resources.training.students.families.registry import shape_of
from testing.shapes import QWEN3_VL_SHAPES

HIDDEN, FEED_FORWARD, LAYERS = 320, 960, 6
SIDE = 16  # patches
Made = tuple[Tower, torch.nn.Module, Callable[[torch.nn.Module], object]]


def qwen2_5(patch: int = 14) -> Made:
    config = Qwen2_5_VLVisionConfig(
        depth=LAYERS, hidden_size=HIDDEN, intermediate_size=FEED_FORWARD, num_heads=4, out_hidden_size=256
    )
    grid, pixels = torch.tensor([[1, SIDE, SIDE]]), torch.randn(SIDE**2, 3 * 2 * patch**2)
    make: Any = Qwen2_5_VisionTransformerPretrainedModel
    return tower(True), make._from_config(config), lambda model: model(pixels, grid)


def qwen3(patch: int = 16) -> Made:
    config = Qwen3VLVisionConfig(
        depth=LAYERS,
        hidden_size=HIDDEN,
        intermediate_size=FEED_FORWARD,
        num_heads=4,
        out_hidden_size=256,
        deepstack_visual_indexes=[1, 2, 3],
    )
    grid, pixels = torch.tensor([[1, SIDE, SIDE]]), torch.randn(SIDE**2, 3 * 2 * patch**2)
    make: Any = Qwen3VLVisionModel
    return tower(False, 4), make._from_config(config), lambda model: model(pixels, grid)


def internvl(patch: int = 14) -> Made:
    config = InternVLVisionConfig(
        num_hidden_layers=LAYERS,
        hidden_size=HIDDEN,
        intermediate_size=FEED_FORWARD,
        num_attention_heads=4,
        image_size=[SIDE * patch] * 2,
        patch_size=[patch, patch],
    )
    pixels = torch.randn(1, 3, SIDE * patch, SIDE * patch)
    make: Any = InternVLVisionModel
    return tower(False, wide=True), make._from_config(config), lambda model: model(pixel_values=pixels)


def tower(gated: bool, mergers: int = 1, wide: bool = False) -> Tower:
    return Tower(layers=LAYERS, hidden=HIDDEN, feed_forward=FEED_FORWARD, gated=gated, mergers=mergers, wide=wide)


def kept_bytes(model: torch.nn.Module, run: Callable[[torch.nn.Module], object]) -> int:
    """Of all that a forward pass keeps for the way back, each storage once, weights not among them."""
    weights = {weight.untyped_storage().data_ptr() for weight in model.parameters()}
    kept: dict[int, int] = {}
    alive = []

    def pack(value: torch.Tensor) -> torch.Tensor:
        alive.append(value)
        storage = value.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return value

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda value: value):
        alive.append(run(model))  # type: ignore[arg-type]
    return sum(kept.values())


@pytest.mark.parametrize("make", [qwen2_5, qwen3, internvl])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("checkpointed", [False, True])
def test_a_trained_tower_keeps_what_the_forecast_says(
    checkpointed: bool, dtype: Dtype, make: Callable[[], Made]
) -> None:
    torch.manual_seed(0)
    sizes, model, run = make()
    model.train()
    if checkpointed:
        model.activation_checkpointing_enable()  # type: ignore[operator]
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == "bfloat16"):
        found = kept_bytes(model, run) / SIDE**2
    bytes_each = 2 if dtype == "bfloat16" else 4
    said = sizes.values(dtype, checkpointed) * bytes_each
    layer = Tower(layers=1, hidden=HIDDEN, feed_forward=FEED_FORWARD, gated=sizes.gated).values(dtype, False)
    computed_again = layer * bytes_each if checkpointed else 0  # one layer, on the way back
    assert said >= 0.9 * found  # never much too little
    assert said - computed_again <= 1.6 * found + 25 * HIDDEN * bytes_each  # nor out of all proportion


def test_a_run_that_trains_the_tower_needs_memory_for_its_activations() -> None:
    """Qwen3-VL 4B with 24k visual tokens."""
    shape = shape_of(AutoConfig.for_model("qwen3_vl", **QWEN3_VL_SHAPES["4b"]).to_dict())
    load = Load(longest=32_768, tokens=32_768, attended=1, vision_tokens=24_000, epochs=1, longest_vision=24_000)
    needs = {
        frozen: forecast(shape, SftHyperparameters(freeze_vision=frozen), load, 1).memory for frozen in (True, False)
    }
    assert needs[True]["vision tower's activations"] == 0
    assert 10 < needs[False]["vision tower's activations"] / 2**30 < 30
