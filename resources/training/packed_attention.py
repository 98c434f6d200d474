"""Attention over what is packed into one row: run piece by piece, so that no mask over the row is built.

Of the language model the pieces are samples, causal each: from packed position ids transformers' `sdpa` builds a mask
over all tokens of the row, and computes what it forbids. Of the vision tower they are windows of pages, thousands a
document, which transformers' `sdpa` takes one by one; here those of one size are one call.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from transformers import AttentionInterface

SAMPLES = "packed_samples"
WINDOWS = "packed_windows_flash"  # by `flash` in its name transformers knows one that takes all windows in one call


def attend_samples(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: None,
    scaling: float | None = None,
    position_ids: torch.Tensor | None = None,
    **_: object,
) -> tuple[torch.Tensor, None]:
    """transformers' attention function `packed_samples`. query [1, heads, S, d]; key, value [1, groups, S, d];
    position_ids [1, S] counts each sample's tokens from 0, or is None where the row is one sample."""
    size = query.shape[2]
    starts = [0] if position_ids is None else (position_ids[0] == 0).nonzero()[:, 0].tolist()
    sizes = [stop - start for start, stop in zip(starts, [*starts[1:], size], strict=True)]
    groups = query.shape[1] // key.shape[1]
    samples = zip(
        torch.split(query, sizes, dim=2),
        torch.split(key.repeat_interleave(groups, dim=1), sizes, dim=2),
        torch.split(value.repeat_interleave(groups, dim=1), sizes, dim=2),
        strict=True,
    )
    outputs = [F.scaled_dot_product_attention(*sample, is_causal=True, scale=scaling) for sample in samples]
    return torch.cat(outputs, dim=2).transpose(1, 2).contiguous(), None


@dataclass(frozen=True)
class Windows:
    """N tokens sorted by the size of their window."""

    sizes: list[int]  # in rising order
    tokens: list[int]  # how many are in windows of each
    order: torch.Tensor  # [N] their places
    back: torch.Tensor  # [N] where each of them is now


def windows(borders: torch.Tensor) -> Windows:
    """borders [windows + 1]: where windows begin, then N."""
    sizes = borders.diff()
    order = sizes.argsort(stable=True)
    inside = torch.arange(int(sizes.max()), device=sizes.device)
    places = (borders[:-1][order, None] + inside)[inside < sizes[order, None]]
    size, count = (found.tolist() for found in torch.unique(sizes, return_counts=True))
    return Windows(size, [one * many for one, many in zip(size, count, strict=True)], places, places.argsort())


def attend_windows(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: None,
    cu_seq_lens_q: torch.Tensor,
    scaling: float | None = None,
    **_: object,
) -> tuple[torch.Tensor, None]:
    """transformers' attention function `packed_windows_flash`: each token sees its own window, the whole of it. query,
    key, value [1, heads, N, d]; cu_seq_lens_q [windows + 1]: where windows begin, then N."""
    known = vars(cu_seq_lens_q)
    if "windows" not in known:
        known["windows"] = windows(cu_seq_lens_q)  # once for all layers, which are given the same tensor
    cut: Windows = known["windows"]
    sorted_states = (
        torch.split(states[0].index_select(1, cut.order), cut.tokens, dim=1) for states in (query, key, value)
    )
    outputs = []
    for size, *parts in zip(cut.sizes, *sorted_states, strict=True):
        q, k, v = (part.unflatten(1, (-1, size)).transpose(0, 1) for part in parts)  # [windows, heads, size, d]
        outputs.append(F.scaled_dot_product_attention(q, k, v, scale=scaling).transpose(0, 1).flatten(1, 2))
    output = torch.cat(outputs, dim=1).index_select(1, cut.back)
    return output.transpose(0, 1)[None].contiguous(), None


AttentionInterface.register(SAMPLES, attend_samples)
AttentionInterface.register(WINDOWS, attend_windows)
