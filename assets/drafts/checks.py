"""The rules that a shard's drafts must keep before they are corrected and ranked."""

from dataclasses import replace

import pandas as pd
import pyarrow as pa

from assets.drafts.draft import samples_of
from assets.drafts.schema import FINISHES
from assets.quality.model_markup import NO_MODEL_MARKUP, no_model_markup
from assets.quality.outcome import (
    MOST_NAMED,
    AssetRules,
    Context,
    Expectation,
    Outcome,
    Rule,
    Violation,
    plain_columns,
    violations,
)
from assets.quality.quarantine_share import SHARE_RULE, quarantine_share
from resources.recipe.model import Checks
from resources.text.words import count_words

RULES = (
    Rule("examples_covered", "Each example of the preference split has as many drafts as asked, any other has none."),
    Rule("ids_unique", "No example has two drafts of the same sample."),
    Rule("words_right", "The word count is right; only an empty draft has no word."),
    Rule("finish_known", f"Each draft says how it ended: {', '.join(FINISHES)}."),
    Rule("length_scored", "A length score, 0 to 100, stands exactly where a length is stated."),
    Rule("on_policy", "All drafts are by one checkpoint."),
    Rule("drafts_differ", "The drafts of an example differ from each other.", blocking=False),
    SHARE_RULE,
    NO_MODEL_MARKUP,
    Rule("mostly_whole", "At least the share checks.whole_drafts of the drafts ended by themselves.", blocking=False),
)


def flatten(table: pa.Table) -> pd.DataFrame:
    """A row per draft, named by example and sample; `words_off`: its word count minus the column; `empty_right`: it is
    called empty exactly where it has no word."""
    frame = plain_columns(table, ["example_id", "words", "finish", "length_score", "author"])
    frame["draft"] = [
        f"{row['example_id']}-{row['sample']}" for row in table.select(["example_id", "sample"]).to_pylist()
    ]
    frame["words_off"] = [
        count_words(text) - words
        for text, words in zip(table.column("output").to_pylist(), frame["words"], strict=True)
    ]
    frame["empty_right"] = (frame["words"] == 0) == (frame["finish"] == "empty")
    return frame


def expectations(_limits: Checks) -> list[Expectation]:
    """What holds for every row, and one author in all of them."""
    import great_expectations.expectations as gxe

    return [
        gxe.ExpectColumnValuesToBeUnique(column="draft", meta={"check": "ids_unique"}),
        gxe.ExpectColumnValuesToBeInSet(
            column="words_off", value_set=[0], meta={"check": "words_right", "why": "its word count is wrong"}
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="empty_right",
            value_set=[True],
            meta={"check": "words_right", "why": "it is called empty and has words, or the other way round"},
        ),
        gxe.ExpectColumnValuesToBeInSet(column="finish", value_set=list(FINISHES), meta={"check": "finish_known"}),
        gxe.ExpectColumnUniqueValueCountToBeBetween(column="author", max_value=1, meta={"check": "on_policy"}),
    ]


def preference_examples(context: Context) -> set[str]:
    """Ids of the shard's examples that are of the preference split, by `long_outputs`."""
    rows = context.upstream("long_outputs").select(["example_id", "split"]).to_pylist()
    return {row["example_id"] for row in rows if row["split"] == "preference"}


def examples_covered(context: Context) -> Outcome:
    """Samples 0, 1, 2, … of each example of the preference split, as many as the table's recipe asks for."""
    wanted = preference_examples(context)
    samples: dict[str, list[int]] = {example: [] for example in wanted}
    for row in context.table.select(["example_id", "sample"]).to_pylist():
        samples.setdefault(row["example_id"], []).append(row["sample"])
    recipe = context.recipe  # the table's own; unknown of an older table, which must agree with itself then
    count = samples_of(recipe.pairs) if recipe else max(map(len, samples.values()), default=0)
    asked = list(range(count))
    bad = {
        example: f"it has drafts {found} where {asked if example in wanted else 'none'} are asked"
        for example, found in sorted(samples.items())
        if example not in wanted or sorted(found) != asked
    }
    return violations("examples_covered", bad, len(wanted), "examples have too few drafts, or should have none")


def length_scored(context: Context) -> Outcome:
    """Against the stated lengths of `long_outputs`."""
    stated = {
        row["example_id"]: bool(row["required_words"])
        for row in context.upstream("long_outputs").select(["example_id", "required_words"]).to_pylist()
    }
    rows = context.table.select(["example_id", "length_score"]).to_pylist()
    bad = {
        row["example_id"]: f"its length score is {row['length_score']}"
        for row in rows
        if (row["length_score"] is not None) != stated.get(row["example_id"], False)
        or not 0 <= (row["length_score"] or 0) <= 100
    }
    return violations("length_scored", bad, len(rows), "drafts have no length score, or should have none")


def drafts_differ(context: Context) -> Outcome:
    """Counts the drafts of which their example has another one, word for word: a sign that nothing was drawn. Empty
    drafts are told apart elsewhere."""
    rows = [row for row in context.table.select(["example_id", "sample", "output"]).to_pylist() if row["output"]]
    first: dict[tuple[str, str], int] = {}
    bad: dict[str, str] = {}
    for row in sorted(rows, key=lambda row: (row["example_id"], row["sample"])):
        before = first.setdefault((row["example_id"], row["output"]), row["sample"])
        if before != row["sample"]:
            bad[f"{row['example_id']}-{row['sample']}"] = f"it is draft {before} once more"
    found = violations("drafts_differ", bad, len(rows), "drafts are the same as another of their example")
    return replace(found, metadata={**found.metadata, "distinct": len(first), "drafts": len(rows)})


def mostly_whole(context: Context) -> Outcome:
    """Counts the drafts that the token limit did not cut, that do not loop and are not empty."""
    limits: Checks = context.limits
    rows = context.table.select(["example_id", "sample", "finish"]).to_pylist()
    cut = [row for row in rows if row["finish"] != "stop"]
    whole = len(rows) - len(cut)
    if whole >= limits.whole_drafts * len(rows):
        return Outcome("mostly_whole", True, {"whole": whole, "drafts": len(rows)})
    return Outcome(
        "mostly_whole",
        False,
        {"whole": whole, "drafts": len(rows)},
        f"{len(cut)} of {len(rows)} drafts did not end by themselves: they are cut, loop or are empty",
        [
            Violation(f"{row['example_id']}-{row['sample']}", f"it ended by `{row['finish']}`")
            for row in cut[:MOST_NAMED]
        ],
    )


CHECKS = AssetRules(
    RULES,
    flatten,
    expectations,
    {
        "no_model_markup": no_model_markup,
        "examples_covered": examples_covered,
        "length_scored": length_scored,
        "drafts_differ": drafts_differ,
        "mostly_whole": mostly_whole,
        "quarantine_share": quarantine_share("drafts", lambda context: len(preference_examples(context))),
    },
)
