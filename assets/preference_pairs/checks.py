"""The rules that a shard's preference pairs must keep before they are trained on."""

from collections import defaultdict

import pandas as pd
import pyarrow as pa

from assets.long_outputs.schema import LONG_OUTPUTS, LongOutput
from assets.preference_pairs.schema import KINDS, WHOLE_KINDS
from assets.quality.model_markup import NO_MODEL_MARKUP, no_model_markup
from assets.quality.outcome import AssetRules, Context, Expectation, Outcome, Rule, plain_columns, violations
from assets.quality.quarantine_share import SHARE_RULE, quarantine_share
from resources.recipe.model import Checks

RULES = (
    Rule("ids_unique", "No two pairs have the same pair_id, and each kind is known."),
    Rule("sides_differ", "Chosen and rejected are both there and differ."),
    Rule("preference_split_only", "Every pair comes from a document of the preference split."),
    Rule(
        "images_fit",
        "A cumulative pair of a deck has the images of its pages, any other pair all images of its "
        "example; every image is in the store.",
    ),
    Rule("prompts_fit", "Whole and sampled pairs ask with the length and close the answer; the others ask without it."),
    Rule("weights_add_up", "The pairs of one example and kind weigh 1 together."),
    Rule("prefix_only_where_shared", "Only shared_prefix pairs have a prefix."),
    Rule("margins_kept", "The sides of a sampled pair are as far apart as the recipe asks; others have no margin."),
    SHARE_RULE,
    NO_MODEL_MARKUP,
    Rule("pairs_from_edits", "Each example with an edit, and something to reject, has pairs.", blocking=False),
)


def flatten(table: pa.Table) -> pd.DataFrame:
    """A row per pair; `sides_differ`: both have text and differ; `stray_prefix`: a kind that has none has a prefix."""
    frame = plain_columns(table, ["pair_id", "kind", "upto", "weight"])
    rows = table.select(["chosen", "rejected", "prefix", "kind"]).to_pylist()
    frame["sides_differ"] = [
        bool(row["chosen"]) and bool(row["rejected"]) and row["chosen"] != row["rejected"] for row in rows
    ]
    frame["stray_prefix"] = [bool(row["prefix"]) and row["kind"] != "shared_prefix" for row in rows]
    return frame


def expectations(_limits: Checks) -> list[Expectation]:
    """What holds for every row."""
    import great_expectations.expectations as gxe

    return [
        gxe.ExpectColumnValuesToBeUnique(column="pair_id", meta={"check": "ids_unique"}),
        gxe.ExpectColumnValuesToBeInSet(column="kind", value_set=list(KINDS), meta={"check": "ids_unique"}),
        gxe.ExpectColumnValuesToBeInSet(
            column="sides_differ",
            value_set=[True],
            meta={"check": "sides_differ", "why": "a side is empty, or both are the same"},
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="stray_prefix",
            value_set=[False],
            meta={"check": "prefix_only_where_shared", "why": "its kind has no prefix"},
        ),
    ]


def preference_split_only(context: Context) -> Outcome:
    """By the splits of `source_images`."""
    pages = context.upstream("source_images").select(["document_id", "split"]).to_pylist()
    allowed = {row["document_id"] for row in pages if row["split"] == "preference"}
    documents = set(context.table.column("document_id").to_pylist())
    return violations(
        "preference_split_only",
        sorted(documents - allowed),
        len(documents),
        "documents are not of the preference split",
        "it is not of the preference split",
    )


def images_fit(context: Context) -> Outcome:
    """Against the images of `long_outputs` and the files of the store; an example that is not there has none."""
    examples = _examples(context, "kind", "images")
    rows = context.table.select(["pair_id", "example_id", "kind", "upto", "images"]).to_pylist()
    bad = []
    for row in rows:
        example = examples.get(row["example_id"])
        cut = row["kind"] == "cumulative" and example is not None and example["kind"] == "deck"
        if (
            not row["images"]
            or example is None
            or row["images"] != example["images"][: row["upto"] if cut else None]
            or not all(context.store.image_path(image).is_file() for image in row["images"])
        ):
            bad.append(row["pair_id"])
    return violations(
        "images_fit",
        bad,
        len(rows),
        "pairs have the wrong images",
        "its images are not those of its pages, or are gone",
    )


