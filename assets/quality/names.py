"""What people know things by: file and page, in place of the ids of documents, examples, segments and pairs."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple, TypedDict

from resources.store import DamagedTableError, MissingTableError, Store
from resources.table import Int32, Row, Table

# Every id begins with its document's; `<document_id> page <n>` is a page of it.
ID = re.compile(r"(?<![0-9A-Za-z])([0-9a-f]{16})(?:-[0-9a-z_]+)*(?![0-9A-Za-z])(?:,? page (\d+))?")
SEGMENT = re.compile(r"\d{3}")  # the end of a segment's id


class _Page(TypedDict):
    document_id: str
    source_path: str


class _Example(TypedDict):
    example_id: str
    documents: list[str]
    pages: list[Int32]


class _File(NamedTuple):
    path: str
    pages: int


class _Images(NamedTuple):
    """Of each image of an example, the document and the page of it."""

    documents: list[str]
    pages: list[int]


@dataclass(frozen=True)
class Names:
    """document_id -> its file, and example_id -> its images, of the ids that `names_for` was asked for."""

    files: Mapping[str, _File] = field(default_factory=dict)
    examples: Mapping[str, _Images] = field(default_factory=dict)

    def of(self, found: str, image: int | None = None) -> str:
        """`decks/x.pdf`, `decks/x.pdf, page 2` or `a.png, b.png`: what an id is about; empty where it is not known.

        image: of an example, which of its images, 1-based; None: all.
        """
        parts = found.split("-")
        for end in range(len(parts), 0, -1):
            if images := self.examples.get("-".join(parts[:end])):
                rest = parts[end:]
                if image is None and parts[1] == "deck" and len(rest) == 1 and SEGMENT.fullmatch(rest[0]):
                    image = int(rest[0]) + 1
                return self._place(images, image)
        return self.files[parts[0]].path if parts[0] in self.files else ""

    def all_of(self, documents: Iterable[str]) -> str:
        """The files of several documents, those that are known."""
        return ", ".join(dict.fromkeys(self.files[name].path for name in documents if name in self.files))

    def told(self, text: str) -> str:
        """A text with each known id as file and page, the id behind it in brackets."""

        def name(match: re.Match[str]) -> str:
            place = self.place(match)
            return f"{place} ({_bare(match)})" if place else match[0]

        return ID.sub(name, text) if self.files else text

    def where(self, found: str) -> str:
        """File and page of an id, or of `<document_id> page <n>`; empty where it is not known, or no id."""
        match = ID.fullmatch(found)
        return self.place(match) if match else ""

    def place(self, match: re.Match[str]) -> str:
        """File and page of what ID matched; empty where it is not known."""
        place = self.of(_bare(match))
        return f"{place}, page {match[2]}" if place and match[2] else place

    def _place(self, images: _Images, image: int | None) -> str:
        documents, pages = images
        if image is not None and 0 < image <= len(documents):
            documents, pages = [documents[image - 1]], [pages[image - 1]]
        file = self.files.get(documents[0]) if len(set(documents)) == 1 else None
        if file is None or len(pages) == file.pages:
            return self.all_of(documents)
        first, last = min(pages), max(pages)
        return f"{file.path}, page {first}" if first == last else f"{file.path}, pages {first} to {last}"


def names_for(store: Store, shards: Iterable[str], texts: Iterable[str]) -> Names:
    """The names of all ids in some texts, out of the tables of these shards; those that are not there are left out.

    Tables are streamed and read only where there is an id; of what they hold, only what is asked for is kept.
    """
    wanted = {match[1] for text in texts for match in ID.finditer(text)}
    if not wanted:
        return Names()
    files, examples, shards = dict[str, _File](), dict[str, _Images](), list(shards)
    for shard in shards:
        for row in _rows(store, Table("instructions", _Example), shard):
            if row["example_id"][:16] in wanted:
                examples.setdefault(row["example_id"], _images(row))
    wanted.update(document for images in examples.values() for document in images.documents)
    for shard in shards:
        mine = dict[str, _File]()
        for page in _rows(store, Table("source_images", _Page), shard):
            if (document := page["document_id"]) in wanted and document not in files:
                mine[document] = _File(page["source_path"] or "", mine[document].pages + 1 if document in mine else 1)
        files |= {document: file for document, file in mine.items() if file.path}
    return Names(files, {name: images for name, images in examples.items() if images.documents})


def all_shards(store: Store) -> list[str]:
    """Every shard whose pages were read, whatever Dagster knows of it."""
    return sorted(path.stem for path in store.table_path("source_images", "any").parent.glob("*.parquet"))


def _bare(match: re.Match[str]) -> str:
    return match[0].partition(" page ")[0].rstrip(",")


def _images(row: _Example) -> _Images:
    documents, pages = row["documents"] or [], row["pages"] or []
    return _Images(documents * len(pages) if len(documents) == 1 else documents, pages)


def _rows(store: Store, table: Table[Row], shard: str) -> Iterator[Row]:
    with suppress(MissingTableError, DamagedTableError):
        yield from store.rows(table, shard, table.schema.names)
