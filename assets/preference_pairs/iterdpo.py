"""IterDPO's pairs out of one corrected document: cumulative prefixes (the paper's), shared prefixes, the whole text.

output: its long_outputs row. corrected: its corrected segments, in order.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from assets.corrected_segments.schema import CORRECTED_SEGMENTS, CorrectedSegment
from assets.long_outputs.schema import LongOutput
from assets.preference_pairs.ranking import Sides
from assets.preference_pairs.schema import WHOLE_KINDS, PairKind, PreferencePair
from assets.segments.schema import SEGMENTS
from resources.recipe.model import Pairs
from resources.store import Store
from resources.text.headings import SEPARATOR


class Corrected(NamedTuple):
    """A corrected segment, and who wrote its original."""

    row: CorrectedSegment
    author: str


class Answers(NamedTuple):
    """A pair's two sides, and who made them: wrote the text that was corrected (or both), made or judged one better."""

    chosen: str
    rejected: str
    author: str
    corrector: str


def corrected_by_example(store: Store, shard: str, example_id: str | None = None) -> defaultdict[str, list[Corrected]]:
    """example_id -> its corrected segments in order, of every example or only of one. Those of examples that are no
    longer written are left out."""
    columns = ["example_id", "author"]
    if example_id is None:
        written, rows = store.rows(SEGMENTS, shard, columns), store.rows(CORRECTED_SEGMENTS, shard)
    else:
        written = store.rows_where(SEGMENTS, shard, "example_id", [example_id], columns)
        rows = store.rows_where(CORRECTED_SEGMENTS, shard, "example_id", [example_id])
    authors = {row["example_id"]: row["author"] for row in written}
    found: defaultdict[str, list[Corrected]] = defaultdict(list)
    for row in rows:
        if author := authors.get(row["example_id"]):
            found[row["example_id"]].append(Corrected(row, author))
    return found


def correction_pairs(output: LongOutput, corrected: Sequence[Corrected], wanted: Pairs) -> list[PreferencePair]:
    """The pairs of one corrected document, of every kind that the recipe gives a share."""
    return [
        *(cumulative_pairs(output, corrected, wanted.last_share) if wanted.cumulative else ()),
        *(shared_prefix_pairs(output, corrected) if wanted.shared_prefix else ()),
        *(whole_pairs(output, corrected) if wanted.whole else ()),
    ]


def cumulative_pairs(output: LongOutput, corrected: Sequence[Corrected], last_share: float) -> list[PreferencePair]:
    """Pair i: corrected segments 1..i against original segments 1..i (paper eq. 5), weighted by `prefix_weights`.

    A deck's images are cut to the first i pages, so the answer may end there; anything else keeps all its images and
    ends only with its last segment (docs/method.md 3.4). Left out are prefixes without an edit (identical pairs), those
    of which nothing was written (nothing to reject), and, of a deck whose request itself names a length, all but the
    last: they would end far from it.
    """
    pairs = list[PreferencePair]()
    deck = output["kind"] == "deck"
    whole_only = deck and output["required_words"] is not None and output["instruction"] == output["request"]
    for upto in range(1, len(corrected) + 1):
        answers, last = _joined(corrected[:upto]), upto == len(corrected)
        if not answers.rejected or answers.chosen == answers.rejected or (whole_only and not last):
            continue
        pair = _pair(output, "cumulative", answers, upto, closes=deck or last)
        pairs.append({**pair, "images": output["images"][:upto] if deck else pair["images"]})
    return [
        {**pair, "weight": weight} for pair, weight in zip(pairs, prefix_weights(len(pairs), last_share), strict=True)
    ]


def prefix_weights(count: int, last_share: float) -> list[float]:
    """Weights of a document's cumulative pairs, which add up to 1: `last_share` for the last, the rest in equal parts.

    Segment j stands in every pair i >= j, so it weighs w_j + … + w_N: the first one 1, the last one w_N. Equal weights
    (last_share 0, the paper's) make that 1 against 1/count; a last share s makes it at most 1/s. The last pair never
    weighs less than the others do, so a share below 1/count means equal weights.
    """
    if count == 0:
        return []
    last = max(last_share, 1 / count)
    return [*((1 - last) / (count - 1) for _ in range(count - 1)), last]


def shared_prefix_pairs(output: LongOutput, corrected: Sequence[Corrected]) -> list[PreferencePair]:
    """Pair i: after the corrected segments 1..i-1, corrected segment i against original segment i, in equal parts.

    Segments without an edit, and missing ones (nothing to reject), give no pair.
    """
    pairs = list[PreferencePair]()
    for upto, (row, author) in enumerate(corrected, 1):
        if row["edited"] and row["original"]:
            answers = Answers(row["text"], row["original"], author, row["corrector"])
            prefix = _joined(corrected[: upto - 1]).chosen if upto > 1 else ""
            pair = _pair(output, "shared_prefix", answers, upto, closes=upto == len(corrected))
            pairs.append({**pair, "prefix": prefix})
    return [{**pair, "weight": 1 / len(pairs)} for pair in pairs]


def whole_pairs(output: LongOutput, corrected: Sequence[Corrected]) -> list[PreferencePair]:
    """The whole corrected text against the whole original, asked for with its length; none where nothing was edited."""
    if not corrected:
        return []
    answers = _joined(corrected)
    if not answers.rejected or answers.chosen == answers.rejected:
        return []
    return [_pair(output, "whole", answers, len(corrected), closes=True)]


def sampled_pair(output: LongOutput, sides: Sides, author: str, judge: str) -> PreferencePair:
    """Two whole texts that the checkpoint `author` wrote for the instruction."""
    answers = Answers(sides.chosen.text, sides.rejected.text, author, judge)
    return {**_pair(output, "sampled", answers, None, closes=True), "margin": sides.margin}


def _joined(corrected: Sequence[Corrected]) -> Answers:
    chosen, rejected = (
        SEPARATOR.join(text for text in texts if text)
        for texts in (
            [segment.row["text"] for segment in corrected],
            [segment.row["original"] for segment in corrected],
        )
    )
    # Tables from before there were decisions lack the column.
    by_person = next((segment.row for segment in corrected if segment.row.get("decision_id")), corrected[0].row)
    return Answers(chosen, rejected, corrected[0].author, by_person["corrector"])


def _pair(output: LongOutput, kind: PairKind, answers: Answers, upto: int | None, closes: bool) -> PreferencePair:
    whole = kind in WHOLE_KINDS
    return {
        "pair_id": f"{output['example_id']}-{kind}" + ("" if whole else f"-{upto:03d}"),
        "example_id": output["example_id"],
        "document_id": output["document_id"],
        "kind": kind,
        "upto": upto,
        "prompt": output["instruction"] if whole else output["request"],
        "prefix": "",
        "images": list(output["images"]),
        "chosen": answers.chosen,
        "rejected": answers.rejected,
        "closes": closes,
        "weight": 1.0,
        "margin": None,
        "author": answers.author,
        "corrector": answers.corrector,
    }
