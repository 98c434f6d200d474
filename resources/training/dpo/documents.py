"""A document's pairs as the tensors of one forward pass: the prefix tree of its sides, and what each sums."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, NotRequired, TypedDict

import numpy as np

from resources.training.dpo.hyperparameters import Layout
from resources.training.dpo.layout import Pair, arrange, document_images
from resources.training.dpo.tree import Tree, pack
from resources.training.forecast import causal
from resources.training.rows.dataset_rows import PairRow
from resources.training.rows.processor import Processor, Tokenizer
from resources.training.rows.sequence import Grid, RowError, Tokens, tokenize
from resources.training.rows.vision import Patches, grids_of, patches

if TYPE_CHECKING:
    import torch


class DocumentRows(TypedDict):
    """What one forward pass holds of a document."""

    document: list[int]  # numbers of all its rows in the data set: they decide where images stand
    rows: list[int]  # of these, those that are passed
    ref_chosen_logps: NotRequired[list[float]]  # the reference's sums, of each row passed
    ref_rejected_logps: NotRequired[list[float]]


class Cost(TypedDict):
    """What a forward pass takes."""

    tokens: int
    vision_tokens: int  # of these, visual ones
    attended: int  # pairs of a token and one that it sees


class PlannedPass(DocumentRows, Cost):
    """A forward pass of `plan_documents`."""

    pair_tokens: int  # what the same pairs take alone, each side computed for itself


class Slice(NamedTuple):
    """Tokens [low, high) of a text."""

    text: int  # its number
    low: int
    high: int


@dataclass(frozen=True)
class Packed:
    """Some pairs of one document, N packed tokens, K pairs; side s < K is pair s's chosen, side K + s its rejected."""

    tree: Tree
    ids: np.ndarray  # [N]
    positions: np.ndarray  # [3, N]
    pads: np.ndarray  # [N] bool: visual tokens
    scored: np.ndarray  # [N] bool: trainable in some side
    images: list[int]  # which image stands at each block of visual tokens, in packed order
    sides: list[np.ndarray]  # per side, the packed indices of its trainable tokens, in order
    weights: list[float]  # per pair


def tokenize_pairs(pairs: Sequence[Pair], tokenizer: Tokenizer, grids: Sequence[Grid]) -> list[Tokens]:
    """The 2K sides: all chosen ones, then all rejected ones."""
    return [tokenize(pair.id, tokenizer, pair.given, pair.chosen, pair.chosen_images, grids) for pair in pairs] + [
        tokenize(pair.id, tokenizer, pair.given, pair.rejected, pair.rejected_images, grids) for pair in pairs
    ]


def pack_pairs(texts: Sequence[Tokens], weights: list[float]) -> Packed:
    """Exact for any texts: what two sides share, tokens and images, from the beginning on, is computed once."""
    tree = pack([_keys(text) for text in texts])
    runs = _runs(tree)
    ids = np.concatenate([texts[text].ids[low:high] for text, low, high in runs])
    pads = np.concatenate([texts[text].pads[low:high] for text, low, high in runs])
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


def _runs(tree: Tree) -> list[Slice]:
    """The packed order as slices of the texts."""
    breaks = np.flatnonzero((np.diff(tree.text) != 0) | (np.diff(tree.offset) != 1)) + 1
    borders = [0, *breaks.tolist(), len(tree.text)]
    return [
        Slice(int(tree.text[low]), int(tree.offset[low]), int(tree.offset[high - 1]) + 1)
        for low, high in pairwise(borders)
    ]


