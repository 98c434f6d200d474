"""The rules that a shard's long texts must keep before they are cut, corrected or trained on."""

import pandas as pd
import pyarrow as pa

from assets.long_outputs.control import LEAST_WORDS
from assets.quality.model_markup import NO_MODEL_MARKUP, no_model_markup
from assets.quality.outcome import AssetRules, Context, Expectation, Outcome, Rule, plain_columns, violations
from assets.quality.quarantine import read_quarantine
from assets.quality.quarantine_share import SHARE_RULE, quarantine_share
from resources.recipe.model import Checks
from resources.text.headings import SEPARATOR
from resources.text.refusals import is_refusal
from resources.text.repetition import repeated_share
from resources.text.words import count_words, written_in_chinese

QUOTED = 100  # characters of a refusal, in what is said of it

RULES = (
    Rule("examples_covered", "Each instruction has an output or a quarantine row."),
    Rule("ids_unique", "No two rows have the same example_id."),
    Rule("text_present", f"Each output has at least {LEAST_WORDS} words, and its word count is right."),
    Rule("no_refusals", "No refusal and no error text stands in an output."),
    NO_MODEL_MARKUP,
    Rule("sections_join", "The sections, joined by blank lines, are the output; each names its ledger call."),
    Rule("pages_covered", "The sections of an example cover every page."),
    SHARE_RULE,
    Rule("length_near", "The length score is at least checks.length_score of the recipe.", blocking=False),
    Rule(
        "little_repetition",
        "At most the share checks.repeated_share of a text's sentences are repeats.",
        blocking=False,
    ),
    Rule("language_matches", "A Chinese example is written in Chinese, an English one is not.", blocking=False),
)


def flatten(table: pa.Table) -> pd.DataFrame:
    """A row per text; `words_off`: its word count minus the column; `repeated_share`: of its sentences, 0-1;
    `written_language`: zh or en."""
    frame = plain_columns(table, ["example_id", "language", "words", "length_score"])
    texts = table.column("output").to_pylist()
    frame["words_off"] = [count_words(text) - words for text, words in zip(texts, frame["words"], strict=True)]
    frame["repeated_share"] = [repeated_share(text) for text in texts]
    frame["written_language"] = ["zh" if written_in_chinese(text) else "en" for text in texts]
    return frame


def expectations(limits: Checks) -> list[Expectation]:
    """What holds for every row."""
    import great_expectations.expectations as gxe

    present = {"check": "text_present"}
    return [
        gxe.ExpectColumnValuesToBeUnique(column="example_id", meta={"check": "ids_unique"}),
        gxe.ExpectColumnValuesToBeBetween(column="words", min_value=LEAST_WORDS, meta=present),
        gxe.ExpectColumnValuesToBeInSet(
            column="words_off", value_set=[0], meta={**present, "why": "its word count is wrong"}
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="length_score", min_value=limits.length_score, meta={"check": "length_near"}
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="repeated_share", max_value=limits.repeated_share, meta={"check": "little_repetition"}
        ),
        gxe.ExpectColumnPairValuesToBeEqual(
            column_A="language", column_B="written_language", meta={"check": "language_matches"}
        ),
    ]


def examples_covered(context: Context) -> Outcome:
    """Against the examples of `instructions`."""
    wanted = set(context.upstream("instructions").column("example_id").to_pylist())
    written = set(context.table.column("example_id").to_pylist())
    aside = {row["example_id"] for row in read_quarantine(context.store, "long_outputs", context.shard)}
    return violations(
        "examples_covered",
        sorted(wanted - written - aside),
        len(wanted),
        "examples have no output",
        "it has no output, nor a row in quarantine",
    )


def no_refusals(context: Context) -> Outcome:
    """Section by section."""
    rows = context.table.select(["example_id", "sections"]).to_pylist()
    found = ((row, [section for section in row["sections"] if is_refusal(section["text"])]) for row in rows)
    bad = {
        f"{row['example_id']}-{refusals[0]['index']:03d}": f"it says: {refusals[0]['text'][:QUOTED]}"
        for row, refusals in found
        if refusals
    }
    return violations("no_refusals", bad, len(rows), "outputs hold a refusal or an error text")


def sections_join(context: Context) -> Outcome:
    """Character by character."""
    rows = context.table.select(["example_id", "output", "sections"]).to_pylist()
    bad = [
        row["example_id"]
        for row in rows
        if SEPARATOR.join(section["text"] for section in row["sections"]) != row["output"]
        or not all(section["call_id"] for section in row["sections"])
    ]
    return violations(
        "sections_join",
        bad,
        len(rows),
        "outputs are not their sections",
        "its sections join to another text, or name no call",
    )


def pages_covered(context: Context) -> Outcome:
    """Each page that an example has, and no other."""
    rows = context.table.select(["example_id", "images", "sections"]).to_pylist()
    bad = dict[str, str]()
    for row in rows:
        covered = {page for section in row["sections"] for page in section["pages"]}
        if left_out := set(range(1, len(row["images"]) + 1)) - covered:
            bad[f"{row['example_id']}-{min(left_out) - 1:03d}"] = f"no section is about page {min(left_out)}"
        elif len(covered) > len(row["images"]):
            bad[row["example_id"]] = f"its sections are about page {max(covered)} of {len(row['images'])}"
    return violations("pages_covered", bad, len(rows), "outputs leave a page out, or are about one that is not there")


def examples_asked(context: Context) -> int:
    """How many instructions the shard has."""
    return int(context.upstream("instructions").num_rows)


CHECKS = AssetRules(
    RULES,
    flatten,
    expectations,
    {
        "no_model_markup": no_model_markup,
        "examples_covered": examples_covered,
        "no_refusals": no_refusals,
        "sections_join": sections_join,
        "pages_covered": pages_covered,
        "quarantine_share": quarantine_share("long_outputs", examples_asked),
    },
)
