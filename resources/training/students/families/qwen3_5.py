"""Qwen3.5 and its kin with dense layers: most layers have linear attention, whose state knows no border of a sample."""

from collections.abc import Mapping
from typing import Any

from resources.training.shape import Shape
from resources.training.students.families.family import FEED_FORWARD, FULL_ATTENTION, Family, head_width
from resources.training.students.families.qwen2_5_vl import TOKENS
from resources.training.students.families.qwen3_vl import tower, weights

LINEAR_ATTENTION = ("in_proj_qkv", "in_proj_z", "out_proj")  # but not the small gates


def shape(config: Mapping[str, Any]) -> Shape:
    """A layer of full attention has queries twice as wide, for its gate; one of linear attention projects queries, keys
    and values together, an output gate, and back."""
    text, vision = config["text_config"], config["vision_config"]
    hidden, layers, feed_forward = text["hidden_size"], text["num_hidden_layers"], text["intermediate_size"]
    query = head_width(text) * text["num_attention_heads"]
    key_value = head_width(text) * text["num_key_value_heads"]
    full = text["layer_types"].count("full_attention")
    keys = text["linear_key_head_dim"] * text["linear_num_key_heads"]
    values = text["linear_value_head_dim"] * text["linear_num_value_heads"]
    mixed = 2 * keys + values
    gates = 2 * hidden * text["linear_num_value_heads"] + text["linear_conv_kernel_dim"] * mixed
    return Shape(
        layers=layers,
        hidden=hidden,
        query=query,
        feed_forward=feed_forward,
        vocabulary=text["vocab_size"],
        tied=bool(config.get("tie_word_embeddings")),
        attention=full * (3 * hidden * query + 2 * hidden * key_value)
        + (layers - full) * (hidden * (mixed + 2 * values) + gates),
        attending=full,
        adapted=layers * 3 * (hidden + feed_forward)
        + full * (2 * (hidden + key_value) + (hidden + 2 * query) + (query + hidden))
        + (layers - full) * (hidden + mixed + 2 * (hidden + values)),
        vision=weights(vision),
        tower=tower(vision),
        patches=vision["spatial_merge_size"] ** 2,
    )


QWEN3_5 = Family(
    model_type="qwen3_5",
    name="Qwen3.5",
    way="alone",
    tokens=TOKENS,
    vision=("model.visual",),
    matrices=FULL_ATTENTION + LINEAR_ATTENTION + FEED_FORWARD,
    shape=shape,
    llamafactory="qwen3_5_nothink",
    ms_swift="qwen3_5",
)
