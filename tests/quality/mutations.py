"""What is done to good tables so that rules fail: each entry names just those that must."""

from collections.abc import Callable
from typing import Any

from resources.text.headings import SEPARATOR
from resources.text.words import count_words

Rows = list[dict[str, Any]]


def change(**values: Any) -> Callable[[Rows], Rows]:
    """The first row with other values."""
    return lambda rows: [{**rows[0], **values}, *rows[1:]]


def double(rows: Rows) -> Rows:
    return [*rows, rows[0]]


def less(rows: Rows) -> Rows:
    return rows[1:]


def edited_row(rows: Rows, **values: Any) -> Rows:
    index = next(i for i, row in enumerate(rows) if row["edited"])
    return [*rows[:index], {**rows[index], **values}, *rows[index + 1 :]]


def drafted_row(rows: Rows, **values: Any) -> Rows:
    index = next(i for i, row in enumerate(rows) if row["drafted_by"] == "checkpoint")
    return [*rows[:index], {**rows[index], **values}, *rows[index + 1 :]]


def pair_row(rows: Rows, kind: str, **values: Any) -> Rows:
    index = next(i for i, row in enumerate(rows) if row["kind"] == kind)
    return [*rows[:index], {**rows[index], **values}, *rows[index + 1 :]]


def first_section(rows: Rows, text: str) -> Rows:
    """A first section of long_outputs with another text; output and words follow, so that no other rule fails."""
    sections = [{**rows[0]["sections"][0], "text": text}, *rows[0]["sections"][1:]]
    output = SEPARATOR.join(section["text"] for section in sections)
    return [{**rows[0], "sections": sections, "output": output, "words": count_words(output)}, *rows[1:]]


def refusing(rows: Rows) -> Rows:
    text = f"## Slide 1\n\nI'm sorry, but I can't help with that. {rows[0]['sections'][0]['text']}"
    return first_section(rows, text)


def looping(rows: Rows) -> Rows:
    text = "## A\n\n" + "This sentence comes again. " * 20
    section = {**rows[0]["sections"][0], "text": text.strip(), "pages": list(range(1, len(rows[0]["images"]) + 1))}
    return [{**rows[0], "sections": [section], "output": text.strip(), "words": count_words(text)}, *rows[1:]]


def lost_page(rows: Rows) -> Rows:
    sections = [{**section, "pages": [1]} for section in rows[0]["sections"]]
    return [{**rows[0], "sections": sections}, *rows[1:]]


THOUGHT = "<think>\nThe user wants a text on this slide.\n</think>\n\nwriter-1"

