"""Which pairs people left out: those of a dropped example or document, and those that reach a dropped segment."""

from collections.abc import Iterable, Iterator, Sequence

from assets.corrected_segments.laid_over import segments_seen
from assets.corrected_segments.schema import CORRECTED_SEGMENTS, CorrectedSegment
from assets.long_outputs.schema import LONG_OUTPUTS
from assets.preference_pairs.schema import PreferencePair
from assets.quality.quarantine import SetAside
from assets.sft_dataset.decided_outputs import DecidedOutputs, drop_of
from assets.sft_dataset.keep import Reason

COLUMNS = ["example_id", "document_id", "documents", "split", "output"]


class Drops:
    """What people dropped of the preference split of these shards, under the decisions of one moment."""

    def __init__(self, outputs: DecidedOutputs, shards: Sequence[str]) -> None:
        self._whole: dict[tuple[str, str], Reason] = {}  # (shard, example)
        self._from: dict[tuple[str, str], list[tuple[int, Reason]]] = {}  # … -> index of a segment, why
        for shard in shards if outputs.decisions else ():
            for row in outputs.store.rows(LONG_OUTPUTS, shard, COLUMNS):
                if row["split"] == "preference" and (reason := outputs.dropped(row)):
                    self._whole[shard, row["example_id"]] = reason
            for segment in outputs.store.rows(CORRECTED_SEGMENTS, shard):
                if reason := dropped_segment(segment, outputs):
                    self._from.setdefault((shard, segment["example_id"]), []).append((segment["index"], reason))

    def reason(self, shard: str, pair: PreferencePair) -> Reason | None:
        """Why a pair is left out, or None. A sampled one is of drafts as a whole: any dropped segment counts."""
        key = (shard, pair["example_id"])
        return self._whole.get(key) or reaching(pair, self._from.get(key, ()))

    def kept(
        self, shard: str, pairs: Iterable[PreferencePair], left_out: dict[str, SetAside]
    ) -> Iterator[PreferencePair]:
        """A shard's pairs without those; left_out: pair_id -> why, for the others."""
        for pair in pairs:
            if reason := self.reason(shard, pair):
                left_out[pair["pair_id"]] = reason.set_aside(pair["document_id"], pair["example_id"])
            else:
                yield pair


def dropped_segment(row: CorrectedSegment, outputs: DecidedOutputs) -> Reason | None:
    """Why a person dropped a segment, or None."""
    outcomes = outputs.settled(segments_seen([row]))
    return next((reason for target, found in outcomes.items() if (reason := drop_of(target, found))), None)


def reaching(pair: PreferencePair, dropped: Iterable[tuple[int, Reason]]) -> Reason | None:
    """Why a pair that reaches a dropped segment is left out. dropped: index (0-based) and why, of its example."""
    return next((why for index, why in dropped if pair["upto"] is None or pair["upto"] > index), None)
