"""Preference pairs that are too long to be trained on: what a pair takes in a forward pass of its own."""

from collections.abc import Iterable, Sequence

from resources.training.dpo.documents import pack_pairs, tokenize_pairs
from resources.training.dpo.hyperparameters import Layout
from resources.training.dpo.layout import arrange, document_images
from resources.training.dpo.plain_pairs import shared_size, side_sizes
from resources.training.rows.dataset_rows import PairRow
from resources.training.rows.processor import Processor, has_patches
from resources.training.rows.sequence import Size
from resources.training.rows.vision import grids_of


def pair_sizes(document: Sequence[PairRow], processor: Processor, layout: Layout) -> list[Size]:
    """The size of each pair of one document (rows of the preference data set): what its sides share from the beginning
    on counts once.

    Exactly as `plan_documents`, or for students that are not packed `plan_pairs`, counts it. The others decide on which
    images a pair is shown with. Reads the headers of images alone. Raises RowError.
    """
    pairs = arrange(document, layout, processor)
    if not has_patches(processor):
        paths = document_images(document)
        return [shared_size(*side_sizes(pair, processor, paths)) for pair in pairs]
    grids = grids_of(pairs[0].id, document_images(document), processor.image_processor)
    sizes = []
    for pair in pairs:
        packed = pack_pairs(tokenize_pairs([pair], processor.tokenizer, grids), [])
        sizes.append(Size(len(packed.ids), int(packed.pads.sum()), len(set(packed.images))))
    return sizes


def over_budget(
    rows: Sequence[PairRow], groups: Iterable[list[int]], processor: Processor, layout: Layout, max_tokens: int
) -> dict[int, Size]:
    """Row number -> its size, of the pairs that have more than `max_tokens`. groups: the row numbers of each document.

    Without them the others of their document have no more tokens than before: they are shown with fewer images, each
    of which has more tokens than the two ends of turn that an answer may get in return. Raises RowError.
    """
    return {
        number: size
        for group in groups
        for number, size in zip(group, pair_sizes([rows[number] for number in group], processor, layout), strict=True)
        if size.tokens > max_tokens
    }
