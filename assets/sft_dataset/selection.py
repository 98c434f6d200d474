"""Which examples the SFT data set gets: every written one is read once, and a few bytes of each are kept."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from assets.quality.quarantine import SetAside
from assets.sft_dataset.contamination import Contamination
from assets.sft_dataset.decided_outputs import DecidedOutputs
from assets.sft_dataset.duplicates import Duplicates, Signature
from assets.sft_dataset.keep import Reason, reason_to_drop
from assets.sft_dataset.mix import MixPlan, Stratum, bucket_of, draw_order, plan_mix
from assets.sft_dataset.moved_documents import MovedDocuments
from assets.sft_dataset.student_budget import TokenBudget
from resources.recipe.model import Recipe
from resources.store import Store


@dataclass(frozen=True, slots=True)
class Candidate:
    """An example that may be trained on. order: see `draw_order`."""

    shard: str
    example_id: str
    stratum: Stratum
    words: int
    stated: bool
    order: int


class Fit(NamedTuple):
    """An example of one shard that passed all rules but the one on duplicates."""

    candidate: Candidate
    document_id: str
    signature: Signature
    accepted: bool  # a person lets it stand beside one that is alike


@dataclass
class Selection:
    """What was decided. dropped: rows for the quarantine table; reasons: how many for each kind of reason."""

    read: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    dropped: list[SetAside] = field(default_factory=list)
    kept: list[Candidate] = field(default_factory=list)
    chosen: list[Candidate] = field(default_factory=list)
    plan: MixPlan | None = None

    def drop(self, example_id: str, document_id: str, reason: Reason) -> None:
        """Count an example that is left out, with its row for the quarantine."""
        self.reasons[reason.kind] += 1
        self.dropped.append(reason.set_aside(document_id, example_id))


def select(
    store: Store,
    shards: Sequence[str],
    recipe: Recipe,
    contamination: Contamination,
    budget: TokenBudget,
    moved: MovedDocuments,
    outputs: DecidedOutputs,
) -> Selection:
    """Decide on every example of the sft split: kept or why not, and which of the kept ones the mix draws.

    Of duplicates the first in (shard, example_id) is kept. Texts are read a batch at a time and never held.
    """
    found, duplicates = Selection(), Duplicates(recipe.keep.near_duplicate)
    names = dict[str, str]()  # example -> its shard
    for shard in shards:
        good = list[Fit]()
        for written in outputs.written(shard):
            if written["split"] != "sft":
                continue
            row = outputs.decided(written)
            found.read += 1
            accepted = outputs.accepted(row)
            shard_now = moved.shard_now(shard, row["example_id"])
            reason = (
                (Reason("moved", f"now in shard {shard_now}") if shard_now else None)
                or outputs.dropped(written)
                or reason_to_drop(row, recipe.keep, accepted)
                or contamination.reason(row["images"], row["output"])
                or budget.reason(row, [store.image_path(image) for image in row["images"]])
            )
            if reason:
                found.drop(row["example_id"], row["document_id"], reason)
            else:
                candidate = Candidate(
                    shard,
                    row["example_id"],
                    (row["kind"], bucket_of(row["words"])),
                    row["words"],
                    row["required_words"] is not None,
                    draw_order(recipe.mix.seed, row["example_id"]),
                )
                signature = duplicates.signature(row["output"])
                good.append(Fit(candidate, row["document_id"], signature, "near_duplicate" in accepted))
        for fit in sorted(good, key=lambda fit: fit.candidate.example_id):
            name = fit.candidate.example_id
            reason = (
                Reason("duplicate", f"the same example stands in shard {names[name]}")
                if name in names
                else duplicates.add(name, fit.signature)
            )
            if reason and not (fit.accepted and reason.kind == "near_duplicate"):
                found.drop(name, fit.document_id, reason)
            else:
                names[name] = shard
                found.kept.append(fit.candidate)
    found.plan = plan_mix(Counter(candidate.stratum for candidate in found.kept), recipe.mix)
    found.chosen = draw(found.kept, found.plan.counts)
    return found


def draw(kept: Sequence[Candidate], counts: Counter[Stratum]) -> list[Candidate]:
    """As many of each stratum as the plan says, lowest draw order first; in the order of `kept`."""
    left, chosen = Counter(counts), set[int]()
    for index, candidate in sorted(enumerate(kept), key=lambda pair: (pair[1].order, pair[1].example_id)):
        if left[candidate.stratum] > 0:
            left[candidate.stratum] -= 1
            chosen.add(index)
    return [candidate for index, candidate in enumerate(kept) if index in chosen]
