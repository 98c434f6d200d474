"""Attention over what is packed into one row: run piece by piece, so that no mask over the row is built.

Of the language model the pieces are samples, causal each: from packed position ids transformers' `sdpa` builds a mask
over all tokens of the row, and computes what it forbids. Of the vision tower they are windows of pages, thousands a
document, which transformers' `sdpa` takes one by one; here those of one size are one call.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch.nn.attention.varlen import varlen_attn
from transformers import AttentionInterface, PreTrainedModel

SAMPLES = "packed_samples"
WINDOWS = "packed_windows_flash"  # by `flash` in its name transformers knows one that takes all windows in one call


class Samples(NamedTuple):
    """The samples of a row of S tokens. It reaches the attention as a keyword that transformers' models hand down; one
    that drops it fails at its first layer, and does not let samples see each other."""

    borders: torch.Tensor  # [samples + 1] int32: where they begin, then S
    sizes: list[int]
    longest: int


def samples_of(position_ids: torch.Tensor | None, tokens: int, device: torch.device) -> Samples:
    """position_ids: [4, 1, S], whose row 0 counts each sample's tokens from 0; else the row is one sample. Waits for
    the device, once."""
    if position_ids is None or position_ids.ndim != 3 or position_ids.shape[0] != 4:
        sizes = [tokens]
    else:
        starts = (position_ids[0, 0] == 0).nonzero()[:, 0].tolist()
        sizes = [stop - start for start, stop in zip(starts, [*starts[1:], tokens], strict=True)]
    borders = torch.tensor([0, *sizes], dtype=torch.int32).cumsum(0, dtype=torch.int32)
    return Samples(borders.to(device, non_blocking=True), sizes, max(sizes))


def attend_to_own_sample(model: PreTrainedModel) -> None:
    """Let the language model attend so, in place; before each pass its samples are found once for all layers."""
    model.set_attn_implementation({"text_config": SAMPLES})
    language: torch.nn.Module = model.get_decoder()  # type: ignore[no-untyped-call]

    def tell(module: torch.nn.Module, args: tuple[Any, ...], given: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        if "samples" not in given:
            states = given["inputs_embeds"]
            given["samples"] = samples_of(given.get("position_ids"), states.shape[1], states.device)
        return args, given

    language.register_forward_pre_hook(tell, with_kwargs=True)


def attend_samples(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: None,
    scaling: float | None = None,
    *,
    samples: Samples,
    **_: object,
) -> tuple[torch.Tensor, None]:
    """transformers' attention function `packed_samples`. query [1, heads, S, d]; key, value [1, groups, S, d]. On a GPU
    in bfloat16 flash attention takes all samples in one call."""
    if query.is_cuda and value.dtype == torch.bfloat16:
        return attend_all_at_once(query, key, value, samples, scaling), None
    return attend_one_by_one(query, key, value, samples.sizes, scaling), None


def attend_all_at_once(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, samples: Samples, scaling: float | None
) -> torch.Tensor:
    """[1, S, heads, d]: one call of flash attention. Queries and keys are float32 after their rotation."""
    q, k, v = (states[0].transpose(0, 1).to(value.dtype) for states in (query, key, value))
    output = varlen_attn(
        q, k, v, samples.borders, samples.borders, samples.longest, samples.longest,
        scale=scaling, window_size=(-1, 0), enable_gqa=True,
    )  # fmt: skip
    assert isinstance(output, torch.Tensor)  # a pair where more is asked for
    return output[None]


def attend_one_by_one(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, sizes: list[int], scaling: float | None
) -> torch.Tensor:
    """[1, S, heads, d]: a call for each sample."""
    parts = zip(*(torch.split(states, sizes, dim=2) for states in (query, key, value)), strict=True)
    outputs = [
        F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=scaling, enable_gqa=True) for q, k, v in parts
    ]
    return torch.cat(outputs, dim=2).transpose(1, 2).contiguous()


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
