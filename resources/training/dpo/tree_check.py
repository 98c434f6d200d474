"""Before anything is trained: the pairs of a document in one pass have the log-probabilities that they have alone.

What a model makes of the tree it is given is the model's affair, and where it makes nothing of it, the loss is wrong
and yet falls. The first step's loss does not show it, for policy and reference are then equally wrong. So the smallest
document is passed once as a tree, and once side by side as transformers itself does: its own attention and positions.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch

from resources.training.dpo.documents import DocumentCollator, DocumentRows, tokenize_pairs
from resources.training.dpo.layout import arrange, document_images
from resources.training.dpo.tree_attention import prepare, tree_input
from resources.training.rows.vision import patches

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Nats of a token, on average, that the two may differ by: TIMES what rounding makes of the same sides alone under the
# tree's attention (where that attends as transformers does, nothing), but no less than LEAST and no more than MOST.
# Packed, a token stands elsewhere in its matrix: in bfloat16 that alone makes up to 3e-4, a tree that is dropped 3e-3.
TIMES, MOST = 5, 0.05
LEAST: dict[bool, float] = {False: 1e-4, True: 1e-3}  # by whether it is computed in bfloat16


class TreeError(RuntimeError):
    """A pass over a document's pairs gives other log-probabilities than the pairs alone; nothing was trained."""


def smallest(tokens: Sequence[int], pair_tokens: Sequence[int]) -> int:
    """The number of the pass that takes least alone, of those whose sides share something: a tree without a fork shows
    nothing. tokens: of each pass as it is packed; pair_tokens: of its sides alone."""
    numbers = range(len(tokens))
    forked = [number for number in numbers if tokens[number] < pair_tokens[number]]
    return min(forked or numbers, key=lambda number: pair_tokens[number])


def sides_alone(document: DocumentRows, collator: DocumentCollator) -> list[dict[str, torch.Tensor]]:
    """Each of the 2K sides as the model's own inputs: input_ids, labels, mm_token_type_ids [1, S], images."""
    rows = [collator.rows[number] for number in document["document"]]
    arranged = arrange(rows, collator.layout, collator.processor)
    pairs = [arranged[document["document"].index(number)] for number in document["rows"]]
    vision = patches(pairs[0].id, document_images(rows), collator.processor.image_processor)
    sides = []
    for text in tokenize_pairs(pairs, collator.processor.tokenizer, vision.token_grids):
        ids, trainable, pads = (torch.from_numpy(one)[None] for one in (text.ids, text.trainable, text.pads))
        side = {
            "input_ids": ids,
            "labels": torch.where(trainable, ids, -100),
            "mm_token_type_ids": pads.int(),
        }
        if text.images:
            side["pixel_values"] = torch.cat([vision.pixels[image] for image in text.images])
            side["image_grid_thw"] = torch.stack([vision.patch_grids[image] for image in text.images])
        sides.append(side)
    return sides


def tokens_alone(
    model: torch.nn.Module, inner: "PreTrainedModel", sides: Sequence[Mapping[str, torch.Tensor]], as_tree: bool
) -> torch.Tensor:
    """[T] the log-probabilities of the trainable tokens of all sides, each side a pass: under transformers' own `sdpa`,
    or as a tree without a fork.

    model: what is called; inner: what it wraps, whose attention is changed in place."""
    if not as_tree:
        inner.set_attn_implementation({"text_config": "sdpa"})
    found = []
    for side in sides:
        given: dict[str, Any] = dict(side)
        if as_tree:
            ends = torch.full_like(side["input_ids"][0], side["input_ids"].shape[1])
            given |= tree_input(ends, prepare(inner, ends.is_cuda))
        log_probs = model(**given, use_cache=False, fused_lm_head=True).log_probs
        found.append(log_probs[0][side["labels"][0, 1:] != -100])
    return torch.cat(found)


def require_equal(packed: torch.Tensor, alone: torch.Tensor, as_trees: torch.Tensor, half: bool) -> float:
    """The mean difference of a token between packed and alone, in nats. Raises TreeError where it is too much.

    [T] each; as_trees: alone too, each side a tree without a fork, which differs by rounding and by nothing else. half:
    they were computed in bfloat16."""
    apart, rounding = (float((one.float() - alone.float()).abs().mean()) for one in (packed, as_trees))
    within = min(MOST, max(LEAST[half], TIMES * rounding))
    if not apart <= within:  # nor where it is NaN
        raise TreeError(
            f"The pairs of a document in one pass have other log-probabilities than alone: {apart:.3g} nats a token on "
            f"average, {within:.3g} are allowed: with the transformers that is installed, this model does not attend "
            'as packed pairs need it; nothing was trained. training.packing = "pairs" trains it pair by pair.'
        )
    return apart
