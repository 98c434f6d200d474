"""What the examples of a shard are made of: documents, groups of single images, chapters of long decks."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from assets.source_images.schema import Kind, Page
from assets.source_images.splits import Split
from resources.recipe.model import Instructions


@dataclass(frozen=True)
class Document:
    """The pages of one document, as `source_images` has them, in page order."""

    document_id: str
    kind: Kind
    split: Split
    language: str
    collection: str
    images: tuple[str, ...]


class Pool(NamedTuple):
    """What the single images of one group have in common."""

    collection: str
    split: Split
    language: str


@dataclass(frozen=True)
class Material:
    """The images of one example. pages: of its document, 1-based, one for each image (of a group: 1 each).

    part: (number, of how many) of a deck that is written in chapters.
    """

    example_id: str
    kind: Kind
    split: Split
    language: str
    collection: str
    documents: tuple[str, ...]
    images: tuple[str, ...]
    pages: tuple[int, ...]
    part: tuple[int, int] = (1, 1)
    deck_pages: int = 0

    @property
    def document_id(self) -> str:
        """The first document, whose id the example's begins with."""
        return self.documents[0]


def group_documents(pages: Iterable[Page], recipe: Instructions) -> list[Document]:
    """Rows of source_images (a document's rows stand together, in page order) as documents.

    A document is Chinese when most of its pages with text are; one in any other language is written about in English;
    of those without text, `chinese_share` are written about in Chinese.
    """
    grouped: dict[str, list[Page]] = {}
    for page in pages:
        grouped.setdefault(page["document_id"], []).append(page)
    documents = []
    for document_id, rows in grouped.items():
        languages = Counter(row["language"] for row in rows if row["language"] != "und")
        chinese = (
            languages.most_common(1)[0][0] == "zh"
            if languages
            else draw(document_id, "language") < recipe.chinese_share
        )
        documents.append(
            Document(
                document_id,
                rows[0]["kind"],
                rows[0]["split"],
                "zh" if chinese else "en",
                rows[0]["collection"],
                tuple(row["image_sha256"] for row in rows),
            )
        )
    return documents


def materials(documents: Sequence[Document], recipe: Instructions) -> list[Material]:
    """The examples of a shard's documents: each document, its chapters where it is a long deck, then the groups."""
    found = [material for document in documents for material in _of_document(document, recipe)]
    return [*found, *_groups(documents, recipe)]


def _of_document(document: Document, recipe: Instructions) -> Iterator[Material]:
    parts = (
        chapters(len(document.images), recipe.chapter_pages)
        if document.kind == "deck"
        else [range(1, len(document.images) + 1)]
    )
    for number, part in enumerate(parts, 1):
        suffix = f"-{number:02d}" if len(parts) > 1 else ""
        yield Material(
            f"{document.document_id}-{document.kind}{suffix}",
            document.kind,
            document.split,
            document.language,
            document.collection,
            (document.document_id,),
            tuple(document.images[page - 1] for page in part),
            tuple(part),
            (number, len(parts)),
            len(document.images),
        )


def chapters(pages: int, most: int) -> list[range]:
    """Pages 1 to `pages` in the fewest runs of at most `most`, as even as can be."""
    parts = -(-pages // most)
    edges = [round(number * pages / parts) for number in range(parts + 1)]
    return [range(first + 1, last + 1) for first, last in pairwise(edges)]


def _groups(documents: Sequence[Document], recipe: Instructions) -> Iterator[Material]:
    """Single images of one collection, split and language, in groups of the recipe's sizes.

    Which images, and in what order, follows from their ids; those left over after the last whole group are in none.
    """
    if not recipe.groups:
        return
    pools: dict[Pool, list[Document]] = {}
    for document in documents:
        if document.kind == "single" and draw(document.document_id, "group") < recipe.group_share:
            key = Pool(document.collection, document.split, document.language)
            pools.setdefault(key, []).append(document)
    for (collection, split, language), pool in sorted(pools.items()):
        pool.sort(key=lambda document: draw(document.document_id, "order"))
        while len(pool) >= min(recipe.groups):
            sizes = [size for size in recipe.groups if size <= len(pool)]
            size = sizes[int(draw(pool[0].document_id, "size") * len(sizes))]
            members, pool = pool[:size], pool[size:]
            yield Material(
                f"{members[0].document_id}-group{size}",
                "multi",
                split,
                language,
                collection,
                tuple(member.document_id for member in members),
                tuple(member.images[0] for member in members),
                (1,) * size,
            )


def draw(ident: str, what: str) -> float:
    """A number in [0, 1) from the hash of an id and a purpose, so that a rerun decides the same."""
    return int.from_bytes(hashlib.sha256(f"{ident}/{what}".encode()).digest()[:8], "big") / 2**64