def plan_documents(
    rows: Sequence[PairRow],
    groups: Iterable[list[int]],
    processor: Processor,
    layout: Layout,
    max_tokens: int,
    alone: bool = False,
) -> list[PlannedPass]:
    """Documents as forward passes of at most `max_tokens` packed tokens.

    groups: the row numbers of each document. alone: a pass per pair, each side computed for itself, as TRL does.
    The rows of a pass have the contexts of the whole document. Reads the headers of images alone. Raises RowError
    naming a row that is wrong, or too long by itself.
    """
    planned: list[PlannedPass] = []
    for group in groups:
        document = [rows[number] for number in group]
        pairs = arrange(document, layout, processor)
        grids = grids_of(pairs[0].id, document_images(document), processor.image_processor)
        texts = tokenize_pairs(pairs, processor.tokenizer, grids)
        for part in _parts(pairs, texts, max_tokens, alone):
            sides = _sides(part, pairs, texts)
            cost = _cost_alone(sides) if alone else _cost_packed(sides)
            planned.append(
                {
                    "document": group,
                    "rows": [group[number] for number in part],
                    "tokens": cost["tokens"],
                    "vision_tokens": cost["vision_tokens"],
                    "attended": cost["attended"],
                    "pair_tokens": sum(len(side.ids) for side in sides),
                }
            )
    return planned


def _cost_packed(sides: Sequence[Tokens]) -> Cost:
    packed = pack_pairs(sides, [])
    return {
        "tokens": len(packed.ids),
        "vision_tokens": int(packed.pads.sum()),
        "attended": int((packed.tree.ends - np.arange(len(packed.ids))).sum()),
    }


def _cost_alone(sides: Sequence[Tokens]) -> Cost:
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
            sides = " and ".join(str(side.size) for side in _sides([number], pairs, texts))
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

    def __init__(
        self, rows: Sequence[PairRow], processor: Processor, layout: Layout, alpha: float | None = None
    ) -> None:
        self.rows, self.processor, self.layout, self.alpha = rows, processor, layout, alpha

    def __call__(self, documents: Sequence[DocumentRows]) -> "dict[str, torch.Tensor]":
        """input_ids, labels [1, N]; position_ids [3, 1, N]; ends [N]; pixel_values, image_grid_thw; K pairs' weights;
        and per trainable token of each of the 2K sides its side, packed index and LD-DPO weight."""
        import torch

        passes = [self._pack(document) for document in documents]
        packed = [one for one, _ in passes]
        bases = np.cumsum([0, *(len(one.ids) for one in packed)])
        sides = [
            one.sides[side] + base
            for half in (0, 1)
            for one, base in zip(packed, bases, strict=False)
            for side in _half(one.sides, half)
        ]
        counts = ld_weights([len(side) for side in sides], self.alpha)
        ids, scored = np.concatenate([one.ids for one in packed]), np.concatenate([one.scored for one in packed])
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
        shown = [(images.pixels[image], images.patch_grids[image]) for one, images in passes for image in one.images]
        if shown:
            batch["pixel_values"] = torch.cat([pixels for pixels, _ in shown])
            batch["image_grid_thw"] = torch.stack([grid for _, grid in shown])
        if "ref_chosen_logps" in documents[0]:
            chosen = (value for document in documents for value in document["ref_chosen_logps"])
            rejected = (value for document in documents for value in document["ref_rejected_logps"])
            batch["reference"] = torch.tensor([*chosen, *rejected])
        return batch

    def _pack(self, document: DocumentRows) -> tuple[Packed, Patches]:
        rows = [self.rows[number] for number in document["document"]]
        arranged = arrange(rows, self.layout, self.processor)
        pairs = [arranged[document["document"].index(number)] for number in document["rows"]]
        vision = patches(pairs[0].id, document_images(rows), self.processor.image_processor)
        texts = tokenize_pairs(pairs, self.processor.tokenizer, vision.token_grids)
        return pack_pairs(texts, [pair.weight for pair in pairs]), vision


def _half(sides: Sequence[np.ndarray], half: int) -> range:
    return range(len(sides) // 2) if half == 0 else range(len(sides) // 2, len(sides))


def by_document(ids: Sequence[str]) -> list[list[int]]:
    """Row numbers of each document, in the order of their first row."""
    groups: dict[str, list[int]] = {}
    for number, name in enumerate(ids):
        groups.setdefault(name, []).append(number)
    return list(groups.values())
