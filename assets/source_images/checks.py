"""The rules that a shard's pages must keep before anything is asked about them."""

from collections import defaultdict
from dataclasses import replace

import pandas as pd
import pyarrow as pa

from assets.quality.outcome import AssetRules, Context, Expectation, Outcome, Rule, plain_columns, some, violations
from assets.quality.quarantine import QuarantineRow, read_quarantine
from assets.quality.quarantine_share import SHARE_RULE, quarantine_share
from assets.source_images.measure import is_blank
from resources.recipe.model import Checks

RULES = (
    Rule("pages_complete", "Each document has pages 1, 2, 3, … without a gap or a double."),
    Rule("images_stored", "Each page's image is in the store under its sha256."),
    Rule("sizes_sane", "Each page is between 1 and 20,000 pixels on both sides."),
    Rule("splits_whole", "A document stands in one split only, and the split is known."),
    SHARE_RULE,
    Rule("nothing_quarantined", "No document of the shard is in quarantine.", blocking=False),
    Rule("licence_known", "Each document has a licence in its collection's LICENCES.csv.", blocking=False),
    Rule("no_double_images", "No page image stands in two documents.", blocking=False),
    Rule("pages_differ", "No page is blank, or the same as another page of its document.", blocking=False),
)


def flatten(table: pa.Table) -> pd.DataFrame:
    """A row per page, named by its document and number."""
    columns = ["document_id", "page", "width", "height", "split", "kind", "licence", "image_sha256", "phash"]
    frame = plain_columns(table, columns)
    places = [f"{document} page {page}" for document, page in zip(frame["document_id"], frame["page"], strict=True)]
    frame.insert(0, "place", places)
    return frame


def expectations(_limits: Checks) -> list[Expectation]:
    """What holds for every row."""
    import great_expectations.expectations as gxe

    return [
        *(
            gxe.ExpectColumnValuesToBeBetween(column=side, min_value=1, max_value=20_000, meta={"check": "sizes_sane"})
            for side in ("width", "height")
        ),
        gxe.ExpectColumnValuesToNotBeInSet(
            column="licence",
            value_set=["unknown", ""],
            meta={"check": "licence_known", "why": "its licence is not known"},
        ),
    ]


def pages_complete(context: Context) -> Outcome:
    """By document, in the order of the rows."""
    pages = defaultdict(list)
    for row in context.table.select(["document_id", "page"]).to_pylist():
        pages[row["document_id"]].append(row["page"])
    bad = {
        document: f"its pages are {', '.join(map(str, numbers))}"
        for document, numbers in pages.items()
        if numbers != list(range(1, len(numbers) + 1))
    }
    return violations("pages_complete", bad, len(pages), "documents have a gap, a double or a wrong order")


def images_stored(context: Context) -> Outcome:
    """By the file's presence; its bytes are not read again."""
    rows = context.table.select(["document_id", "page", "image_sha256"]).to_pylist()
    bad = [
        f"{row['document_id']} page {row['page']}"
        for row in rows
        if len(row["image_sha256"]) != 64 or not context.store.image_path(row["image_sha256"]).is_file()
    ]
    return violations("images_stored", bad, len(rows), "images are not in the store", "its image is not in the store")


def splits_whole(context: Context) -> Outcome:
    """By document."""
    splits = defaultdict(set)
    for row in context.table.select(["document_id", "split"]).to_pylist():
        splits[row["document_id"]].add(row["split"])
    bad = {
        document: f"it stands in {', '.join(sorted(found))}"
        for document, found in splits.items()
        if len(found) != 1 or not found <= {"sft", "preference", "benchmark"}
    }
    return violations("splits_whole", bad, len(splits), "documents have no single, known split")


def quarantined(context: Context) -> list[QuarantineRow]:
    """What was set aside of the shard."""
    return read_quarantine(context.store, "source_images", context.shard)


def documents_found(context: Context) -> int:
    """How many documents the shard has, read or not."""
    return len(set(context.table.column("document_id").to_pylist())) + len(quarantined(context))


def nothing_quarantined(context: Context) -> Outcome:
    """By file; the sentence tells the reasons."""
    aside = {row["source"] or row["document_id"]: row["reason"] for row in quarantined(context)}
    total = documents_found(context)
    found = violations("nothing_quarantined", aside, total, "documents were set aside")
    says = f"{len(aside)} of {total} documents were set aside: {some(list(aside.values()), len(aside))}"
    return found if found.passed else replace(found, description=says)


def no_double_images(context: Context) -> Outcome:
    """By the sha256 of the stored image."""
    places = defaultdict[str, dict[str, int]](dict)  # image -> document -> its first such page
    for row in context.table.select(["document_id", "page", "image_sha256"]).to_pylist():
        places[row["image_sha256"]].setdefault(row["document_id"], row["page"])
    bad = dict[str, str]()
    for found in places.values():
        pages = [f"{document} page {page}" for document, page in found.items()]
        for page in pages if len(pages) > 1 else ():
            bad[page] = f"the same image as {', '.join(other for other in pages if other != page)}"
    return violations("no_double_images", bad, context.table.num_rows, "pages have an image of another document")


def pages_differ(context: Context) -> Outcome:
    """By the sha256 of the stored image; one without text is looked at."""
    seen: set[tuple[str, str]] = set()
    bad = dict[str, str]()
    columns = ["document_id", "page", "image_sha256", "ocr_text"]
    for row in context.table.select(columns).to_pylist():
        picture = (row["document_id"], row["image_sha256"])
        image = context.store.image_path(row["image_sha256"])
        blank = not row["ocr_text"] and image.is_file() and is_blank(image.read_bytes())
        if blank or picture in seen:
            place = f"{row['document_id']} page {row['page']}"
            bad[place] = "it is blank" if blank else "the same image as an earlier page of its document"
        seen.add(picture)
    return violations("pages_differ", bad, context.table.num_rows, "pages are blank or the same as another")


CHECKS = AssetRules(
    RULES,
    flatten,
    expectations,
    {
        "pages_complete": pages_complete,
        "images_stored": images_stored,
        "splits_whole": splits_whole,
        "quarantine_share": quarantine_share("source_images", documents_found),
        "nothing_quarantined": nothing_quarantined,
        "no_double_images": no_double_images,
        "pages_differ": pages_differ,
    },
)
