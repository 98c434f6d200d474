"""A document's pairs as the tensors of one forward pass: the prefix tree of its sides, and what each sums."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from resources.training.dpo.layout import Layout, Pair, arrange, document_images
from resources.training.dpo.tree import Tree, pack
from resources.training.forecast import causal
from resources.training.rows.sequence import Grid, RowError, Tokens, tokenize
from resources.training.rows.vision import grids_of, patches

Rows = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Packed:
    """Some pairs of one document, N packed tokens, K pairs; side s < K is pair s's chosen, side K + s its rejected."""

    tree: Tree
    ids: np.ndarray  # [N]
    positions: np.ndarray  # [3, N]
    pads: np.ndarray  # [N] bool: visual tokens
    scored: np.ndarray  # [N] bool: some side learns this token
    images: list[int]  # which image stands at each block of visual tokens, in packed order
    sides: list[np.ndarray]  # per side, the packed indices of the tokens that it learns, in order
    weights: list[float]  # per pair


def tokenize_pairs(pairs: Sequence[Pair], tokenizer: Any, grids: Sequence[Grid]) -> list[Tokens]:
    """The 2K sides: all chosen ones, then all rejected ones."""
    return [tokenize(pair.id, tokenizer, pair.given, pair.chosen, pair.chosen_images, grids) for pair in pairs] + [
        tokenize(pair.id, tokenizer, pair.given, pair.rejected, pair.rejected_images, grids) for pair in pairs
    ]


def pack_pairs(texts: Sequence[Tokens], weights: list[float]) -> Packed:
    """Exact for any texts: what two sides share, tokens and images, from the beginning on, is computed once."""
    tree = pack([_keys(text) for text in texts])
    runs = _runs(tree)
    ids, pads = (
        np.concatenate([getattr(texts[text], name)[low:high] for text, low, high in runs]) for name in ("ids", "pads")
    )
    images = [texts[text].images[block] for text, low, high in runs for block in _blocks(texts[text], low, high)]
    sides = [places[text.trainable] for text, places in zip(texts, tree.places, strict=True)]
    scored = np.zeros(len(ids), dtype=bool)
    scored[np.concatenate(sides)] = True
    positions = np.concatenate([texts[text].positions[:, low:high] for text, low, high in runs], axis=1)
    return Packed(tree, ids, positions, pads, scored, images, sides, weights)


def _keys(text: Tokens) -> np.ndarray:
    """Token ids; below 0 for visual tokens, so that two images are shared only where they are the same image."""
    keys = text.ids.copy()
    keys[text.pads] = np.repeat(~np.asarray(text.images, dtype=np.int64), _lengths(text))
    return keys


def _lengths(text: Tokens) -> np.ndarray:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], text.pads.astype(np.int8), [0]])))
    return edges[1::2] - edges[::2]


def _blocks(text: Tokens, low: int, high: int) -> range:
    """Which of the text's blocks of visual tokens begin in [low, high)."""
    starts = np.flatnonzero(np.diff(np.concatenate([[0], text.pads.astype(np.int8)])) == 1)
    return range(int(np.searchsorted(starts, low)), int(np.searchsorted(starts, high)))


def _runs(tree: Tree) -> list[tuple[int, int, int]]:
    """The packed order as (text, low, high) slices of the texts."""
    breaks = np.flatnonzero((np.diff(tree.text) != 0) | (np.diff(tree.offset) != 1)) + 1
    borders = [0, *breaks.tolist(), len(tree.text)]
    return [
        (int(tree.text[low]), int(tree.offset[low]), int(tree.offset[high - 1]) + 1) for low, high in pairwise(borders)
    ]


def plan_documents(
    rows: Rows, groups: Iterable[list[int]], processor: Any, layout: Layout, max_tokens: int, alone: bool = False
) -> list[dict[str, Any]]:
    """Documents as forward passes of at most `max_tokens` packed tokens.

    groups: the row numbers of each document. alone: a pass per pair, each side computed for itself, as TRL does.
    Returns a pass each: "document" and of it the "rows" that are passed (their contexts are the whole document's),
    "tokens", "vision_tokens" of them, pairs of tokens "attended" to; and "pair_tokens", what the same pairs take alone.
    Reads the headers of images alone. Raises RowError naming a row that is wrong, or too long by itself.
    """
    planned: list[dict[str, Any]] = []
    for group in groups:
        document = [rows[number] for number in group]
        pairs = arrange(document, layout, processor)
        grids = grids_of(pairs[0].id, document_images(document), processor.image_processor)
        texts = tokenize_pairs(pairs, processor.tokenizer, grids)
        for part in _parts(pairs, texts, max_tokens, alone):
            sides = _sides(part, pairs, texts)
            planned.append(
                {
                    "document": group,
                    "rows": [group[number] for number in part],
                    **(_cost_alone(sides) if alone else _cost_packed(sides)),
                    "pair_tokens": sum(len(side.ids) for side in sides),
                }
            )
    return planned


def _cost_packed(sides: Sequence[Tokens]) -> dict[str, int]:
    packed = pack_pairs(sides, [])
    return {
        "tokens": len(packed.ids),
        "vision_tokens": int(packed.pads.sum()),
        "attended": int((packed.tree.ends - np.arange(len(packed.ids))).sum()),
    }


