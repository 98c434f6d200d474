"""Qwen3-VL with dense layers: norms on queries and keys, heads of their own width, and a tower that speaks to the
language model's first layers too (deepstack)."""

from collections.abc import Mapping
from typing import Any

from resources.training.shape import Shape, Tower
from resources.training.students.families.family import FEED_FORWARD, FULL_ATTENTION, Family, with_full_attention
from resources.training.students.families.qwen2_5_vl import TOKENS


def mergers(vision: Mapping[str, Any]) -> int:
    """Of its last layer, and of each layer that speaks to the language model."""
    return 1 + len(vision.get("deepstack_visual_indexes") or ())


def weights(vision: Mapping[str, Any]) -> int:
    """Weights of the tower: its feed-forward layers have two matrices, it learns its positions, and besides the merger
    of its last layer it has one for each layer that speaks to the language model."""
    own = vision["hidden_size"]
    wide = own * vision["spatial_merge_size"] ** 2
    patch = vision["in_channels"] * vision["temporal_patch_size"] * vision["patch_size"] ** 2
    return int(
        vision["depth"] * (4 * own**2 + 2 * own * vision["intermediate_size"])
        + (patch + vision["num_position_embeddings"]) * own
        + mergers(vision) * (wide**2 + wide * vision["out_hidden_size"])
    )


def tower(vision: Mapping[str, Any]) -> Tower:
    """Its layers."""
    return Tower(
        layers=vision["depth"],
        hidden=vision["hidden_size"],
        feed_forward=vision["intermediate_size"],
        gated=False,
        mergers=mergers(vision),
    )


def shape(config: Mapping[str, Any]) -> Shape:
    """Queries may be wider than the hidden states (4B: 32 heads of 128 on 2,560)."""
    vision = config["vision_config"]
    return with_full_attention(config, weights(vision), tower(vision), vision["spatial_merge_size"] ** 2)


QWEN3_VL = Family(
    model_type="qwen3_vl",
    name="Qwen3-VL",
    way="packed",
    tokens=TOKENS,
    vision=("model.visual",),
    matrices=FULL_ATTENTION + FEED_FORWARD,
    shape=shape,
    llamafactory="qwen3_vl_nothink",
    ms_swift="qwen3_vl",
)
