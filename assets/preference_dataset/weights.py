"""How much each kind of pair weighs in training: the recipe's shares, whatever the numbers of pairs."""

from collections.abc import Mapping

from assets.recipe import Pairs


def kind_shares(recipe: Pairs) -> dict[str, float]:
    """kind -> its share as the recipe writes it, not normalised."""
    return {"cumulative": recipe.cumulative, "shared_prefix": recipe.shared_prefix, "whole": recipe.whole,
            "sampled": recipe.sampled}


def kind_factors(totals: Mapping[str, float], pairs: Mapping[str, int], shares: Mapping[str, float],
                 ) -> dict[str, float]:
    """kind -> what its pairs' weights are multiplied by, for every kind that has pairs and a share above 0.

    totals: the weights of a kind's pairs added up. Afterwards the kinds' weights are as the shares, normalised over
    those kinds, and the mean weight of all their pairs is 1, so a learning rate means the same for any mix.
    """
    kept = [kind for kind, share in shares.items() if share > 0 and totals.get(kind, 0) > 0]
    rows, whole = sum(pairs[kind] for kind in kept), sum(shares[kind] for kind in kept)
    return {kind: shares[kind] / whole * rows / totals[kind] for kind in kept}
