"""Pairs by kind: how many, their share of the weight, how often the chosen side is longer."""

from collections import Counter, defaultdict
from typing import TypedDict

from assets.preference_pairs.schema import KINDS, PairKind
from resources.text.words import count_words


class CountedPair(TypedDict):
    """What is counted of a pair: columns of preference_pairs and of the data set."""

    kind: PairKind
    chosen: str
    rejected: str
    weight: float


class PairTally:
    """Sums over the pairs that were added. Longer chosen sides teach length, not quality (docs/method.md 3.4)."""

    def __init__(self) -> None:
        self.pairs = Counter[str]()
        self.weight = defaultdict[str, float](float)
        self.longer = Counter[str]()

    def add(self, pair: CountedPair) -> None:
        """Count one pair, a row of preference_pairs or of the data set."""
        kind = pair["kind"]
        self.pairs[kind] += 1
        self.weight[kind] += pair["weight"]
        self.longer[kind] += count_words(pair["chosen"]) > count_words(pair["rejected"])

    def weight_shares(self) -> dict[str, float]:
        """kind -> its share of all weight, for kinds that have pairs."""
        total = sum(self.weight.values())
        return {kind: self.weight[kind] / total for kind in KINDS if self.pairs[kind]}

    def metadata(self) -> dict[str, float]:
        """pairs_<kind> for every kind."""
        return {f"pairs_{kind}": self.pairs[kind] for kind in KINDS}

    def longer_shares(self) -> dict[str, float]:
        """chosen_longer_share_<kind> for every kind that has pairs."""
        return {
            f"chosen_longer_share_{kind}": self.longer[kind] / self.pairs[kind] for kind in KINDS if self.pairs[kind]
        }
