"""What is known of a shard's segments besides their texts: gathered from its tables, its reports and the ledger."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from assets.corrected_segments.schema import CorrectedSegment
from assets.long_outputs.schema import LongOutput
from assets.signals.named import Named, read_named
from assets.signals.page_match import PageWords
from assets.signals.step import STEP
from assets.source_images.schema import Page
from resources.ledger import CallCost, Ledger
from resources.store import Store


@dataclass(frozen=True)
class Known:
    """pages: sha256 of an image -> the words that were read on it; corrected: by segment; calls: what a call took, by
    its id; named: the rules that name a segment."""

    pages: Mapping[str, PageWords] = field(default_factory=dict)
    corrected: Mapping[str, CorrectedSegment] = field(default_factory=dict)
    calls: Mapping[str, CallCost] = field(default_factory=dict)
    named: Named = field(default_factory=Named)


def read_known(
    store: Store,
    shard: str,
    pages: Collection[Page],
    outputs: Iterable[LongOutput],
    corrected: Collection[CorrectedSegment],
) -> Known:
    """pages, outputs, corrected: the shard's rows. The words of its pages were read when they were; nothing is read
    from an image here."""
    calls = [section["call_id"] for output in outputs for section in output["sections"]]
    calls += [row["call_id"] for row in corrected]
    ledger = Ledger.at(store.home)
    try:
        costs = ledger.costs(calls)
    finally:
        ledger.close()
    return Known(
        {page["image_sha256"]: PageWords(page["ocr_text"]) for page in pages},
        {row["segment_id"]: row for row in corrected},
        costs,
        read_named(store, shard, STEP.upstream, pages),
    )
