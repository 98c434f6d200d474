"""InternVL 3 and 3.5 as transformers has them (folders named `-hf`): tiles of one size, positions of text alone."""

from collections.abc import Mapping
from typing import Any

from resources.training.shape import Shape, Tower
from resources.training.students.families.family import FEED_FORWARD, FULL_ATTENTION, Family, with_full_attention


def shape(config: Mapping[str, Any]) -> Shape:
    """Its tower's feed-forward layers have two matrices; four patches side by side go through two more into a token."""
    vision, hidden = config["vision_config"], config["text_config"]["hidden_size"]
    own, patches = vision["hidden_size"], round(1 / config["downsample_ratio"] ** 2)
    (height, width), (side, across) = vision["image_size"], vision["patch_size"]
    tower = Tower(
        layers=vision["num_hidden_layers"], hidden=own, feed_forward=vision["intermediate_size"], gated=False, wide=True
    )
    layers = tower.layers * (4 * own**2 + 2 * own * vision["intermediate_size"])
    embedded = vision["num_channels"] * side * across + (height // side) * (width // across)
    return with_full_attention(config, layers + embedded * own + patches * own * hidden + hidden**2, tower, patches)


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
