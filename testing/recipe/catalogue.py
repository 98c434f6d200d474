"""A catalogue of the paper's size and proportions: its documents, their few images, their source_images tables."""

import io
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256

from PIL import Image

from assets.quality.report import write_report
from assets.source_images.measure import perceptual_hash
from assets.source_images.schema import SOURCE_IMAGES, Kind, Page
from assets.source_images.splits import Split
from resources.store import Store
from testing.recipe.texts import CHINESE, draw, pool_words, text

PAPER: Mapping[Kind, int] = {"single": 8115, "multi": 6313, "deck": 7730}  # documents (docs/method.md 1.1)
HELD_OUT = 0.02  # further documents, as a share, that stand in the benchmark split
SHARD = 256  # documents
WORDS_PER_PAGE, PAGES = 200, (2, 30)
PLANT_EVERY = 200  # documents; one of so many is made to break each rule
PLANTS = (
    "in_benchmark",
    "in_benchmark_text",
    "duplicate",
    "near_duplicate",
    "length",
    "language",
    "repetition",
    "refusal",
)


@dataclass(frozen=True)
class Document:
    """plant: the rule that it is made to break, or empty; planted: the document that it copies for that."""

    index: int
    kind: Kind
    split: Split
    plant: str
    planted: int

    @property
    def document_id(self) -> str:
        return sha256(f"document {self.index}".encode()).hexdigest()[:16]

    @property
    def language(self) -> str:
        return "zh" if draw(self.index, "language") < CHINESE else "en"

    @property
    def words(self) -> int:
        return pool_words(draw(self.index, "words"))

    @property
    def pages(self) -> int:
        if self.kind == "deck":
            return min(PAGES[1], max(PAGES[0], round(self.words / WORDS_PER_PAGE)))
        return 1 if self.kind == "single" else 2 if draw(self.index, "pages") < 0.5 else 4

    def image(self, page: int) -> int:
        """The number of the image on a page: its own on all; a planted document has a held-out one's on page 1."""
        return self.planted if page == 1 and self.plant == "in_benchmark" else self.index


def documents(count: int) -> list[Document]:
    """`count` documents of the sft split in the paper's proportions, and the held-out ones, well mixed."""
    total, order = sum(PAPER.values()), random.Random(0)
    kinds = [kind for kind, share in PAPER.items() for _ in range(round(count * share / total))]
    held = round(count * HELD_OUT)
    splits: list[Split] = ["sft" for _ in kinds]
    splits += ["benchmark" for _ in range(held)]
    kinds += [kinds[order.randrange(len(kinds))] for _ in range(held)]
    both = list(zip(kinds, splits, strict=True))
    order.shuffle(both)
    held_out = [index for index, (_, split) in enumerate(both) if split == "benchmark"]
    sft = [index for index, (_, split) in enumerate(both) if split == "sft" and not _plant(index)]
    found = []
    for index, (kind, split) in enumerate(both):
        plant = _plant(index) if split == "sft" else ""
        copied = held_out if plant.startswith("in_benchmark") else sft
        found.append(Document(index, kind, split, plant, copied[(index // 2) % len(copied)]))
    return found


def _plant(index: int) -> str:
    place = index % PLANT_EVERY
    return PLANTS[place - 1] if 1 <= place <= len(PLANTS) and index > PLANT_EVERY else ""


def shards(found: list[Document]) -> dict[str, list[Document]]:
    return {
        f"synthetic-{start // SHARD + 1:03d}": found[start : start + SHARD] for start in range(0, len(found), SHARD)
    }


def jpeg(number: int) -> bytes:
    """A tiny picture of its own."""
    noise = random.Random(f"picture {number}")
    small = Image.frombytes("L", (6, 6), noise.randbytes(36))
    file = io.BytesIO()
    small.resize((48, 48), Image.Resampling.BICUBIC).save(file, "JPEG")
    return file.getvalue()


@cache
def image_names(number: int) -> tuple[str, str]:
    """(sha256, perceptual hash) of a picture."""
    return sha256(jpeg(number)).hexdigest(), perceptual_hash(jpeg(number))


def page_rows(document: Document, shard: str) -> Iterator[Page]:
    for page in range(1, document.pages + 1):
        image, phash = image_names(document.image(page))
        words = text(f"{document.index} page {page}", 30, document.language)
        yield {
            "document_id": document.document_id,
            "page": page,
            "collection": "synthetic",
            "shard": shard,
            "split": document.split,
            "kind": document.kind,
            "image_sha256": image,
            "width": 48,
            "height": 48,
            "phash": phash,
            "ocr_text": words,
            "language": document.language,
            "source_path": f"synthetic/{document.index}",
            "licence": "CC0-1.0",
            "reader": "pillow",
        }


def write_sources(store: Store, found: dict[str, list[Document]]) -> None:
    """Images (one for each document) and source_images, with the good report that the next steps ask for."""
    for shard, inside in found.items():
        for document in inside:
            store.put_image(jpeg(document.index))
        store.write_table(SOURCE_IMAGES, shard, (row for document in inside for row in page_rows(document, shard)))
        write_report(store, "source_images", shard, [], [], 0, 0)
