"""No image and no text of the benchmark may be trained on: which training rows hold any of it, and what counts.

Images: the same bytes, or a perceptual hash nearby. Texts: runs of 13 words of an answer in a benchmark's reference, of
a page in a benchmark's page. A page without information (blank, or all but blank) occurs in many documents and shows
nothing, so it never counts; docs/datasets.md says what that means.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow.parquet as pq

from assets.long_outputs.schema import LONG_OUTPUTS
from assets.preference_pairs.schema import PreferencePair
from assets.quality.outcome import Outcome, violations
from assets.quality.quarantine import SetAside
from assets.sft_dataset.keep import Reason
from assets.sft_dataset.shingles import RunIndex, shingles
from assets.source_images.measure import detail_share
from assets.source_images.schema import SOURCE_IMAGES, Page
from assets.training_dataset import Manifest
from resources.store import BATCH_ROWS, Store
from resources.text.words import tokens

NEAR_BITS = 4  # of 64 perceptual hash bits that may differ: a copy that was scaled or compressed anew
BLANK_DETAIL, BLANK_WORDS = 0.005, 3  # a page with less than both is blank
SPARSE_DETAIL, SPARSE_WORDS = 0.1, 5  # with less than both, its perceptual hash tells pages apart too badly
SAME_WORDS = 0.8  # Jaccard similarity of the words on two pages with text, so that they are the same page
RUN = 13  # words, of the runs that are compared (as the contamination studies of GPT-3 have it)
ANSWER_SHARE = 0.3  # of an answer's runs, in one reference
PAGE_SHARE, PAGE_RUNS = 0.5, 20  # of a page's runs, where it has so many, in one page

PAGE_COLUMNS = ["document_id", "page", "split", "image_sha256", "phash", "ocr_text"]


@dataclass(frozen=True)
class HeldOutPage:
    """One page of the benchmark split, as other pages are compared with it."""

    where: str  # <document_id> page <n>
    image: str  # sha256
    words: frozenset[str]


class Benchmark:
    """The pages and reference texts of the benchmark split, in a form that finds them again in other rows."""

    def __init__(self, pages: Iterable[Page], references: Iterable[tuple[str, str]], store: Store) -> None:
        """pages: rows of source_images (PAGE_COLUMNS); references: (name, text), texts are read and not kept."""
        rows = list(pages)
        self.pages = [
            HeldOutPage(
                f"{row['document_id']} page {row['page']}", row["image_sha256"], frozenset(tokens(row["ocr_text"]))
            )
            for row in rows
        ]
        self.by_image = {page.image: page for page in self.pages}
        self.hashes = np.array([int(row["phash"], 16) for row in rows], np.uint64)
        self.page_runs = RunIndex(shingles(tokens(row["ocr_text"]), RUN) for row in rows)
        self.references, texts = list[str](), list[np.ndarray]()
        for name, text in references:
            self.references.append(name)
            texts.append(shingles(tokens(text), RUN))
        self.reference_runs = RunIndex(texts)
        self.detail = cache(lambda image: detail_share(store.read_image(image)))

    @classmethod
    def of(cls, store: Store, shards: Sequence[str]) -> "Benchmark":
        """The benchmark split of these shards' tables."""
        return cls(
            (
                row
                for shard in shards
                for row in store.rows(SOURCE_IMAGES, shard, PAGE_COLUMNS)
                if row["split"] == "benchmark"
            ),
            (
                (row["example_id"], row["output"])
                for shard in shards
                for row in store.rows(LONG_OUTPUTS, shard, ["example_id", "split", "output"])
                if row["split"] == "benchmark"
            ),
            store,
        )

    def page_reason(self, row: Page) -> Reason | None:
        """Why a page (a row of source_images) is one of the benchmark's."""
        text = tokens(row["ocr_text"])
        words, runs = frozenset(text), shingles(text, RUN)
        if (same := self.by_image.get(row["image_sha256"])) and not self._below(same, BLANK_DETAIL, BLANK_WORDS):
            return Reason("in_benchmark", f"an image is that of {same.where}")
        bits = np.bitwise_count(self.hashes ^ np.uint64(int(row["phash"], 16)))
        for near in (self.pages[place] for place in np.flatnonzero(bits <= NEAR_BITS)):
            if _same_words(words, near.words) and not self._below(near, SPARSE_DETAIL, SPARSE_WORDS):
                return Reason("in_benchmark", f"an image looks like that of {near.where}")
        share, index = self.page_runs.largest_share(runs) if len(runs) >= PAGE_RUNS else (0.0, -1)
        if share >= PAGE_SHARE:
            return Reason("in_benchmark", f"{share:.0%} of a page's text stands in {self.pages[index].where}")
        return None

    def answer_reason(self, text: str) -> Reason | None:
        """Why an answer is one of the benchmark's."""
        share, index = self.reference_runs.largest_share(shingles(tokens(text), RUN))
        if share >= ANSWER_SHARE:
            return Reason("in_benchmark", f"{share:.0%} of the text stands in the benchmark's {self.references[index]}")
        return None

    def _below(self, page: HeldOutPage, detail: float, words: int) -> bool:
        return len(page.words) < words and self.detail(page.image) < detail


class Contamination:
    """Whether a training row's images or answer are in the benchmark of these shards."""

    def __init__(self, store: Store, shards: Sequence[str]) -> None:
        self.benchmark = Benchmark.of(store, shards)
        self.images: dict[str, Reason] = {}  # sha256 of a page that may not be trained on
        for shard in shards if self.benchmark.pages else ():
            for row in store.rows(SOURCE_IMAGES, shard, PAGE_COLUMNS):
                if row["split"] != "benchmark" and (reason := self.benchmark.page_reason(row)):
                    self.images[row["image_sha256"]] = reason

    def reason(self, images: Iterable[str], answer: str) -> Reason | None:
        """Why a row may not be trained on, or None. images: sha256 of each."""
        return next(
            (self.images[image] for image in images if image in self.images), None
        ) or self.benchmark.answer_reason(answer)

    def clean_pairs(self, pairs: Iterable[PreferencePair], left_out: dict[str, SetAside]) -> Iterator[PreferencePair]:
        """The pairs without the benchmark's images and text; left_out: pair_id -> why, for the others."""
        for pair in pairs:
            if reason := self.reason(pair["images"], pair["chosen"]):
                left_out[pair["pair_id"]] = reason.set_aside(pair["document_id"], pair["example_id"])
            else:
                yield pair


def none_in_benchmark(store: Store, manifest: Manifest) -> Outcome:
    """The blocking rule of both data sets, on the file that was written: no row has the benchmark's image or text."""
    contamination, bad = Contamination(store, manifest.shards), dict[str, str]()
    text = "messages" if manifest.gate == "sft" else "chosen"
    with pq.ParquetFile(manifest.path) as file:
        for batch in file.iter_batches(BATCH_ROWS, columns=["id", "images", text]):
            for row in batch.to_pylist():
                answer = row["messages"][-1]["content"] if manifest.gate == "sft" else row["chosen"]
                images = [image["path"].rsplit("/", 1)[-1].removesuffix(".jpg") for image in row["images"]]
                if why := contamination.reason(images, answer):
                    bad[row["id"]] = why.says
    return violations("not_in_benchmark", bad, manifest.rows, "rows stand in the benchmark")


def _same_words(some: frozenset[str], others: frozenset[str]) -> bool:
    if max(len(some), len(others)) < SPARSE_WORDS:
        return True  # pictures without text: only how they look can tell
    return len(some & others) >= SAME_WORDS * len(some | others)
