"""Documents that were moved to another shard: which rows of the shard they left no longer count, and what to run again.

A file that is moved to another collection is registered there, in another shard, while the shard that it left has its
rows until it is run again. The register (source_images/catalog.py) knows where the file lies now, so that decides: what
is written of a document counts in its shard of now alone, with the collection and the licence of that place. The rows
of the other shard are left out, not deleted, also before the new shard was run: a document is rather missing, and said
to be so, than trained on under the licence of a place that it was taken away from.
"""

from collections.abc import Sequence

from assets.long_outputs.schema import LONG_OUTPUTS
from assets.quality.quarantine import read_quarantine
from assets.source_images.catalog import current_shards
from assets.source_images.schema import SOURCE_IMAGES
from resources.store import Store


class MovedDocuments:
    """Which examples in the tables of these shards are of a document that is in another shard now.

    Raises CatalogError.
    """

    def __init__(self, store: Store, shards: Sequence[str]) -> None:
        now = current_shards(store.home)
        self._examples = {
            (shard, row["example_id"]): shard_now
            for shard in shards
            for row in store.rows(LONG_OUTPUTS, shard, ["example_id", "documents"])
            if (shard_now := next((now[name] for name in row["documents"] if now.get(name, shard) != shard), None))
        }

    def shard_now(self, shard: str, example_id: str) -> str | None:
        """The shard where a document of this example is now; None where the example counts in its own."""
        return self._examples.get((shard, example_id))


def moved_note(store: Store, shards: Sequence[str]) -> str:
    """How many documents moved, and which shards are to be run again: those that still hold them, and those that do not
    hold them yet. Empty where no table holds a moved document. Raises CatalogError."""
    now = current_shards(store.home)
    held = {
        shard: {row["document_id"] for row in store.rows(SOURCE_IMAGES, shard, ["document_id"])} for shard in shards
    }
    moved = {shard: {name for name in names if now.get(name, shard) != shard} for shard, names in held.items()}
    names = set().union(*moved.values())
    run_again = {shard for shard in moved if moved[shard]}
    run_again |= {now[name] for name in names if name not in held.get(now[name], ())}
    if not names:
        return ""
    return (
        f"{len(names)} document{'s' if len(names) > 1 else ''} moved to another shard: materialise "
        f"{', '.join(sorted(run_again))} again"
    )


def unread_note(store: Store, shards: Sequence[str]) -> str:
    """How many documents were added to these shards since they were run, and which to run again; empty where none was.

    Raises CatalogError.
    """
    now = current_shards(store.home)
    known = {row["document_id"] for shard in shards for row in store.rows(SOURCE_IMAGES, shard, ["document_id"])}
    known |= {row["document_id"] for shard in shards for row in read_quarantine(store, "source_images", shard)}
    unread = {name: shard for name, shard in now.items() if shard in set(shards) and name not in known}
    if not unread:
        return ""
    many = len(unread) > 1
    return (
        f"{len(unread)} document{'s' if many else ''} {'are' if many else 'is'} not read yet: materialise "
        f"{', '.join(sorted(set(unread.values())))} again"
    )


def document_shards(store: Store, shards: Sequence[str]) -> dict[str, str]:
    """document_id -> the shard whose pages tell where it is from: where it is now, else the first that has it.

    Raises CatalogError.
    """
    now, found = current_shards(store.home), dict[str, str]()
    for shard in shards:
        for row in store.rows(SOURCE_IMAGES, shard, ["document_id"]):
            if row["document_id"] not in found or now.get(row["document_id"]) == shard:
                found[row["document_id"]] = shard
    return found
