"""What a run will take is known before it starts, and one that cannot fit is refused with what would help."""

from dataclasses import replace

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

from resources.recipe.model import Training
from resources.training.forecast import GIB, DoesNotFitError, Load, causal, epoch_flops, forecast, kept_layers
from resources.training.sft.hyperparameters import SftHyperparameters
from resources.training.students.families.registry import shape_of
from resources.training.students.tiny import tiny_config
from testing.shapes import SHAPES

SEVEN_B = SHAPES["7b"]
AT_32K = Load(
    longest=32_768, tokens=22_000 * 8_000, attended=22_000 * causal(8_000), vision_tokens=22_000 * 1_500, epochs=1
)


def parameters(config: Qwen2_5_VLConfig) -> int:
    with torch.device("meta"):
        model = Qwen2_5_VLForConditionalGeneration(config)
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(
    "config",
    [
        Qwen2_5_VLConfig(**SEVEN_B),
        tiny_config(
            2048,
            dict.fromkeys(
                ("<|endoftext|>", "<|im_end|>", "<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>"),
                0,
            ),
        ),
    ],
)
def test_parameters_are_counted_as_the_model_has_them(config: Qwen2_5_VLConfig) -> None:
    assert shape_of(config.to_dict()).parameters == pytest.approx(parameters(config), rel=0.01)


def test_full_fine_tuning_of_7b_does_not_fit_one_gpu_and_adapters_do() -> None:
    shape = shape_of(Qwen2_5_VLConfig(**SEVEN_B).to_dict())
    full, lora = (
        forecast(shape, SftHyperparameters.for_student("qwen", Training(lora_rank=rank)), AT_32K, 1) for rank in (0, 16)
    )
    with pytest.raises(DoesNotFitError, match=r"about 1\d\d\.\d GiB on each device \(weights .*lora_rank = 16"):
        full.require(80 * GIB)
    lora.require(80 * GIB)
    assert 30 * GIB < lora.needed < 50 * GIB  # docs/training.md: 36 to 40 GB
    eight = forecast(shape, SftHyperparameters(), AT_32K, 8)
    eight.require(80 * GIB)


def test_flops_and_hours_are_those_of_the_reference() -> None:
    """docs/training.md: 16.8 GFLOP forward a token at 16k with the head; 5.5 more a visual token."""
    shape = shape_of(Qwen2_5_VLConfig(**SEVEN_B).to_dict())
    assert (shape.text_flops(1) + shape.attention_flops(16_384 // 2)) / 1e9 == pytest.approx(17.4, abs=0.2)
    assert shape.vision_flops(1) / 1e9 == pytest.approx(5.5, abs=0.2)
    eight_k = forecast(shape, SftHyperparameters(), Load(8_192, 176_000_000, 176_000_000 * 4_096, 0, 1), 1)
    hours = eight_k.hours("NVIDIA H100 80GB HBM3", 1)
    assert hours is not None
    assert 5 < hours < 7
    assert eight_k.hours("Some other card", 1) is None


def test_what_is_frozen_takes_no_gradients_of_its_weights() -> None:
    """docs/training.md: a frozen vision tower is passed forward alone, layers under adapters back to their inputs."""
    shape = shape_of(Qwen2_5_VLConfig(**SEVEN_B).to_dict())
    text, attention, vision = (
        shape.text_flops(AT_32K.tokens),
        shape.attention_flops(AT_32K.attended),
        shape.vision_flops(AT_32K.vision_tokens),
    )
    whole, frozen, lora = (
        epoch_flops(shape, SftHyperparameters(**given), AT_32K)
        for given in ({"freeze_vision": False}, {"freeze_vision": True}, {"freeze_vision": False, "lora_rank": 16})
    )
    assert whole == pytest.approx(3 * (text + attention + vision))
    assert frozen == pytest.approx(3 * (text + attention) + vision)
    assert lora == pytest.approx(2 * text + 3 * attention + vision)


def test_each_document_pays_for_attention_at_its_own_length() -> None:
    assert causal(4) == 1 + 2 + 3 + 4
    assert 8 * causal(1_000) < causal(8_000) / 7


def test_each_device_keeps_whole_gradients_until_they_are_shared() -> None:
    shape = shape_of(Qwen2_5_VLConfig(**SEVEN_B).to_dict())
    trained = shape.parameters - shape.vision
    kept = {
        sharding: forecast(shape, SftHyperparameters(sharding=sharding), AT_32K, devices).memory[
            "gradients not shared yet"
        ]
        for sharding, devices in (("fsdp2", 8), ("zero3", 8), ("none", 1))
    }
    assert kept == {"fsdp2": trained * 4, "zero3": 0, "none": 0}


@given(st.integers(1, 65_536), st.integers(1, 65_536), st.floats(20 * GIB, 200 * GIB))
def test_layers_keep_their_activations_as_memory_lets_them(tokens: int, more: int, available: float) -> None:
    shape, hyperparameters = shape_of(Qwen2_5_VLConfig(**SEVEN_B).to_dict()), SftHyperparameters(lora_rank=16)
    kept = kept_layers(shape, hyperparameters, AT_32K, available, tokens)
    assert 0 <= kept_layers(shape, hyperparameters, AT_32K, available, tokens + more) <= kept <= shape.layers
    checkpointed = forecast(shape, hyperparameters, replace(AT_32K, longest=tokens), 1).needed
    assert kept == 0 or checkpointed + kept * tokens * shape.layer_values("bfloat16") * 2 < available


def test_a_short_document_is_not_checkpointed_where_a_long_one_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an H100 measured before attention was kept: 8k of 7B with adapters took 55 GiB with all 28 layers kept, 32k
    62 with six."""
    shape, hyperparameters = shape_of(Qwen2_5_VLConfig(**SEVEN_B).to_dict()), SftHyperparameters(lora_rank=16)
    assert kept_layers(shape, hyperparameters, AT_32K, 78.7 * GIB, 8_192) == shape.layers
    assert kept_layers(shape, hyperparameters, AT_32K, 78.7 * GIB, 32_768) == 5
    monkeypatch.setattr(SftHyperparameters, "keeps_attention", False)
    assert kept_layers(shape, hyperparameters, AT_32K, 78.7 * GIB, 32_768) == 6
