"""Exact and near duplicates among texts of all shards: MinHash signatures are kept, never texts."""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assets.sft_dataset.keep import Reason
from assets.sft_dataset.shingles import shingles
from resources.text.words import tokens

if TYPE_CHECKING:
    from datasketch import MinHashLSH

SHINGLE = 5  # words; CJK characters count as words (resources/text/words.py)
PERMUTATIONS = 128  # hash values of a signature, 4 bytes each: the estimate's error is about 0.04 at 0.8
MISSES_WEIGH = 0.9  # against false candidates: signatures rule these out later, misses are final


@dataclass(frozen=True)
class Signature:
    """What is kept of a text. exact: hash of its tokens; near: its MinHash values, None where only exact ones count."""

    exact: bytes
    near: np.ndarray | None


class Duplicates:
    """Finds, for each text, an earlier one that was kept and is the same, or nearly the same.

    threshold: Jaccard similarity of the sets of shingles, from which on two texts are near; 1: only exact ones count.
    Add texts in a fixed order: the first one is kept. Takes about 6 KB a text.
    """

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold
        self._exact: dict[bytes, str] = {}
        self._near: dict[str, np.ndarray] = {}
        self._index: MinHashLSH | None = None

    def signature(self, text: str) -> Signature:
        """What a text is compared by; `near` is None where only exact duplicates count."""
        words = tokens(text)
        exact = hashlib.blake2b(" ".join(words).encode(), digest_size=16).digest()
        if self.threshold >= 1:
            return Signature(exact, None)
        from datasketch import MinHash  # brings scipy in: only where it is needed

        minhash = MinHash(PERMUTATIONS, hashfunc=int)
        minhash.update_batch((shingles(words, min(SHINGLE, len(words) or 1)) >> np.uint64(32)).tolist())
        return Signature(exact, minhash.hashvalues)

    def add(self, name: str, signature: Signature) -> Reason | None:
        """Why the text `name` is a duplicate; a text that is none is remembered under its name."""
        if (first := self._exact.get(signature.exact)) is not None:
            return Reason("duplicate", f"the same text as {first}")
        if signature.near is not None and (reason := self._near_to(name, signature.near)):
            return reason
        self._exact[signature.exact] = name
        return None

    def _near_to(self, name: str, values: np.ndarray) -> Reason | None:
        from datasketch import LeanMinHash, MinHashLSH

        if self._index is None:
            self._index = MinHashLSH(
                self.threshold, PERMUTATIONS, weights=(1 - MISSES_WEIGH, MISSES_WEIGH), hashfunc=_short
            )
        lean = LeanMinHash(seed=1, hashvalues=values, scheme="affine32")
        for other in sorted(self._index.query(lean)):
            similarity = float(np.mean(self._near[other] == values))
            if similarity >= self.threshold:
                return Reason("near_duplicate", f"{similarity:.0%} like {other}")
        self._index.insert(name, lean)
        self._near[name] = values
        return None


def _short(band: bytes) -> bytes:
    return hashlib.blake2b(band, digest_size=8).digest()
