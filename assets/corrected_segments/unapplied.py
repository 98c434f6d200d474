"""Which shards' corrected segments are not as people's decisions have them now, so that they are to be made again."""

from collections.abc import Iterable, Sequence

from assets.corrected_segments.laid_over import lay_over
from assets.corrected_segments.schema import CORRECTED_SEGMENTS
from resources.decisions.decision import Decision
from resources.identity import short_hash
from resources.store import Store


def unapplied(store: Store, shards: Iterable[str], decisions: Sequence[Decision], alike: float) -> dict[str, str]:
    """Shard -> a name of the step that lies before it, from its table of now to the decisions that are to count; those
    that are up to date, or have no table, are left out. Nothing is read but the rows of decided segments."""
    wanted = {each.target for each in decisions if each.kind == "segment"}
    found = dict[str, str]()
    for shard in shards if wanted else ():
        if not store.has_table(CORRECTED_SEGMENTS.name, shard):
            continue
        rows = [row for row in store.rows(CORRECTED_SEGMENTS, shard) if row["segment_id"] in wanted]
        have = [row.get("decision_id") for row in rows]
        want = [row["decision_id"] for row in lay_over(rows, decisions, alike).rows]
        if have != want:
            found[shard] = short_hash([store.content(CORRECTED_SEGMENTS.name, shard), want])
    return found


def unapplied_note(found: Iterable[str]) -> str:
    """One clause for people on shards whose decisions are not applied yet; empty where there is none."""
    shards = sorted(found)
    named = f"{', '.join(shards[:3])}{', …' if len(shards) > 3 else ''}"
    return f"people's decisions on {named} are not applied yet: run corrections_job for them" if shards else ""
