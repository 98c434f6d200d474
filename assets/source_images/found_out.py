"""What the runs of shards found out about documents that looked readable, or did not, by their headers."""

from collections import defaultdict
from collections.abc import Iterable

from assets.quality.quarantine import read_quarantine
from assets.source_images.register import Entry
from assets.source_images.schema import SOURCE_IMAGES
from resources.store import DamagedTableError, Store

STEP = SOURCE_IMAGES.name


def found_out(store: Store, entries: Iterable[Entry]) -> dict[str, bool]:
    """Path -> whether the document there could be read, of those whose shard was run and found otherwise than they
    looked. Where a table is damaged, nothing is found out."""
    shards = defaultdict[str, list[Entry]](list)
    for entry in entries:
        if not entry.gone and entry.duplicate_of is None and store.has_table(STEP, entry.shard):
            shards[entry.shard].append(entry)
    found: dict[str, bool] = {}
    for shard, documents in shards.items():
        try:
            aside = {row["document_id"] for row in read_quarantine(store, STEP, shard)}
            damaged = [entry for entry in documents if entry.document_id in aside]
            doubted = [entry for entry in documents if not entry.readable and entry not in damaged]
            read = read_ids(store, shard) if doubted else frozenset()
        except DamagedTableError:
            continue
        found.update((entry.path, False) for entry in damaged)
        found.update((entry.path, True) for entry in doubted if entry.document_id in read)
    return found


def read_ids(store: Store, shard: str) -> frozenset[str]:
    """Ids of the documents that have rows in a shard's table; none before it was run. Raises DamagedTableError."""
    if not store.has_table(STEP, shard):
        return frozenset()
    return frozenset(row["document_id"] for row in store.rows(SOURCE_IMAGES, shard, ["document_id"]))
