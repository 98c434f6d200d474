"""TRL's SFTTrainer on packed samples, each token of an update counting the same however they are spread."""

from dataclasses import replace
from typing import Any

import torch
from transformers import Trainer
from trl import SFTTrainer

from assets.sft_checkpoint.attention import SAMPLES


def keep_float32(plugin: Any) -> None:
    """In an FSDP2 plugin of accelerate's, which says bf16 for everything: what the model returns stays as it is, for
    log-probabilities are among it, and gradients are added up over devices in float32."""
    plugin.mixed_precision_policy = replace(plugin.mixed_precision_policy, output_dtype=None,
                                            reduce_dtype=torch.float32)


class Float32Sums(Trainer):
    """A trainer that does so, before any model is shared."""

    def create_accelerator_and_postprocess(self) -> None:
        super().create_accelerator_and_postprocess()
        plugin = getattr(self.accelerator.state, "fsdp_plugin", None)
        if plugin is not None and plugin.mixed_precision_policy is not None:
            keep_float32(plugin)


class TokenMeanSFTTrainer(Float32Sums, SFTTrainer):
    """The loss of an update is the sum over its answers' tokens divided by their number (method.md 6.1), over all
    accumulated passes and devices.

    Qwen2.5-VL says of itself that it takes no loss arguments, and Trainer then takes the mean of the passes' means:
    a token of a short sample would count more than one of a long sample.
    """

    def __init__(self, **more: Any) -> None:
        more["model"].set_attn_implementation({"text_config": SAMPLES})
        super().__init__(**more)
        self.model_accepts_loss_kwargs = True
