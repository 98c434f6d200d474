"""Attention over samples packed into one row: causal within each, run sample by sample, so that no mask is built.

From packed position ids transformers' `sdpa` builds a mask over all tokens of the row, and computes what it forbids.
"""

from typing import Any

import torch
import torch.nn.functional as F
from transformers import AttentionInterface

SAMPLES = "packed_samples"


def attend_samples(module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, attention_mask: None,
                   scaling: float | None = None, position_ids: torch.Tensor | None = None, **_: Any,
                   ) -> tuple[torch.Tensor, None]:
    """transformers' attention function `packed_samples`. query [1, heads, S, d]; key, value [1, groups, S, d];
    position_ids [1, S] counts each sample's tokens from 0, or is None where the row is one sample."""
    size = query.shape[2]
    starts = [0] if position_ids is None else (position_ids[0] == 0).nonzero()[:, 0].tolist()
    sizes = [stop - start for start, stop in zip(starts, [*starts[1:], size], strict=True)]
    groups = query.shape[1] // key.shape[1]
    samples = zip(query.split(sizes, dim=2), key.repeat_interleave(groups, dim=1).split(sizes, dim=2),
                  value.repeat_interleave(groups, dim=1).split(sizes, dim=2), strict=True)
    outputs = [F.scaled_dot_product_attention(*sample, is_causal=True, scale=scaling) for sample in samples]
    return torch.cat(outputs, dim=2).transpose(1, 2).contiguous(), None


AttentionInterface.register(SAMPLES, attend_samples)
