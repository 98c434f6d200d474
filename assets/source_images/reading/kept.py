"""Documents that were read, kept until their shard's table is written: a run that is killed goes on after the last."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from assets.source_images.reading.tasks import ReadPage
from resources.store import Store

VERSION = 1  # of what a page becomes; raise it with any change, so that nothing is taken over


class Kept:
    """`LWV_HOME/reading/<shard>/<document_id>.json`: the pages of a document, as they were read at `max_side`."""

    def __init__(self, store: Store, shard: str, max_side: int) -> None:
        self.folder = store.home / "reading" / shard
        self._store = store
        self._made = {"version": VERSION, "max_side": max_side}

    def keep(self, document_id: str, pages: Sequence[ReadPage]) -> None:
        """All pages of a document, in order."""
        self._store.write_json(self._path(document_id), {**self._made, "pages": [asdict(page) for page in pages]})

    def pages(self, document_id: str) -> list[ReadPage] | None:
        """What was kept; None where there is nothing, or nothing that can be used as it is."""
        try:
            found = json.loads(self._path(document_id).read_bytes())
            pages = [ReadPage(**page) for page in found.pop("pages")]
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None
        stored = all(self._store.image_path(page.image_sha256).is_file() for page in pages)
        return pages if found == self._made and stored else None

    def forget(self) -> None:
        """Once the table is written."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, document_id: str) -> Path:
        return self.folder / f"{document_id}.json"
