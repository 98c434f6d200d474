"""What preference pairs take one by one, where images are cut into tiles: for students that are not packed."""

from collections.abc import Iterable, Sequence

from resources.training.dpo.documents import PlannedPass
from resources.training.dpo.hyperparameters import Layout
from resources.training.dpo.layout import Pair, arrange, document_images
from resources.training.forecast import causal
from resources.training.rows.dataset_rows import PairRow
from resources.training.rows.processor import Processor
from resources.training.rows.sequence import RowError, Size
from resources.training.rows.tile_sizes import text_size


def side_sizes(pair: Pair, processor: Processor, paths: Sequence[str]) -> tuple[Size, Size, Size]:
    """Of what both sides are given, of the chosen and of the rejected text. paths: of the document's images."""
    given = text_size(pair.id, pair.given, [paths[image] for image in pair.chosen_images], processor)
    chosen, rejected = (text_size(pair.id, text, [], processor) for text in (pair.chosen, pair.rejected))
    return given, chosen, rejected


def shared_size(given: Size, chosen: Size, rejected: Size) -> Size:
    """Of a pair, what both sides are given counted once."""
    return Size(given.tokens + chosen.tokens + rejected.tokens, given.vision_tokens, given.images)


def plan_pairs(
    rows: Sequence[PairRow], groups: Iterable[list[int]], processor: Processor, layout: Layout, max_tokens: int
) -> list[PlannedPass]:
    """A forward pass a pair, each side with what both are given. groups: the row numbers of each document.

    Reads the headers of images alone. Raises RowError naming a row that is wrong, or too long by itself.
    """
    planned: list[PlannedPass] = []
    for group in groups:
        document = [rows[number] for number in group]
        paths = document_images(document)
        for number, pair in zip(group, arrange(document, layout, processor), strict=True):
            given, chosen, rejected = side_sizes(pair, processor, paths)
            if (whole := shared_size(given, chosen, rejected)).tokens > max_tokens:
                raise RowError(f"{pair.id}: {whole} are more than max_tokens = {max_tokens}.")
            lengths = [given.tokens + side.tokens for side in (chosen, rejected)]
            planned.append(
                {
                    "document": group,
                    "rows": [number],
                    "tokens": sum(lengths),
                    "vision_tokens": 2 * given.vision_tokens,
                    "attended": sum(map(causal, lengths)),
                    "pair_tokens": sum(lengths),
                }
            )
    return planned
