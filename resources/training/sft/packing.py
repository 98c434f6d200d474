"""Supervised rows as the tensors of one forward pass: one after another without padding, the loss on answers alone."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from resources.training.rows.chat import image_paths, other_controls, render_answer, render_prompt
from resources.training.rows.dataset_rows import ChatRow
from resources.training.rows.processor import Processor, has_patches
from resources.training.rows.sequence import Grid, RowError, Size, Tokens, tokenize
from resources.training.rows.tile_sizes import text_size
from resources.training.rows.vision import grids_of, patches

if TYPE_CHECKING:
    import torch


class TokenCount(NamedTuple):
    """Tokens of a row."""

    total: int
    vision: int  # of these, visual ones


def row_texts(row: ChatRow, processor: Processor) -> tuple[str, str]:
    """An sft_dataset row as the text that is given and the text that is trainable. Raises RowError for an empty one."""
    user, assistant = row["messages"]
    if not assistant["content"].strip():
        raise RowError(f"{row['id']}: nothing is trainable, its answer is empty.")
    answer = render_answer(assistant["content"], others=other_controls(processor))
    return render_prompt(processor, len(row["images"]), user["content"]), answer


def row_tokens(row: ChatRow, processor: Processor, grids: Sequence[Grid]) -> Tokens:
    """The row's tokens, its images being of these sizes. Raises RowError."""
    return tokenize(row["id"], processor.tokenizer, *row_texts(row, processor), range(len(grids)), grids)


def row_size(row: ChatRow, processor: Processor) -> Size:
    """The row's tokens, from its texts and the headers of its images. Raises RowError."""
    paths = image_paths(row["images"])
    if has_patches(processor):
        return row_tokens(row, processor, grids_of(row["id"], paths, processor.image_processor)).size
    given, answer = row_texts(row, processor)
    before, after = text_size(row["id"], given, paths, processor), text_size(row["id"], answer, [], processor)
    return Size(before.tokens + after.tokens, before.vision_tokens, before.images)


def count_tokens(rows: Iterable[ChatRow], processor: Processor, max_tokens: int) -> list[TokenCount]:
    """Tokens of each row; reads the headers of images alone.

    Nothing is ever cut, so raises RowError naming the rows that have more than `max_tokens`.
    """
    counts, over = [], []
    for row in rows:
        size = row_size(row, processor)
        counts.append(TokenCount(size.tokens, size.vision_tokens))
        if size.tokens > max_tokens:
            over.append(f"{row['id']} has {size}")
    if over:
        more = f"; and {len(over) - 10} more" if len(over) > 10 else ""
        raise RowError(
            f"{len(over)} of {len(counts)} rows have more than max_tokens = {max_tokens}: {'; '.join(over[:10])}{more}."
        )
    return counts


class PackedCollator:
    """Rows of sft_dataset, one after another: S tokens, no padding and no attention mask.

    Row 0 of position_ids [4, 1, S] counts each sample's tokens from 0, which is how transformers tells the samples
    apart; rows 1 to 3 are the rotary positions. Opens the images when it is called.
    """

    def __init__(self, processor: Processor) -> None:
        self.processor = processor

    def __call__(self, rows: Sequence[ChatRow]) -> "dict[str, torch.Tensor]":
        """input_ids, labels [1, S]; position_ids [4, 1, S]; pixel_values, image_grid_thw where there are images."""
        import torch

        vision = [patches(row["id"], image_paths(row["images"]), self.processor.image_processor) for row in rows]
        texts = [row_tokens(row, self.processor, shown.token_grids) for row, shown in zip(rows, vision, strict=True)]
        ids = np.concatenate([text.ids for text in texts])
        labels = np.concatenate([np.where(text.trainable, text.ids, -100) for text in texts])
        positions = np.concatenate([np.vstack([np.arange(len(text.ids)), text.positions]) for text in texts], axis=1)
        batch = {
            "input_ids": torch.from_numpy(ids)[None],
            "labels": torch.from_numpy(labels)[None],
            "position_ids": torch.from_numpy(positions)[:, None],
        }
        if any(shown.pixels for shown in vision):
            batch["pixel_values"] = torch.cat([image for shown in vision for image in shown.pixels])
            batch["image_grid_thw"] = torch.stack([grid for shown in vision for grid in shown.patch_grids])
        return batch
