"""The rules that a shard's preference pairs must keep before they are trained on."""

from collections import defaultdict
from typing import Any

import pandas as pd
import pyarrow as pa

from assets.preference_pairs.schema import KINDS
from assets.quality.outcome import Context, Outcome, RoomChecks, Rule, offenders

RULES = (
    Rule("ids_unique", "No two pairs have the same pair_id, and each kind is known."),
    Rule("sides_differ", "Chosen and rejected are both there and differ."),
    Rule("preference_split_only", "Every pair comes from a document of the preference split."),
    Rule("images_fit", "A cumulative pair of a deck has as many images as pages, and every image is in the store."),
    Rule("weights_add_up", "The pairs of one example and kind weigh 1 together."),
    Rule("prefix_only_where_shared", "Only shared_prefix pairs have a prefix."),
    Rule("pairs_from_edits", "Each example with an edit has pairs.", blocking=False),
)


def flatten(table: pa.Table) -> pd.DataFrame:
    frame = table.select(["pair_id", "kind", "upto", "weight"]).to_pandas()
    rows = table.select(["chosen", "rejected", "prefix", "kind"]).to_pylist()
    frame["sides_differ"] = [bool(row["chosen"]) and bool(row["rejected"]) and row["chosen"] != row["rejected"]
                             for row in rows]
    frame["stray_prefix"] = [bool(row["prefix"]) and row["kind"] != "shared_prefix" for row in rows]
    return frame


def expectations() -> list[Any]:
    import great_expectations.expectations as gxe

    return [
        gxe.ExpectColumnValuesToBeUnique(column="pair_id", meta={"check": "ids_unique"}),
        gxe.ExpectColumnValuesToBeInSet(column="kind", value_set=list(KINDS), meta={"check": "ids_unique"}),
        gxe.ExpectColumnValuesToBeInSet(column="sides_differ", value_set=[True], meta={"check": "sides_differ"}),
        gxe.ExpectColumnValuesToBeInSet(column="stray_prefix", value_set=[False],
                                        meta={"check": "prefix_only_where_shared"}),
    ]


def preference_split_only(context: Context) -> Outcome:
    pages = context.upstream("source_images").select(["document_id", "split"]).to_pylist()
    allowed = {row["document_id"] for row in pages if row["split"] == "preference"}
    documents = set(context.table.column("document_id").to_pylist())
    return offenders("preference_split_only", sorted(documents - allowed), len(documents),
                     "documents are not of the preference split")


def images_fit(context: Context) -> Outcome:
    decks = {row["example_id"] for row in context.upstream("long_outputs").select(["example_id", "kind"]).to_pylist()
             if row["kind"] == "deck"}
    rows = context.table.select(["pair_id", "example_id", "kind", "upto", "images"]).to_pylist()
    bad = [row["pair_id"] for row in rows
           if (row["kind"] == "cumulative" and row["example_id"] in decks and len(row["images"]) != row["upto"])
           or not row["images"] or not all(context.store.image_path(image).is_file() for image in row["images"])]
    return offenders("images_fit", bad, len(rows), "pairs have the wrong images")


def weights_add_up(context: Context) -> Outcome:
    sums: dict[tuple[str, str], float] = defaultdict(float)
    for row in context.table.select(["example_id", "kind", "weight"]).to_pylist():
        sums[row["example_id"], row["kind"]] += row["weight"]
    bad = [" ".join(key) for key, total in sums.items() if abs(total - 1.0) > 1e-3]
    return offenders("weights_add_up", bad, len(sums), "groups do not weigh 1")


def pairs_from_edits(context: Context) -> Outcome:
    edited = {row["example_id"]
              for row in context.upstream("corrected_segments").select(["example_id", "edited"]).to_pylist()
              if row["edited"]}
    paired = set(context.table.column("example_id").to_pylist())
    return offenders("pairs_from_edits", sorted(edited - paired), len(edited), "edited examples have no pair")


CHECKS = RoomChecks(RULES, flatten, expectations, {
    "preference_split_only": preference_split_only, "images_fit": images_fit, "weights_add_up": weights_add_up,
    "pairs_from_edits": pairs_from_edits})
