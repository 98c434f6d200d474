"""Qwen2.5-VL, and the students that are built in its shape."""

from collections.abc import Mapping
from typing import Any

from resources.training.shape import Shape, Tower
from resources.training.students.families.family import FEED_FORWARD, FULL_ATTENTION, Family, with_full_attention

TOKENS = ("<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>")


def shape(config: Mapping[str, Any]) -> Shape:
    """Its tower's feed-forward layers have three matrices; a visual token is made of four patches."""
    vision = config["vision_config"]
    own, hidden = vision["hidden_size"], config["text_config"]["hidden_size"]
    patches = vision["spatial_merge_size"] ** 2
    patch = vision["in_channels"] * vision["temporal_patch_size"] * vision["patch_size"] ** 2
    layers = vision["depth"] * (4 * own**2 + 3 * own * vision["intermediate_size"])
    weights = layers + patch * own + (own * patches) ** 2 + own * patches * hidden
    tower = Tower(layers=vision["depth"], hidden=own, feed_forward=vision["intermediate_size"], gated=True)
    return with_full_attention(config, weights, tower, patches)


QWEN2_5_VL = Family(
    model_type="qwen2_5_vl",
    name="Qwen2.5-VL",
    way="packed",
    tokens=TOKENS,
    vision=("model.visual",),
    matrices=FULL_ATTENTION + FEED_FORWARD,
    shape=shape,
    llamafactory="qwen2_vl",
    ms_swift="qwen2_5_vl",
)