def _cost_alone(sides: Sequence[Tokens]) -> dict[str, int]:
    return {
        "tokens": sum(len(side.ids) for side in sides),
        "vision_tokens": sum(side.vision_tokens for side in sides),
        "attended": sum(causal(len(side.ids)) for side in sides),
    }


def _sides(part: Sequence[int], pairs: Sequence[Pair], texts: Sequence[Tokens]) -> list[Tokens]:
    return [texts[number + half] for half in (0, len(pairs)) for number in part]


def _parts(pairs: Sequence[Pair], texts: Sequence[Tokens], max_tokens: int, alone: bool) -> list[list[int]]:
    """Pairs in order, as many together as fit. Raises RowError naming a pair that does not fit by itself."""

    def size(part: list[int]) -> int:
        return len(pack([_keys(side) for side in _sides(part, pairs, texts)]).text)

    whole = list(range(len(pairs)))
    if not alone and size(whole) <= max_tokens:
        return [whole]
    parts: list[list[int]] = []
    for number in whole:
        if parts and not alone and size([*parts[-1], number]) <= max_tokens:
            parts[-1].append(number)
            continue
        if (single := size([number])) > max_tokens:
            sides = " and ".join(side.size() for side in _sides([number], pairs, texts))
            raise RowError(
                f"{pairs[number].id}: {single} tokens are more than max_tokens = {max_tokens}: its sides have {sides}."
            )
        parts.append([number])
    return parts


def ld_weights(lengths: Sequence[int], alpha: float | None) -> list[np.ndarray]:
    """Per side, what each trainable token counts in its sum: 1, or `alpha` past the shorter side's length (LD-DPO).

    lengths: of the K chosen, then of the K rejected sides.
    """
    half = len(lengths) // 2
    counts = []
    for side, length in enumerate(lengths):
        shared = min(length, lengths[(side + half) % len(lengths)])
        counts.append(np.where(np.arange(length) < shared, 1.0, 1.0 if alpha is None else alpha))
    return counts


class DocumentCollator:
    """Documents (rows of `plan_documents`) as the tensors of one forward pass, one document after another, no padding.

    rows: the preference data set, by number. Opens the images when it is called, each once a document.
    """

    def __init__(self, rows: Rows, processor: Any, layout: Layout, alpha: float | None = None) -> None:
        self.rows, self.processor, self.layout, self.alpha = rows, processor, layout, alpha

    def __call__(self, documents: list[dict[str, Any]]) -> dict[str, Any]:
        """input_ids, labels [1, N]; position_ids [3, 1, N]; ends [N]; pixel_values, image_grid_thw; K pairs' weights;
        and per trainable token of each of the 2K sides its side, packed index and LD-DPO weight."""
        import torch

        packed, vision = zip(*(self._pack(document) for document in documents), strict=True)
        bases = np.cumsum([0, *(len(one.ids) for one in packed)])
        sides = [
            one.sides[side] + base
            for half in (0, 1)
            for one, base in zip(packed, bases, strict=False)
            for side in _half(one.sides, half)
        ]
        counts = ld_weights([len(side) for side in sides], self.alpha)
        ids, scored = (np.concatenate([getattr(one, name) for one in packed]) for name in ("ids", "scored"))
        batch = {
            "input_ids": torch.from_numpy(ids)[None],
            "labels": torch.from_numpy(np.where(scored, ids, -100))[None],
            "position_ids": torch.from_numpy(np.concatenate([one.positions for one in packed], axis=1))[:, None],
            "ends": torch.from_numpy(
                np.concatenate([one.tree.ends + base for one, base in zip(packed, bases, strict=False)])
            ),
            "weights": torch.tensor([weight for one in packed for weight in one.weights]),
            "side": torch.from_numpy(np.repeat(np.arange(len(sides)), [len(side) for side in sides])),
            "place": torch.from_numpy(np.concatenate(sides)),
            "ld_weights": torch.from_numpy(np.concatenate(counts)).float(),
        }
        shown = [
            (pixels[image], grids[image])
            for one, (pixels, grids, _) in zip(packed, vision, strict=True)
            for image in one.images
        ]
        if shown:
            batch["pixel_values"] = torch.cat([pixels for pixels, _ in shown])
            batch["image_grid_thw"] = torch.stack([grid for _, grid in shown])
        if "ref_chosen_logps" in documents[0]:
            batch["reference"] = torch.tensor(
                [
                    value
                    for side in ("ref_chosen_logps", "ref_rejected_logps")
                    for document in documents
                    for value in document[side]
                ]
            )
        return batch

    def _pack(self, document: dict[str, Any]) -> tuple[Packed, tuple[list[Any], list[Any], list[Grid]]]:
        rows = [self.rows[number] for number in document["document"]]
        arranged = arrange(rows, self.layout, self.processor)
        pairs = [arranged[document["document"].index(number)] for number in document["rows"]]
        vision = patches(pairs[0].id, document_images(rows), self.processor.image_processor)
        texts = tokenize_pairs(pairs, self.processor.tokenizer, vision[2])
        return pack_pairs(texts, [pair.weight for pair in pairs]), vision


def _half(sides: list[Any], half: int) -> range:
    return range(len(sides) // 2) if half == 0 else range(len(sides) // 2, len(sides))


def by_document(ids: Sequence[str]) -> list[list[int]]:
    """Row numbers of each document, in the order of their first row."""
    groups: dict[str, list[int]] = {}
    for number, name in enumerate(ids):
        groups.setdefault(name, []).append(number)
    return list(groups.values())
