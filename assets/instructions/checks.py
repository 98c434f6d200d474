"""The rules that a shard's instructions must keep before anything is written to them."""

from collections.abc import Mapping, Sequence

import pandas as pd
import pyarrow as pa

from assets.instructions.requests import LEAST_CHARACTERS
from assets.instructions.schema import Instruction
from assets.quality.model_markup import NO_MODEL_MARKUP, no_model_markup
from assets.quality.outcome import AssetRules, Context, Expectation, Outcome, Rule, plain_columns, violations
from assets.quality.quarantine import read_quarantine
from assets.quality.quarantine_share import SHARE_RULE, quarantine_share
from resources.recipe.model import Checks

RULES = (
    Rule("documents_covered", "Each document of the shard has an instruction or a quarantine row."),
    Rule("ids_unique", "No two rows have the same example_id."),
    Rule(
        "instruction_present",
        f"Each instruction has {LEAST_CHARACTERS} to checks.instruction_characters characters and holds its request.",
    ),
    Rule("images_match", "Each example has the images of its documents that its pages name, in order."),
    Rule("length_sane", "A required length is between 50 and 100,000 words."),
    NO_MODEL_MARKUP,
    Rule("language_known", "The language is en or zh."),
    SHARE_RULE,
)


def flatten(table: pa.Table) -> pd.DataFrame:
    """A row per instruction; `characters`: its length; `holds_request`: its request stands in it."""
    frame = plain_columns(table, ["example_id", "required_words", "language"])
    instructions, requests = (table.column(name).to_pylist() for name in ("instruction", "request"))
    frame["characters"] = [len(text) for text in instructions]
    frame["holds_request"] = [
        bool(request) and request in text for request, text in zip(requests, instructions, strict=True)
    ]
    return frame


def expectations(limits: Checks) -> list[Expectation]:
    """What holds for every row."""
    import great_expectations.expectations as gxe

    present = {"check": "instruction_present"}
    return [
        gxe.ExpectColumnValuesToBeUnique(column="example_id", meta={"check": "ids_unique"}),
        gxe.ExpectColumnValuesToBeBetween(
            column="characters", min_value=LEAST_CHARACTERS, max_value=limits.instruction_characters, meta=present
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="holds_request", value_set=[True], meta={**present, "why": "its request does not stand in it"}
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="required_words", min_value=50, max_value=100_000, meta={"check": "length_sane"}
        ),
        gxe.ExpectColumnValuesToBeInSet(column="language", value_set=["en", "zh"], meta={"check": "language_known"}),
    ]


def documents_covered(context: Context) -> Outcome:
    """Against the documents of `source_images`."""
    documents = set(context.upstream("source_images").column("document_id").to_pylist())
    covered = {name for names in context.table.column("documents").to_pylist() for name in names}
    aside = {row["document_id"] for row in read_quarantine(context.store, "instructions", context.shard)}
    return violations(
        "documents_covered",
        sorted(documents - covered - aside),
        len(documents),
        "documents have no instruction",
        "it has no instruction, nor a row in quarantine",
    )


def images_of(row: Instruction, pages: Mapping[str, Sequence[str]]) -> list[str]:
    """What an example's images should be; pages: document -> its images. Raises IndexError where there is no page."""
    documents = row["documents"] * len(row["pages"]) if len(row["documents"]) == 1 else row["documents"]
    return [pages[document][page - 1] for document, page in zip(documents, row["pages"], strict=True)]


def images_match(context: Context) -> Outcome:
    """Against the page images of `source_images`."""
    pages: dict[str, list[str]] = {}
    for row in context.upstream("source_images").select(["document_id", "image_sha256"]).to_pylist():
        pages.setdefault(row["document_id"], []).append(row["image_sha256"])
    rows = context.table.select(["example_id", "documents", "pages", "images"]).to_pylist()
    bad = [row["example_id"] for row in rows if row["images"] != images_of(row, pages)]
    return violations(
        "images_match",
        bad,
        len(rows),
        "examples have other images than their document",
        "its images are not those of its pages",
    )


def examples_asked(context: Context) -> int:
    """How many examples the shard's documents made: each has a row, or is in quarantine."""
    return int(context.table.num_rows) + len(read_quarantine(context.store, "instructions", context.shard))


CHECKS = AssetRules(
    RULES,
    flatten,
    expectations,
    {
        "no_model_markup": no_model_markup,
        "documents_covered": documents_covered,
        "images_match": images_match,
        "quarantine_share": quarantine_share("instructions", examples_asked),
    },
)
