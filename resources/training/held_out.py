"""Documents that are held back from training, so that their loss tells how well it goes. No torch."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from resources.training.rows.dataset_rows import ImageFile


class Split(NamedTuple):
    """Numbers of rows, in order."""

    trained: list[int]
    held_out: list[int]


def document_of(name: str, images: Sequence[ImageFile]) -> str:
    """What rows of one document have in common: their first page. name: of the example, where there is none."""
    return images[0]["path"] if images else name


def split(documents: Iterable[str], share: float, seed: int) -> Split:
    """Rows by their documents: about `share` of these are held back, all rows of each, at least one and never all.

    Which ones follows from their names and `seed`, so that more documents leave the rest where they are.
    """
    rows: dict[str, list[int]] = {}
    for number, document in enumerate(documents):
        rows.setdefault(document, []).append(number)
    if share == 0 or len(rows) < 2:
        return Split(sorted(number for numbers in rows.values() for number in numbers), [])
    drawn = {name: int(hashlib.sha256(f"{seed}-{name}".encode()).hexdigest()[:15], 16) / 16**15 for name in rows}
    held = {name for name, place in drawn.items() if place < share} or {min(drawn, key=drawn.__getitem__)}
    if len(held) == len(rows):
        held.remove(max(drawn, key=drawn.__getitem__))
    parts = ([*rows.keys() - held], [*held])
    return Split(*(sorted(number for name in names for number in rows[name]) for names in parts))
