"""The rules that a shard's corrected segments must keep before pairs are made of them."""

import pandas as pd
import pyarrow as pa

from assets.corrected_segments.schema import ERRORS
from assets.quality.model_markup import NO_MODEL_MARKUP, no_model_markup
from assets.quality.outcome import AssetRules, Context, Expectation, Outcome, Rule, plain_columns, violations
from assets.quality.quarantine import read_quarantine
from assets.quality.quarantine_share import SHARE_RULE, quarantine_share
from resources.recipe.model import Checks

RULES = (
    Rule("segments_covered", "Each segment of the preference split has a row, or its example a quarantine row."),
    Rule("ids_unique", "No two rows have the same segment_id."),
    Rule("text_present", "No corrected segment is empty."),
    Rule("errors_known", f"Kinds of error are of {', '.join(ERRORS)}, and named exactly where a segment was edited."),
    Rule(
        "edited_true",
        "A segment is marked edited exactly where its text differs from the original, which is the one that was cut.",
    ),
    SHARE_RULE,
    NO_MODEL_MARKUP,
    Rule("something_edited", "The critic changed something.", blocking=False),
)


def flatten(table: pa.Table) -> pd.DataFrame:
    """A row per segment; `unknown_errors`: kinds of error that are none; `errors_fit`: named exactly where edited."""
    frame = plain_columns(table, ["segment_id", "words", "edited"])
    errors = table.column("errors").to_pylist()
    frame["unknown_errors"] = [len(set(found) - set(ERRORS)) for found in errors]
    frame["errors_fit"] = [bool(found) == edited for found, edited in zip(errors, frame["edited"], strict=True)]
    return frame


def expectations(_limits: Checks) -> list[Expectation]:
    """What holds for every row."""
    import great_expectations.expectations as gxe

    known = {"check": "errors_known"}
    return [
        gxe.ExpectColumnValuesToBeUnique(column="segment_id", meta={"check": "ids_unique"}),
        gxe.ExpectColumnValuesToBeBetween(
            column="words", min_value=1, meta={"check": "text_present", "why": "its text is empty"}
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="unknown_errors", value_set=[0], meta={**known, "why": "it names an unknown kind of error"}
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="errors_fit",
            value_set=[True],
            meta={**known, "why": "it is edited without a kind of error, or has one unedited"},
        ),
    ]


def segments_covered(context: Context) -> Outcome:
    """By segment, or by example where it is in quarantine; segments of other splits are violations too."""
    wanted = {
        row["segment_id"]: row["example_id"]
        for row in context.upstream("segments").select(["segment_id", "example_id", "split"]).to_pylist()
        if row["split"] == "preference"
    }
    aside = {row["example_id"] for row in read_quarantine(context.store, "corrected_segments", context.shard)}
    found = set(context.table.column("segment_id").to_pylist())
    missing = [segment for segment, example in wanted.items() if segment not in found and example not in aside]
    strange = dict.fromkeys(sorted(found - set(wanted)), "it is not of the preference split")
    return violations(
        "segments_covered",
        {**dict.fromkeys(missing, "it has no row, nor its example one in quarantine"), **strange},
        len(wanted),
        "segments are missing, or are not of the preference split",
    )


def edited_true(context: Context) -> Outcome:
    """Against the texts of the `segments` table as it is now."""
    originals = {
        row["segment_id"]: row["text"]
        for row in context.upstream("segments").select(["segment_id", "text"]).to_pylist()
    }
    rows = context.table.select(["segment_id", "original", "text", "edited"]).to_pylist()
    bad = {
        row["segment_id"]: "it is marked wrongly"
        if row["original"] == originals.get(row["segment_id"])
        else "its original is not the text that was cut"
        for row in rows
        if row["original"] != originals.get(row["segment_id"]) or row["edited"] != (row["text"] != row["original"])
    }
    return violations("edited_true", bad, len(rows), "segments are marked wrongly")


def something_edited(context: Context) -> Outcome:
    """Also passed where there is no segment. share: of edited ones, 0-1."""
    edited = sum(context.table.column("edited").to_pylist())
    rows = context.table.num_rows
    good = rows == 0 or edited > 0
    says = "" if good else f"none of {rows} segments was changed: the critic may not see the pages, or agrees with all"
    return Outcome("something_edited", good, {"share": edited / rows if rows else None, "edited": edited}, says)


def examples_asked(context: Context) -> int:
    """How many examples of the preference split were cut."""
    rows = context.upstream("segments").select(["example_id", "split"]).to_pylist()
    return len({row["example_id"] for row in rows if row["split"] == "preference"})


CHECKS = AssetRules(
    RULES,
    flatten,
    expectations,
    {
        "no_model_markup": no_model_markup,
        "segments_covered": segments_covered,
        "edited_true": edited_true,
        "something_edited": something_edited,
        "quarantine_share": quarantine_share("corrected_segments", examples_asked),
    },
)
