"""Which documents train (sft), which make preference pairs, which are held out (benchmark): a pure function."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Split = Literal["sft", "preference", "benchmark"]

# Intervals of u = document_id / 16^16: a tenth is held out, a fifth makes pairs, the rest trains.
INTERVALS: Mapping[Split, tuple[float, float]] = {
    "benchmark": (0.0, 0.1),
    "preference": (0.1, 0.3),
    "sft": (0.3, 1.0),
}


@dataclass(frozen=True)
class Candidate:
    """What the split of a document depends on. readable: it looks so; only such documents fill an empty split."""

    document_id: str  # 16 hex digits
    deck: bool
    readable: bool


@dataclass(frozen=True)
class Placed:
    """A document whose split is settled."""

    candidate: Candidate
    split: Split


@dataclass(frozen=True)
class Need:
    """Something a split must hold at least one readable document of."""

    split: Split
    deck: bool

    def met_by(self, candidate: Candidate) -> bool:
        """Whether a document in the split is what is needed."""
        return candidate.readable and (candidate.deck or not self.deck)


def split_of(document_id: str) -> Split:
    """The split by hash alone."""
    u = position(document_id)
    return next((split for split, (low, high) in INTERVALS.items() if low <= u < high), "sft")


def position(document_id: str) -> float:
    """u in [0, 1]."""
    return int(document_id, 16) / 16**16


def assign_splits(new: Sequence[Candidate], existing: Sequence[Placed]) -> dict[str, Split]:
    """The split of each new document, by document_id; existing ones never move, the same bytes keep their split.

    Mostly the hash decides. Few documents could leave a split empty, so new ones move, those nearest to the empty
    split's interval first, until: with one readable document sft has one, with two preference has one, with three
    benchmark has one; with one deck sft has a deck, with two preference has one. No move undoes what already holds.
    """
    settled = {placed.candidate.document_id: placed for placed in existing}
    fresh = {candidate.document_id: candidate for candidate in new if candidate.document_id not in settled}
    where: dict[str, Split] = {document_id: split_of(document_id) for document_id in fresh}
    fixed = [(placed.candidate, placed.split) for placed in settled.values()]
    needs = needs_of([*fresh.values(), *(candidate for candidate, _ in fixed)])
    for need in (*needs, *needs):  # the second time, what another move has made possible
        _meet(need, needs, fresh, where, fixed)
    return {
        candidate.document_id: settled[candidate.document_id].split
        if candidate.document_id in settled
        else where[candidate.document_id]
        for candidate in new
    }


def needs_of(candidates: Sequence[Candidate]) -> list[Need]:
    """What the splits of these documents must hold, most important first."""
    readable = sum(candidate.readable for candidate in candidates)
    decks = sum(candidate.readable and candidate.deck for candidate in candidates)
    by_count = [
        (Need("sft", False), readable >= 1),
        (Need("preference", False), readable >= 2),
        (Need("benchmark", False), readable >= 3),
    ]
    by_decks = [(Need("sft", True), decks >= 1), (Need("preference", True), decks >= 2)]
    return [need for need, due in (*by_decks, *by_count) if due]


def met(
    needs: Sequence[Need],
    where: Mapping[str, Split],
    fresh: Mapping[str, Candidate],
    fixed: Sequence[tuple[Candidate, Split]],
) -> set[Need]:
    """Which needs an assignment meets."""
    placed = [*fixed, *((fresh[document_id], split) for document_id, split in where.items())]
    return {
        need for need in needs if any(split == need.split and need.met_by(candidate) for candidate, split in placed)
    }


def _meet(
    need: Need,
    needs: Sequence[Need],
    fresh: Mapping[str, Candidate],
    where: dict[str, Split],
    fixed: Sequence[tuple[Candidate, Split]],
) -> None:
    """Change `where` by one move, or else one swap, that meets `need` and keeps what was met; else leave it."""
    before = met(needs, where, fresh, fixed)
    if need in before:
        return
    movers = sorted(
        (document_id for document_id, candidate in fresh.items() if need.met_by(candidate)),
        key=lambda document_id: (_distance(document_id, need.split), document_id),
    )
    back = [document_id for document_id, split in where.items() if split == need.split]
    for returning in (None, *back):
        for mover in movers:
            trial = dict(where)
            if returning is not None:
                trial[returning] = where[mover]
            trial[mover] = need.split
            if met(needs, trial, fresh, fixed) >= before | {need}:
                where.update(trial)
                return


def _distance(document_id: str, split: Split) -> float:
    low, high = INTERVALS[split]
    u = position(document_id)
    return max(low - u, u - high, 0.0)
