"""InternVL 3 and 3.5 as transformers has them (folders named `-hf`): tiles of one size, positions of text alone."""

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


def shape(config: Mapping[str, Any]) -> Shape:
    """Its tower's feed-forward layers have two matrices; four patches side by side go through two more into a token."""
    text, vision = config["text_config"], config["vision_config"]
    hidden, layers, feed_forward = text["hidden_size"], text["num_hidden_layers"], text["intermediate_size"]
    query = head_width(text) * text["num_attention_heads"]
    key_value = head_width(text) * text["num_key_value_heads"]
    own = vision["hidden_size"]
    patches = round(1 / config["downsample_ratio"] ** 2)
    (height, width), (side, across) = vision["image_size"], vision["patch_size"]
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
        vision=vision["num_hidden_layers"] * (4 * own**2 + 2 * own * vision["intermediate_size"])
        + (vision["num_channels"] * side * across + (height // side) * (width // across)) * own
        + patches * own * hidden
        + hidden**2,
        patches=patches,
    )


INTERNVL = Family(
    model_type="internvl",
    name="InternVL",
    way="plain",
    tokens=("<|im_start|>", "<|im_end|>", "<img>", "</img>", "<IMG_CONTEXT>"),
    vision=("model.vision_tower", "model.multi_modal_projector"),
    matrices=FULL_ATTENTION + FEED_FORWARD,
    shape=shape,
    language=("qwen2", "qwen3"),
    llamafactory="intern_vl",
    ms_swift="internvl_hf",
)
