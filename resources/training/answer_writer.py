"""A checkpoint as a model that writes."""

from os import PathLike
from typing import Protocol, Self, cast

import torch
from transformers import AutoModelForImageTextToText, GenerationConfig


class Writer(Protocol):
    """What is asked of a model that writes: transformers' own signature of `generate` fits none of its models."""

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        ...

    def to(self, device: torch.device) -> Self:
        """Itself, moved."""
        ...

    def eval(self) -> Self:
        """Itself, without dropout."""
        ...

    generation_config: "GenerationConfig"

    def generate(self, **inputs: object) -> torch.Tensor:
        """[texts, tokens]: what was given, then what was written."""
        ...


def load_writer(path: str | PathLike[str], device: str = "cpu") -> Writer:
    """The model at `path` (or hub id), in the dtype of its weights, on this device."""
    model = cast(Writer, AutoModelForImageTextToText.from_pretrained(path, dtype="auto"))
    return model.to(torch.device(device)).eval()
