"""Which shard a document belongs to: the last one of its collection, or the next where that is full. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping


def assign_shards(new: Iterable[tuple[str, str]], sizes: Mapping[str, int], limit: int) -> dict[str, str]:
    """The shard of each new document: the last one of its collection until that holds `limit`, then the next.

    new: (path, collection); sizes: documents by shard so far. Returns shard by path; shards are `<collection>-<nnn>`.
    """
    last: dict[str, int] = {}
    for shard in sizes:
        collection, number = split_shard(shard)
        last[collection] = max(number, last.get(collection, 1))
    counts = Counter(sizes)
    assigned: dict[str, str] = {}
    for path, collection in new:
        number = last.setdefault(collection, 1)
        if counts[f"{collection}-{number:03d}"] >= limit:
            number = last[collection] = number + 1
        assigned[path] = f"{collection}-{number:03d}"
        counts[assigned[path]] += 1
    return assigned


def split_shard(shard: str) -> tuple[str, int]:
    """(collection, number) of a shard's name."""
    collection, _, number = shard.rpartition("-")
    return collection, int(number)
