"""The families of models that can be trained, and which of them a model is. No torch."""

from collections.abc import Mapping
from typing import Any

from resources.training.shape import Shape
from resources.training.students.families.family import Family
from resources.training.students.families.internvl import INTERNVL
from resources.training.students.families.qwen2_5_vl import QWEN2_5_VL
from resources.training.students.families.qwen3_5 import QWEN3_5
from resources.training.students.families.qwen3_vl import QWEN3_VL

FAMILIES = (QWEN2_5_VL, QWEN3_VL, QWEN3_5, INTERNVL)


class UnknownFamilyError(ValueError):
    """A model of no family here; the sentence says what it is and what there is."""


def family_of(config: Mapping[str, Any]) -> Family:
    """Of a model, from `config.to_dict()` or config.json. Raises UnknownFamilyError."""
    kind = config.get("model_type")
    family = next((one for one in FAMILIES if one.model_type == kind), None)
    there = ", ".join(f"{one.name} (`{one.model_type}`)" for one in FAMILIES)
    if family is None:
        blind = "" if "vision_config" in config else ", which reads no images"
        raise UnknownFamilyError(f"is a model of the type `{kind}`{blind}: what can be trained here is {there}.")
    if "vision_config" not in config:
        raise UnknownFamilyError(f"is the language model of a {family.name} alone, which reads no images.")
    inside = (config.get("text_config") or {}).get("model_type")
    if family.language and inside not in family.language:
        raise UnknownFamilyError(
            f"is a model of the type `{kind}` around one of the type `{inside}`: what can be trained here is {there}, "
            f"{family.name} around {' or '.join(f'`{one}`' for one in family.language)}."
        )
    return family


def shape_of(config: Mapping[str, Any]) -> Shape:
    """The sizes of a model, from `config.to_dict()`. Raises UnknownFamilyError."""
    return family_of(config).shape(config)