def prompts_fit(context: Context) -> Outcome:
    """Against the requests and instructions of `long_outputs`."""
    examples = _examples(context, "request", "instruction")
    rows = context.table.select(["pair_id", "example_id", "kind", "prompt", "closes"]).to_pylist()
    bad = []
    for row in rows:
        whole, example = row["kind"] in WHOLE_KINDS, examples.get(row["example_id"])
        asked = example and example["instruction" if whole else "request"]
        if row["prompt"] != asked or (whole and not row["closes"]):
            bad.append(row["pair_id"])
    return violations(
        "prompts_fit", bad, len(rows), "pairs ask for something else", "its prompt is not what its example asks"
    )


def _examples(context: Context, *columns: str) -> dict[str, LongOutput]:
    rows = context.store.rows(LONG_OUTPUTS, context.shard, ["example_id", *columns])
    return {row["example_id"]: row for row in rows}


def weights_add_up(context: Context) -> Outcome:
    """Within 0.001."""
    sums: dict[tuple[str, str], float] = defaultdict(float)
    for row in context.table.select(["example_id", "kind", "weight"]).to_pylist():
        sums[row["example_id"], row["kind"]] += row["weight"]
    bad = dict[str, str]()
    for (example, kind), total in sums.items():
        if abs(total - 1.0) > 1e-3:
            bad[example] = "; ".join(filter(None, (bad.get(example), f"its {kind} pairs weigh {total:.6g}")))
    return violations("weights_add_up", bad, len(sums), "groups do not weigh 1")


def margins_kept(context: Context) -> Outcome:
    """Points of (S_l + S_q) / 2, against the recipe that the table was made under."""
    recipe = context.recipe  # the table's own; of an older table the least margin is unknown
    least = (recipe.pairs.margin if recipe else 0.0) - 1e-3  # the column is a 32-bit float
    rows = context.table.select(["pair_id", "kind", "margin"]).to_pylist()
    bad = {
        row["pair_id"]: f"a {row['kind']} pair with a margin of {row['margin']}"
        for row in rows
        if (row["kind"] == "sampled") != (row["margin"] is not None) or (row["margin"] or least) < least
    }
    return violations("margins_kept", bad, len(rows), "pairs have a margin that is too small, or should have none")


def edited_examples(context: Context) -> set[str]:
    """The examples of which there should be pairs of corrections; none where the recipe wants no such pairs."""
    pairs = context.recipe.pairs if context.recipe else None
    if pairs is not None and not (pairs.cumulative or pairs.shared_prefix or pairs.whole):
        return set()
    rows = context.upstream("corrected_segments").select(["example_id", "edited", "original"]).to_pylist()
    return {row["example_id"] for row in rows if row["edited"]} & {row["example_id"] for row in rows if row["original"]}


def examples_asked(context: Context) -> int:
    """How many examples of the preference split were written."""
    return sum(row["split"] == "preference" for row in _examples(context, "split").values())


def pairs_from_edits(context: Context) -> Outcome:
    """Only of corrections: an example that has nothing but a sampled pair has lost its edits."""
    edited = edited_examples(context)
    paired = {
        row["example_id"]
        for row in context.table.select(["example_id", "kind"]).to_pylist()
        if row["kind"] != "sampled"
    }
    return violations(
        "pairs_from_edits",
        sorted(edited - paired),
        len(edited),
        "edited examples have no pair",
        "it was edited and has no pair",
    )


CHECKS = AssetRules(
    RULES,
    flatten,
    expectations,
    {
        "no_model_markup": no_model_markup,
        "preference_split_only": preference_split_only,
        "images_fit": images_fit,
        "prompts_fit": prompts_fit,
        "weights_add_up": weights_add_up,
        "margins_kept": margins_kept,
        "pairs_from_edits": pairs_from_edits,
        "quarantine_share": quarantine_share(
            "preference_pairs", examples_asked, due=lambda context: len(edited_examples(context))
        ),
    },
)
