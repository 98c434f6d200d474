"""Attention over a prefix tree: each token sees its own text's beginning, and nothing else is computed.

On CUDA flex_attention skips the tiles that no token sees. Elsewhere scaled dot product attention is run once per
chain (tokens that follow each other in all their texts) on the keys that the chain sees: a mask over all tokens would
cost the square of the tree.

The tree reaches the attention functions as a keyword of its own, `prefix_tree`, which transformers' models hand down as
they hand down any. It is no `attention_mask`: what a model makes of that is its own affair, and Qwen3-VL drops one that
it does not know, so that every token sees all before it. A model that drops the keyword fails at its first layer.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from transformers import AttentionInterface, PreTrainedModel
from transformers.integrations.flex_attention import flex_attention_forward

if TYPE_CHECKING:
    from torch.nn.attention.flex_attention import BlockMask

CHAINS, FLEX = "prefix_tree", "prefix_tree_tiles"
BLOCK = 512  # queries of one call: a chain behind others computes no more than half of this square in vain
TILE = 128  # queries and keys of a tile of flex_attention


class Queries(NamedTuple):
    """Packed tokens [start, stop): they see the `seen` pieces, and what precedes them in their own."""

    start: int
    stop: int
    seen: list[int]  # numbers of the pieces that are seen whole or in part


@dataclass(frozen=True)
class Chains:
    """Packed tokens cut into pieces of `sizes`, and what each token sees."""

    sizes: list[int]
    queries: list[Queries]


def chains(ends: np.ndarray) -> Chains:
    """From `tree.Tree.ends`: a chain begins where the token before is not seen."""
    starts = [0, *(np.flatnonzero(ends[:-1] <= np.arange(1, len(ends))) + 1).tolist()]
    spans = []
    for low, high in pairwise([*starts, len(ends)]):
        behind = bool((ends[:low] > low).any())
        cuts = [*range(low, high, BLOCK), high] if behind else [low, high]
        spans += list(pairwise(cuts))
    seen = [_ranges(np.append(np.flatnonzero(ends[:low] > low), np.arange(low, high))) for low, high in spans]
    borders = sorted({border for ranges in seen for one in ranges for border in one} | {0, len(ends)})
    piece = {border: number for number, border in enumerate(borders)}
    queries = [
        Queries(low, high, [number for start, stop in ranges for number in range(piece[start], piece[stop])])
        for (low, high), ranges in zip(spans, seen, strict=True)
    ]
    return Chains([stop - start for start, stop in pairwise(borders)], queries)


def _ranges(indices: np.ndarray) -> list[tuple[int, int]]:
    breaks = np.flatnonzero(np.diff(indices) != 1) + 1
    return [(int(part[0]), int(part[-1]) + 1) for part in np.split(indices, breaks)]


@torch.compiler.disable  # type: ignore[untyped-decorator]  # each tree is another one
def attend_chains(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: None,
    scaling: float | None = None,
    *,
    prefix_tree: Chains,
    **_: object,
) -> tuple[torch.Tensor, None]:
    """transformers' attention function `prefix_tree`. query [1, heads, N, d]; key, value [1, groups, N, d]."""
    groups = query.shape[1] // key.shape[1]
    keys, values = (
        torch.split(states.repeat_interleave(groups, dim=1), prefix_tree.sizes, dim=2) for states in (key, value)
    )
    outputs = []
    for start, stop, seen in prefix_tree.queries:
        mine, theirs = (torch.cat([pieces[number] for number in seen], dim=2) for pieces in (keys, values))
        before = mine.shape[2] - (stop - start)
        mask = (
            None
            if before == 0
            else torch.ones(stop - start, mine.shape[2], dtype=torch.bool, device=query.device).tril(before)
        )
        outputs.append(
            F.scaled_dot_product_attention(
                query[:, :, start:stop], mine, theirs, attn_mask=mask, is_causal=mask is None, scale=scaling
            )
        )
    return torch.cat(outputs, dim=2).transpose(1, 2).contiguous(), None


def attend_tiles(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: None,
    *,
    prefix_tree: "BlockMask",
    **more: Any,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """transformers' own flex_attention, whose name it refuses Qwen2.5-VL. Autocast, which leaves queries and keys in
    float32 after their rotation, does not know it, so they are cast here."""
    return flex_attention_forward(module, query.to(value.dtype), key.to(value.dtype), value, prefix_tree, **more)


AttentionInterface.register(CHAINS, attend_chains)
AttentionInterface.register(FLEX, attend_tiles)


def prepare(model: PreTrainedModel, cuda: bool) -> str:
    """Let the language model attend over prefix trees, there or on the CPU; returns by what."""
    implementation = FLEX if cuda else CHAINS
    if model.config.get_text_config()._attn_implementation != implementation:
        model.set_attn_implementation({"text_config": implementation})
    return implementation


def tree_input(ends: torch.Tensor, implementation: str) -> "dict[str, Chains | BlockMask]":
    """What the model is given of the tree, for the implementation that `prepare` chose. ends: [N]."""
    return {"prefix_tree": chains(ends.cpu().numpy()) if implementation == CHAINS else tiles(ends)}


def tiles(ends: torch.Tensor) -> "BlockMask":
    """flex_attention's BlockMask, from the first and the last end in each tile: torch's own way builds the mask over
    all tokens first."""
    from torch.nn.attention.flex_attention import BlockMask

    def sees(batch: torch.Tensor, head: torch.Tensor, q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
        return (k <= q) & (q < ends[k])

    tiled = F.pad(ends, (0, -len(ends) % TILE)).view(-1, TILE)  # what fills the last tile is seen by no token
    first, last = tiled.amin(1), tiled.amax(1)
    number = torch.arange(len(tiled), device=ends.device)
    q, k = number[:, None], number[None, :]
    whole = (k < q) & (first >= (q + 1) * TILE)
    part = (k <= q) & (last > q * TILE) & ~whole
    return BlockMask.from_kv_blocks(
        *_listed(part), *_listed(whole), BLOCK_SIZE=TILE, mask_mod=sees, seq_lengths=(len(ends), len(ends))
    )


def _listed(chosen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Per row of [T, T] how many tiles are chosen, and the numbers of all, the chosen ones first. int32."""
    order = chosen.int().argsort(dim=1, descending=True, stable=True)
    return chosen.sum(1).int()[None, None], order.int()[None, None]
