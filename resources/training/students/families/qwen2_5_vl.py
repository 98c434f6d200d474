"""Qwen2.5-VL, and the students that are built in its shape."""

from collections.abc import Mapping
from typing import Any

from resources.training.shape import Shape
from resources.training.students.families.family import (
    FEED_FORWARD,
    FULL_ATTENTION,
    Family,
    adapted_widths,
    attention_weights,
    head_width,
)

TOKENS = ("<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>")


def shape(config: Mapping[str, Any]) -> Shape:
    """Its tower's feed-forward layers have three matrices; a visual token is made of four patches."""
    text, vision = config["text_config"], config["vision_config"]
    hidden, layers, feed_forward = text["hidden_size"], text["num_hidden_layers"], text["intermediate_size"]
    query = head_width(text) * text["num_attention_heads"]
    key_value = head_width(text) * text["num_key_value_heads"]
    own = vision["hidden_size"]
    wide = own * vision["spatial_merge_size"] ** 2
    patch = vision["in_channels"] * vision["temporal_patch_size"] * vision["patch_size"] ** 2
    return Shape(
        layers=layers,
        hidden=hidden,
        query=query,
        feed_forward=feed_forward,
        vocabulary=text["vocab_size"],
        tied=bool(config.get("tie_word_embeddings")),
        attention=layers * attention_weights(hidden, query, key_value),
        attending=layers,
        adapted=layers * adapted_widths(hidden, query, key_value, feed_forward),
        vision=vision["depth"] * (4 * own**2 + 3 * own * vision["intermediate_size"])
        + patch * own
        + wide**2
        + wide * hidden,
        patches=vision["spatial_merge_size"] ** 2,
    )


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