# asset, what is done to its rows, the rules that must fail: just these.
MUTATIONS: list[tuple[str, Callable[[Rows], Rows], set[str]]] = [
    ("source_images", change(page=7), {"pages_complete"}),
    ("source_images", change(image_sha256="ab" * 32), {"images_stored"}),
    ("source_images", change(width=0), {"sizes_sane"}),
    ("source_images", change(split="train"), {"splits_whole"}),
    ("source_images", change(licence="unknown"), {"licence_known"}),
    (
        "source_images",
        lambda rows: [{**rows[0], "image_sha256": rows[-1]["image_sha256"]}, *rows[1:]],
        {"no_double_images"},
    ),
    (
        "source_images",
        lambda rows: [rows[0], {**rows[1], "image_sha256": rows[0]["image_sha256"]}, *rows[2:]],
        {"pages_differ"},
    ),
    ("instructions", less, {"documents_covered"}),
    ("instructions", double, {"ids_unique"}),
    ("instructions", change(instruction="Write."), {"instruction_present"}),
    ("instructions", change(instruction="Do something else entirely."), {"instruction_present"}),
    ("instructions", change(images=["ab" * 32]), {"images_match"}),
    ("instructions", change(required_words=3), {"length_sane"}),
    ("instructions", change(language="fr"), {"language_known"}),
    ("long_outputs", less, {"examples_covered"}),
    ("long_outputs", double, {"ids_unique"}),
    ("long_outputs", change(words=1_000_000), {"text_present"}),
    ("long_outputs", refusing, {"no_refusals"}),
    ("long_outputs", change(output="x " * 30, words=30), {"sections_join"}),
    ("long_outputs", lost_page, {"pages_covered"}),
    ("long_outputs", change(length_score=12.0), {"length_near"}),
    ("long_outputs", looping, {"little_repetition"}),
    ("long_outputs", change(language="zh"), {"language_matches"}),
    ("drafts", less, {"examples_covered"}),
    ("drafts", double, {"examples_covered", "ids_unique"}),
    ("drafts", change(words=7), {"words_right"}),
    ("drafts", change(finish="empty"), {"words_right"}),
    ("drafts", change(finish="bored"), {"finish_known"}),
    ("drafts", change(length_score=None), {"length_scored"}),
    ("drafts", change(length_score=120.0), {"length_scored"}),
    ("drafts", change(author="another sft 2"), {"on_policy"}),
    ("drafts", lambda rows: [{**row, "finish": "length"} for row in rows], {"mostly_whole"}),
    (
        "drafts",
        lambda rows: [{**row, "output": rows[0]["output"], "words": rows[0]["words"]} for row in rows],
        {"drafts_differ"},
    ),
    ("segments", double, {"ids_unique", "joins_back", "deck_pages"}),
    ("segments", change(text="Other words."), {"joins_back"}),
    ("segments", change(page=9), {"deck_pages"}),
    (
        "segments",
        lambda rows: [row for row in rows if row["example_id"] != rows[0]["example_id"]],
        {"outputs_covered", "joins_back", "deck_pages"},
    ),
    ("segments", change(words=0), {"nothing_missing"}),
    ("corrected_segments", less, {"segments_covered"}),
    ("corrected_segments", double, {"ids_unique"}),
    ("corrected_segments", change(words=0), {"text_present"}),
    ("corrected_segments", lambda rows: edited_row(rows, errors=["boring"]), {"errors_known"}),
    ("corrected_segments", lambda rows: edited_row(rows, errors=[]), {"errors_known"}),
    ("corrected_segments", lambda rows: edited_row(rows, edited=False, errors=[]), {"edited_true"}),
    ("corrected_segments", lambda rows: edited_row(rows, original="Other words."), {"edited_true"}),
    ("segments", lambda rows: drafted_row(rows, text="Other words."), {"joins_back"}),
    ("signals", less, {"segments_covered"}),
    ("signals", double, {"segments_covered"}),
    ("signals", change(segment_id=f"{'0' * 16}-deck-000"), {"segments_covered"}),
    ("signals", change(doubt=101), {"doubt_adds_up"}),
    ("signals", change(heading_lost=True), {"headings_kept"}),
    ("signals", lambda rows: [{**row, "page_share": 0.5, "numbers_off": ["987"]} for row in rows], {"faithful"}),
    ("signals", change(doubt=5, parts=[{"part": "length", "points": 5, "why": "short"}]), set()),
    ("signals", change(doubt=0, parts=[{"part": "length", "points": 0, "why": "as planned"}]), {"doubt_adds_up"}),
    ("preference_pairs", double, {"ids_unique", "weights_add_up"}),
    ("preference_pairs", change(kind="guessed"), {"ids_unique", "images_fit", "weights_add_up"}),
    ("preference_pairs", lambda rows: [{**rows[0], "rejected": rows[0]["chosen"]}, *rows[1:]], {"sides_differ"}),
    ("preference_pairs", change(document_id="0" * 16), {"preference_split_only"}),
    ("preference_pairs", change(images=["ab" * 32]), {"images_fit"}),
    ("preference_pairs", change(weight=5.0), {"weights_add_up"}),
    ("preference_pairs", change(prefix="Stray."), {"prefix_only_where_shared"}),
    ("preference_pairs", lambda rows: pair_row(rows, "whole", prompt="Write."), {"prompts_fit"}),
    ("preference_pairs", lambda rows: pair_row(rows, "sampled", closes=False), {"prompts_fit"}),
    ("preference_pairs", change(prompt="Write 900 words."), {"prompts_fit"}),
    ("preference_pairs", lambda rows: pair_row(rows, "whole", images=rows[0]["images"][:1]), {"images_fit"}),
    ("preference_pairs", lambda rows: pair_row(rows, "sampled", margin=0.5), {"margins_kept"}),
    ("preference_pairs", change(margin=20.0), {"margins_kept"}),
    ("preference_pairs", lambda rows: [row for row in rows if row["kind"] == "sampled"], {"pairs_from_edits"}),
    *((name, change(author=THOUGHT), {"no_model_markup"}) for name in ("instructions", "long_outputs", "segments")),
    ("drafts", lambda rows: [{**row, "author": THOUGHT} for row in rows], {"no_model_markup"}),
    ("corrected_segments", change(corrector=THOUGHT), {"no_model_markup"}),
    ("preference_pairs", change(corrector=THOUGHT), {"no_model_markup"}),
]
