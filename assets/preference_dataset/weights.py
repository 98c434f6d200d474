"""How much each kind of pair weighs in training: the recipe's shares, whatever the numbers of pairs."""

from collections.abc import Mapping

from assets.preference_pairs.schema import KINDS
from resources.recipe.model import Pairs


def kind_shares(recipe: Pairs, pairs: Mapping[str, int]) -> dict[str, float]:
    """kind -> its share of the weight, which add up to 1: the recipe's, among the kinds that have pairs.

    pairs: how many there are of each kind. Empty where no kind with a share has any.
    """
    found = {kind: share for kind in KINDS if (share := getattr(recipe, kind)) > 0 and pairs.get(kind, 0) > 0}
    whole = sum(found.values())
    return {kind: share / whole for kind, share in found.items()}


def kind_factors(
    totals: Mapping[str, float],
    pairs: Mapping[str, int],
    shares: Mapping[str, float],
) -> dict[str, float]:
    """kind -> what its pairs' weights are multiplied by, for the kinds that have a share.

    totals: the weights of a kind's pairs added up. Afterwards the kinds' weights are as the shares, and the mean weight
    of all their pairs is 1, so a learning rate means the same for any mix.
    """
    rows = sum(pairs[kind] for kind in shares)
    return {kind: share * rows / totals[kind] for kind, share in shares.items()}
