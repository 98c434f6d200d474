"""The rules that a shard's segments must keep before they are corrected."""

import pandas as pd
import pyarrow as pa

from assets.drafts.schema import DRAFTS
from assets.quality.model_markup import NO_MODEL_MARKUP, no_model_markup
from assets.quality.outcome import AssetRules, Context, Expectation, Outcome, Rule, plain_columns, violations
from assets.quality.quarantine_share import SHARE_RULE, quarantine_share
from resources.recipe.model import Checks
from resources.text.headings import SEPARATOR

RULES = (
    Rule("outputs_covered", "Each long output is cut, and nothing else is."),
    Rule("ids_unique", "No two rows have the same segment_id."),
    Rule(
        "joins_back",
        "The segments of an example, joined in order, are its output; those of a draft, whose pages may "
        "stand in any order, hold each of its lines.",
    ),
    Rule("deck_pages", "A deck has exactly one segment per page, in page order."),
    SHARE_RULE,
    NO_MODEL_MARKUP,
    Rule("nothing_missing", "No page was left unwritten.", blocking=False),
)


def flatten(table: pa.Table) -> pd.DataFrame:
    """A row per segment."""
    return plain_columns(table, ["segment_id", "index", "words"])


def expectations(_limits: Checks) -> list[Expectation]:
    """What holds for every row."""
    import great_expectations.expectations as gxe

    return [
        gxe.ExpectColumnValuesToBeUnique(column="segment_id", meta={"check": "ids_unique"}),
        gxe.ExpectColumnValuesToBeBetween(
            column="words", min_value=1, meta={"check": "nothing_missing", "why": "it was not written"}
        ),
    ]


def outputs_covered(context: Context) -> Outcome:
    """By example, both ways."""
    outputs = set(context.upstream("long_outputs").column("example_id").to_pylist())
    cut = set(context.table.column("example_id").to_pylist())
    bad = {
        name: "it has no segment" if name in outputs else "there is no such output" for name in sorted(outputs ^ cut)
    }
    return violations("outputs_covered", bad, len(outputs), "outputs have no segments, or segments no output")


def joins_back(context: Context) -> Outcome:
    """Against the text that was cut: the output, or the example's first draft."""
    texts: dict[str, list[str]] = {}
    drafted = set()
    for row in context.table.select(["example_id", "text", "drafted_by"]).to_pylist():
        texts.setdefault(row["example_id"], []).append(row["text"])
        if row["drafted_by"] == "checkpoint":
            drafted.add(row["example_id"])
    outputs = context.upstream("long_outputs").select(["example_id", "output"]).to_pylist()
    drafts = (
        {row["example_id"]: row["output"] for row in context.store.rows(DRAFTS, context.shard) if row["sample"] == 0}
        if drafted
        else {}
    )
    bad = [
        example
        for example, text in ((row["example_id"], row["output"]) for row in outputs)
        if (
            _lines("\n".join(texts[example])) != _lines(drafts.get(example, ""))
            if example in drafted
            else SEPARATOR.join(filter(None, texts.get(example, []))) != text
        )
    ]
    return violations(
        "joins_back",
        bad,
        len(outputs),
        "outputs are not what their segments join to",
        "its segments join to another text",
    )


def _lines(text: str) -> list[str]:
    return sorted(filter(None, map(str.strip, text.splitlines())))


def deck_pages(context: Context) -> Outcome:
    """Against the number of a deck's images."""
    pages: dict[str, list[int | None]] = {}
    for row in context.table.select(["example_id", "page"]).to_pylist():
        pages.setdefault(row["example_id"], []).append(row["page"])
    decks = [
        row
        for row in context.upstream("long_outputs").select(["example_id", "kind", "images"]).to_pylist()
        if row["kind"] == "deck"
    ]
    bad = [row["example_id"] for row in decks if pages.get(row["example_id"]) != list(range(1, len(row["images"]) + 1))]
    return violations(
        "deck_pages",
        bad,
        len(decks),
        "decks have not one segment per page",
        "it has not one segment per page, in order",
    )


def outputs_asked(context: Context) -> int:
    """How many long outputs the shard has."""
    return int(context.upstream("long_outputs").num_rows)


CHECKS = AssetRules(
    RULES,
    flatten,
    expectations,
    {
        "no_model_markup": no_model_markup,
        "outputs_covered": outputs_covered,
        "joins_back": joins_back,
        "deck_pages": deck_pages,
        "quarantine_share": quarantine_share("segments", outputs_asked),
    },
)
