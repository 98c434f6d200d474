"""The rules that a shard's pages must keep before anything is asked about them."""

from collections import defaultdict
from typing import Any

import pandas as pd
import pyarrow as pa

from assets.quality.outcome import AssetRules, Context, Outcome, Rule, violations
from assets.quality.quarantine import read_quarantine

QUARANTINE_SHARE = 0.5  # above it, something is wrong with the collection, not with a file

RULES = (
    Rule("pages_complete", "Each document has pages 1, 2, 3, … without a gap or a double."),
    Rule("images_stored", "Each page's image is in the store under its sha256."),
    Rule("sizes_sane", "Each page is between 1 and 20,000 pixels on both sides."),
    Rule("splits_whole", "A document stands in one split only, and the split is known."),
    Rule("quarantine_share", f"At most {QUARANTINE_SHARE:.0%} of the shard's documents are in quarantine."),
    Rule("nothing_quarantined", "No document of the shard is in quarantine.", blocking=False),
    Rule("licence_known", "Each document has a licence in its collection's LICENCES.csv.", blocking=False),
    Rule("no_double_images", "No page image stands in two documents.", blocking=False),
)


def flatten(table: pa.Table) -> pd.DataFrame:
    columns = ["document_id", "page", "width", "height", "split", "kind", "licence", "image_sha256", "phash"]
    return table.select(columns).to_pandas()


def expectations() -> list[Any]:
    import great_expectations.expectations as gxe

    return [
        *(
            gxe.ExpectColumnValuesToBeBetween(column=side, min_value=1, max_value=20_000, meta={"check": "sizes_sane"})
            for side in ("width", "height")
        ),
        gxe.ExpectColumnValuesToNotBeInSet(
            column="licence", value_set=["unknown", ""], meta={"check": "licence_known"}
        ),
    ]


def pages_complete(context: Context) -> Outcome:
    pages = defaultdict(list)
    for row in context.table.select(["document_id", "page"]).to_pylist():
        pages[row["document_id"]].append(row["page"])
    bad = [document for document, numbers in pages.items() if numbers != list(range(1, len(numbers) + 1))]
    return violations("pages_complete", bad, len(pages), "documents have a gap, a double or a wrong order")


def images_stored(context: Context) -> Outcome:
    images = context.table.column("image_sha256").to_pylist()
    bad = [image for image in images if len(image) != 64 or not context.store.image_path(image).is_file()]
    return violations("images_stored", bad, len(images), "images are not in the store")


def splits_whole(context: Context) -> Outcome:
    splits = defaultdict(set)
    for row in context.table.select(["document_id", "split"]).to_pylist():
        splits[row["document_id"]].add(row["split"])
    bad = [
        document
        for document, found in splits.items()
        if len(found) != 1 or not found <= {"sft", "preference", "benchmark"}
    ]
    return violations("splits_whole", bad, len(splits), "documents have no single, known split")


def quarantined(context: Context) -> list[dict[str, Any]]:
    return read_quarantine(context.store, "source_images", context.shard)


def documents_read(context: Context) -> int:
    return len(set(context.table.column("document_id").to_pylist()))


def quarantine_share(context: Context) -> Outcome:
    aside, read = len(quarantined(context)), documents_read(context)
    share = aside / max(1, aside + read)
    return Outcome(
        "quarantine_share",
        share <= QUARANTINE_SHARE,
        {"share": share, "quarantined": aside, "documents": aside + read},
        f"{aside} of {aside + read} documents are in quarantine" if share > QUARANTINE_SHARE else "",
    )


def nothing_quarantined(context: Context) -> Outcome:
    aside = quarantined(context)
    return violations(
        "nothing_quarantined",
        [row["reason"] for row in aside],
        len(aside) + documents_read(context),
        "documents were set aside",
    )


def no_double_images(context: Context) -> Outcome:
    documents = defaultdict(set)
    for row in context.table.select(["document_id", "image_sha256"]).to_pylist():
        documents[row["image_sha256"]].add(row["document_id"])
    bad = [image for image, found in documents.items() if len(found) > 1]
    return violations("no_double_images", bad, len(documents), "images stand in two documents")


CHECKS = AssetRules(
    RULES,
    flatten,
    expectations,
    {
        "pages_complete": pages_complete,
        "images_stored": images_stored,
        "splits_whole": splits_whole,
        "quarantine_share": quarantine_share,
        "nothing_quarantined": nothing_quarantined,
        "no_double_images": no_double_images,
    },
)
