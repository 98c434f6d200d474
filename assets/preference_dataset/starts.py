"""Where in a pair's two answers each page's text begins, so that a trainer can place the page's image there."""

from collections.abc import Sequence
from typing import NamedTuple

from assets.corrected_segments.schema import CORRECTED_SEGMENTS
from assets.long_outputs.schema import LONG_OUTPUTS
from assets.preference_pairs.schema import PreferencePair
from resources.store import Store
from resources.text.headings import SEPARATOR


class Starts(NamedTuple):
    """Character offsets of the pages, in the prefix and the answer together."""

    chosen: list[int]
    rejected: list[int]


class PageStarts:
    """Of one shard's decks; for anything else, and for answers that are not made of segments, there are none."""

    def __init__(self, store: Store, shard: str) -> None:
        decks = {row["example_id"] for row in store.rows(LONG_OUTPUTS, shard) if row["kind"] == "deck"}
        self.segments: dict[str, list[tuple[str, str]]] = {}  # example -> per page, corrected and original text
        for row in store.rows(CORRECTED_SEGMENTS, shard):
            if row["example_id"] in decks:
                self.segments.setdefault(row["example_id"], []).append((row["text"], row["original"]))

    def of(self, pair: PreferencePair) -> Starts:
        """Of a pair's two answers."""
        pages = self.segments.get(pair["example_id"], [])[: pair["upto"]]
        if not pages or pair["kind"] not in ("cumulative", "shared_prefix"):
            return Starts([], [])
        corrected, original = ([page[side] for page in pages] for side in (0, 1))
        if pair["kind"] == "shared_prefix":
            original = [*corrected[:-1], original[-1]]
        return Starts(page_starts(corrected), page_starts(original))


def page_starts(texts: Sequence[str]) -> list[int]:
    """Where each text begins once they are joined; an empty one begins where the next does, or at the end."""
    starts, at = [], 0
    for text in texts:
        starts.append(at)
        at += len(text) + len(SEPARATOR) if text else 0
    return [min(start, max(0, at - len(SEPARATOR))) for start in starts]
