"""The table that `preference_pairs` writes: a row per pair, chosen against rejected."""

from typing import Literal, TypedDict

from resources.table import Float32, Int32, Table

PairKind = Literal["cumulative", "shared_prefix", "whole", "sampled"]
KINDS: tuple[PairKind, ...] = ("cumulative", "shared_prefix", "whole", "sampled")
WHOLE_KINDS = ("whole", "sampled")  # the whole answer to the whole instruction, its length included


class PreferencePair(TypedDict):
    """Chosen against rejected."""

    pair_id: str
    example_id: str
    document_id: str
    kind: PairKind
    upto: Int32 | None  # number of segments that the pair covers (1..N); null for sampled
    prompt: str  # whole, sampled: the instruction with its length; else the request without one
    prefix: str  # answer text both sides share; empty but for shared_prefix
    images: list[str]  # sha256; cumulative: those of the first `upto` pages
    chosen: str  # continues `prefix`
    rejected: str
    closes: bool  # the answer ends here, so the end-of-turn token is trained
    weight: Float32  # the pairs of one example and kind add up to 1; the gate weighs the kinds
    margin: Float32 | None  # points of (S_l + S_q) / 2 between the sides of a sampled pair; else null
    author: str  # who wrote the text that was corrected, or (sampled) both sides
    corrector: str  # who made `chosen` better than `rejected`, or (sampled) judged it so


PREFERENCE_PAIRS = Table("preference_pairs", PreferencePair)
