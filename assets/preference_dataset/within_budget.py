"""Which pairs preference training can take: nothing is ever cut, so those with too many tokens are left out."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from assets.preference_dataset.rows import pair_row
from assets.preference_dataset.starts import PageStarts
from assets.preference_pairs.schema import PreferencePair
from assets.sft_dataset.budget import TokenBudget
from resources.recipe.model import Pairs
from resources.store import Store


def pairs_within_budget(
    tables: Store,
    shard: str,
    pairs: Iterable[PreferencePair],
    budget: TokenBudget,
    shares: Pairs,
    left_out: dict[str, dict[str, str]],
) -> Iterator[PreferencePair]:
    """The pairs of a shard that fit a forward pass by themselves; of the others, pair_id -> row for the quarantine.

    pairs: in the order of their table, where those of one example stand together. They are counted together, for they
    decide on which images each is shown with: those of kinds that have a share, and so are trained on.
    """
    if not budget.counts:
        yield from pairs
        return
    starts = PageStarts(tables, shard)
    for _, group in groupby(pairs, lambda pair: pair["example_id"]):
        document = list(group)
        trained = [pair for pair in document if getattr(shares, pair["kind"]) > 0]
        reasons = budget.pair_reasons([pair_row(tables, pair, starts) for pair in trained]) if trained else {}
        for pair in document:
            if reason := reasons.get(pair["pair_id"]):
                left_out[pair["pair_id"]] = {
                    "item": "",
                    "document_id": pair["document_id"],
                    "example_id": pair["example_id"],
                    "reason": f"{reason.kind}: {reason.says}",
                }
            else:
                yield pair
