"""What people can decide about, as the tables have it now: every segment, example and document of a shard."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from assets.corrected_segments.laid_over import critics_row
from assets.corrected_segments.schema import CORRECTED_SEGMENTS, CorrectedSegment
from assets.long_outputs.schema import LONG_OUTPUTS, LongOutput
from assets.segments.schema import SEGMENTS, Segment
from resources.decisions.decision import Shown, Target
from resources.store import Store


@dataclass(frozen=True)
class Place:
    """Where a target is, and what a person is shown of it. images: sha256 of each page. errors: the critic's."""

    target: Target
    shown: Shown
    shard: str
    output: LongOutput
    images: list[str]
    errors: list[str]

    @property
    def example_id(self) -> str:
        """The example that it is, or is of; of a document its first."""
        return self.output["example_id"]


def places(store: Store, shard: str) -> Iterator[Place]:
    """Every target of a shard; documents, examples and segments that were not made yet are left out."""
    outputs = _rows(store, shard)
    for output in outputs.values():
        held_out = output["split"] == "benchmark"
        whole = Shown(output["output"], output["output"], language=output["language"], held_out=held_out)
        yield Place(Target("example", output["example_id"]), whole, shard, output, output["images"], [])
        for name in output["documents"]:
            shown = Shown(name, name, held_out=held_out)
            yield Place(Target("document", name), shown, shard, output, output["images"], [])
    critics = dict[str, CorrectedSegment]()
    if store.has_table(CORRECTED_SEGMENTS.name, shard):
        critics = {row["segment_id"]: critics_row(row) for row in store.rows(CORRECTED_SEGMENTS, shard)}
    for segment in store.rows(SEGMENTS, shard) if store.has_table(SEGMENTS.name, shard) else ():
        if of := outputs.get(segment["example_id"]):
            yield segment_of(shard, of, segment, critics.get(segment["segment_id"]))


def find(store: Store, shards: Iterable[str], wanted: Collection[Target]) -> dict[Target, Place]:
    """Where these targets are; those that are gone are missing. No shard is read after the last one is found."""
    found = dict[Target, Place]()
    for shard in shards:
        if len(found) < len(wanted):
            found |= {place.target: place for place in places(store, shard) if place.target in wanted}
    return found


def segment_place(store: Store, shard: str, segment_id: str) -> Place | None:
    """Where one segment of this shard is; None where it is gone. Nothing of the others is read but their ids."""
    if not store.has_table(SEGMENTS.name, shard) or not store.has_table(LONG_OUTPUTS.name, shard):
        return None
    for segment in store.rows_where(SEGMENTS, shard, "segment_id", [segment_id]):
        critic = None
        if store.has_table(CORRECTED_SEGMENTS.name, shard):
            corrected = store.rows_where(CORRECTED_SEGMENTS, shard, "segment_id", [segment_id])
            critic = next(map(critics_row, corrected), None)
        for output in store.rows_where(LONG_OUTPUTS, shard, "example_id", [segment["example_id"]]):
            return segment_of(shard, output, segment, critic)
    return None


def segment_of(shard: str, output: LongOutput, segment: Segment, critic: CorrectedSegment | None) -> Place:
    """A segment's place. output: of its example; critic: the critic's row, None where it saw none of it."""
    page = segment["page"]
    shown = Shown(
        critic["text"] if critic else segment["text"],
        segment["text"],
        page if output["kind"] == "deck" else None,
        output["language"],
        segment["split"] == "benchmark",
    )
    images = [output["images"][page - 1]] if page else output["images"]
    target = Target("segment", segment["segment_id"])
    return Place(target, shown, shard, output, images, critic["errors"] if critic else [])


def _rows(store: Store, shard: str) -> dict[str, LongOutput]:
    if not store.has_table(LONG_OUTPUTS.name, shard):
        return {}
    return {row["example_id"]: row for row in store.rows(LONG_OUTPUTS, shard)}
