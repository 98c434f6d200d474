"""What both trainers on packed rows share: sums in float32, and checkpointing of as many layers as memory asks for."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from peft.tuners.lora import LoraLayer

from resources.training.steered_trainer import SteeredTrainer
from resources.training.trainable_model import compile_layers, language_layers

if TYPE_CHECKING:
    from accelerate import FullyShardedDataParallelPlugin

Keep = Callable[[int], int] | None  # how many layers keep their activations in a pass of so many tokens


def keep_float32(plugin: "FullyShardedDataParallelPlugin") -> None:
    """In an FSDP2 plugin of accelerate's, which says bf16 for everything: what the model returns stays as it is, for
    log-probabilities are among it, and gradients are added up over devices in float32."""
    plugin.mixed_precision_policy = replace(
        plugin.mixed_precision_policy, output_dtype=None, reduce_dtype=torch.float32
    )


class PackedTrainer(SteeredTrainer):
    """keep: the layers that are not checkpointed; None: as the arguments have it. compiled: whether layers are."""

    model: torch.nn.Module  # there is one, once the trainer is made

    def __init__(self, *, keep: Keep = None, compiled: bool = False, **more: Any) -> None:
        self.keep = keep
        super().__init__(**more)
        modules = list(self.model.modules())
        self.layers = language_layers(self.model)
        if compiled:
            compile_layers(self.layers)
        if self.args.bf16:  # Autocast casts; PEFT would cast adapters' inputs to float32 before.
            for module in modules:
                if isinstance(module, LoraLayer):
                    module.cast_input_dtype_enabled = False

    def create_accelerator_and_postprocess(self) -> None:
        """Trainer's, then `keep_float32` where weights are shared by FSDP2."""
        super().create_accelerator_and_postprocess()
        plugin = getattr(self.accelerator.state, "fsdp_plugin", None)
        if plugin is not None and plugin.mixed_precision_policy is not None:
            keep_float32(plugin)

    def training_step(
        self,
        model: torch.nn.Module,
        inputs: dict[str, torch.Tensor],
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor:
        """Trainer's, with as many layers checkpointed as `keep` says of so many tokens."""
        if self.keep is not None:
            kept = self.keep(inputs["input_ids"].numel())
            for number, layer in enumerate(self.layers):
                layer.gradient_checkpointing = number >= kept
        return super().training_step(model, inputs, num_items_in_batch)
