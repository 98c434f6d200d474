"""Checkpointing that computes a layer again without its attention, whose output is kept: the one part whose time grows
with the square of a text, for the width of its queries a token and layer."""

from functools import partial
from typing import Any

import torch
from torch.utils.checkpoint import CheckpointPolicy, create_selective_checkpoint_contexts
from transformers import PreTrainedModel

# torch's own ways to attend, by device and build, and `varlen_attn`'s. flex_attention is none that can be kept.
_KEPT = (
    "aten::_scaled_dot_product_flash_attention",
    "aten::_scaled_dot_product_flash_attention_for_cpu",
    "aten::_scaled_dot_product_efficient_attention",
    "aten::_scaled_dot_product_cudnn_attention",
    "torch_attn::_varlen_attn",
)


def policy(_context: object, operator: object, *_: object, **__: object) -> CheckpointPolicy:
    """Of one operation inside a checkpointed layer."""
    kept = isinstance(operator, torch._ops.OpOverload) and str(operator.name()) in _KEPT  # type: ignore[no-untyped-call]
    return CheckpointPolicy.MUST_SAVE if kept else CheckpointPolicy.PREFER_RECOMPUTE


def keep_attention(model: PreTrainedModel) -> None:
    """Let the model checkpoint so from when checkpointing is asked for, whoever asks. In its arguments a trainer would
    write the function down as JSON."""
    enable = model.activation_checkpointing_enable

    def with_attention_kept(activation_checkpointing_kwargs: dict[str, Any] | None = None, **more: Any) -> None:
        contexts = partial(create_selective_checkpoint_contexts, policy)
        given = {**(activation_checkpointing_kwargs or {}), "use_reentrant": False, "context_fn": contexts}
        enable(given, **more)

    vars(model)["activation_checkpointing_enable"] = with_attention_kept
