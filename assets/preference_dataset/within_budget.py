"""Which pairs preference training can take: nothing is ever cut, so those with too many tokens are left out."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from assets.preference_dataset.pair_row import pair_row
from assets.preference_dataset.starts import PageStarts
from assets.preference_pairs.schema import PreferencePair
from assets.quality.quarantine import SetAside
from assets.sft_dataset.keep import Reason
from assets.sft_dataset.student_budget import StudentBudget, text_at_most, vision_at_most
from resources.recipe.model import Pairs, Training
from resources.store import Store
from resources.training.rows.dataset_rows import PreferenceRow


class PairBudget(StudentBudget):
    """Of preference pairs. Raises GateClosedError, and RowError where an image cannot be read, or where the sides of a
    pair are equal or one has no text."""

    def __init__(self, student: str, training: Training) -> None:
        super().__init__(student, training)
        self.layout = training.layout

    def reasons(self, document: Sequence[PreferenceRow]) -> dict[str, Reason]:
        """id -> `over_budget` with its tokens of text and of images, of the pairs that do not fit a pass by themselves.

        document: the pairs of one example that are trained on. They decide on which images each is shown with.
        """
        if not document or not self.counts or (self.bounded and self._at_most(document) <= self.training.max_tokens):
            return {}
        from resources.training.dpo.pair_sizes import pair_sizes

        sizes = zip(document, pair_sizes(document, self.processor, self.layout), strict=True)
        return {row["id"]: reason for row, size in sizes if (reason := self.over(size.tokens, size))}

    def _at_most(self, document: Sequence[PreferenceRow]) -> int:
        """A bound on each of the pairs: all its texts, and all images, on both sides where they may differ."""
        from resources.training.dpo.layout import document_images

        text = max(text_at_most(row["prompt"], row["prefix"], row["chosen"], row["rejected"]) for row in document)
        images = [Path(path) for path in document_images(document)]
        return text + vision_at_most(document[0]["id"], images) * (2 if self.layout == "interleaved" else 1)


def pairs_within_budget(
    tables: Store,
    shard: str,
    pairs: Iterable[PreferencePair],
    budget: PairBudget,
    shares: Pairs,
    left_out: dict[str, SetAside],
) -> Iterator[PreferencePair]:
    """The pairs of a shard that fit; of the others, pair_id -> row for the quarantine.

    pairs: in the order of their table, where those of one example stand together. Kinds without a share are not
    trained on, so nothing is counted for them.
    """
    if not budget.counts:
        yield from pairs
        return
    starts = PageStarts(tables, shard)
    for _, group in groupby(pairs, lambda pair: pair["example_id"]):
        document = list(group)
        trained = [pair for pair in document if getattr(shares, pair["kind"]) > 0]
        reasons = budget.reasons([pair_row(tables, pair, starts) for pair in trained])
        for pair in document:
            if reason := reasons.get(pair["pair_id"]):
                left_out[pair["pair_id"]] = reason.set_aside(pair["document_id"], pair["example_id"])
            else:
                yield pair
