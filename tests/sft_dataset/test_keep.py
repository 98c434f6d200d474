"""What is kept: each rule alone decides on the row that breaks it, and each can be switched off."""

from typing import Any

import pytest

from assets.sft_dataset.keep import reason_to_drop, written_language
from resources.recipe.model import Keep
from resources.recipe.read import read_recipe
from resources.text.repetition import repeated_share
from resources.text.words import count_words
from testing.rows import chinese, english, written

GERMAN = (
    "Das Wasser fließt langsam durch den alten Garten, und niemand weiß genau, woher es kommt. "
    "Die Menschen im Dorf haben sich daran gewöhnt und erzählen ihren Kindern Geschichten über die Quelle. "
) * 3


def section(text: str, pages: list[int]) -> dict[str, Any]:
    return {
        "index": 0,
        "heading": "A",
        "target_words": 100,
        "text": text,
        "words": count_words(text),
        "pages": pages,
        "call_id": "c",
    }


GOOD = written("good", english(1, 300), required_words=300)
BAD: list[tuple[str, dict[str, Any], Keep]] = [  # kind, row, the switch that lets it pass
    (
        "refusal",
        {**GOOD, "sections": [section("## Slide 1\n\nI’m sorry, but I can’t help with that.", [1])]},
        Keep(refusals=False),
    ),
    (
        "refusal",
        {**GOOD, "sections": [section("## Slide 1\n\nA line.\n\nI'm sorry, but I can't go on.", [1])]},
        Keep(refusals=False),
    ),
    ("refusal", {**GOOD, "sections": [section("很抱歉，我无法协助。", [1])]}, Keep(refusals=False)),
    ("language", written("zh-asked", english(2, 300), language="zh"), Keep(language=False)),
    ("language", written("en-asked", chinese(2, 300)), Keep(language=False)),
    ("language", written("german", GERMAN), Keep(language=False, repeated_share=1)),
    ("coverage", {**GOOD, "images": ["a" * 64, "b" * 64]}, Keep(coverage=False)),
    (
        "coverage",
        {**GOOD, "sections": [*GOOD["sections"], section("## Slide 2", [2])], "images": ["a" * 64, "b" * 64]},
        Keep(coverage=False),
    ),  # a heading alone says nothing
    ("repetition", written("loop", "This sentence comes again and again. " * 40), Keep(repeated_share=1)),
    ("length", written("short", english(3, 100), required_words=1000), Keep(length_score=0)),
    ("length", written("long", english(4, 700), required_words=400), Keep(length_score=70)),
]


def test_a_good_row_is_kept_and_so_is_one_without_a_stated_length() -> None:
    assert reason_to_drop(GOOD, Keep()) is None
    assert reason_to_drop({**GOOD, "required_words": None}, Keep()) is None
    assert reason_to_drop(written("zh", chinese(1, 400), language="zh", required_words=400), Keep()) is None


@pytest.mark.parametrize(
    ("kind", "row", "off"), BAD, ids=[f"{kind}-{number}" for number, (kind, _, _) in enumerate(BAD)]
)
def test_a_bad_row_is_left_out_for_its_reason_and_kept_when_the_rule_is_off(
    kind: str,
    row: dict[str, Any],
    off: Keep,
) -> None:
    reason = reason_to_drop(row, Keep())
    assert reason is not None
    assert reason.kind == kind
    assert reason_to_drop(row, off) is None


@pytest.mark.parametrize(
    "text",
    [
        "\n\n".join(
            f"Here is what page {page} shows of the old town, its walls and its gates, part {page}.\n"
            + "\n".join(f"{number}. {english(page * 10 + number, 12)}" for number in range(1, 8))
            for page in range(1, 21)
        ),
        " ".join(f"He paused... {english(number, 15)} Yes. No." for number in range(1, 40)),
    ],
)
def test_numbers_of_a_list_and_sentences_of_a_word_are_no_repetition(text: str) -> None:
    assert repeated_share(text) < 0.05


def test_the_length_score_is_the_papers_and_its_border_is_kept() -> None:
    keep = Keep(length_score=80)
    assert reason_to_drop(written("low", english(5, 715), required_words=1000), keep) is None  # 80.07
    assert reason_to_drop(written("lower", english(5, 714), required_words=1000), keep) is not None  # 79.97
    assert reason_to_drop(written("high", english(5, 640), required_words=400), keep) is None  # 80.0


def test_the_papers_preset_keeps_what_is_too_short_or_repeats_itself() -> None:
    keep = read_recipe("paper").keep
    assert all(reason_to_drop(row, keep) is None for kind, row, _ in BAD if kind in ("length", "repetition"))


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (english(1, 200), "en"),
        (chinese(1, 200), "zh"),
        (GERMAN, "de"),
        ("Kurz.", "en"),
        (english(1, 100) + chinese(1, 100), "zh"),
        (english(1, 190) + chinese(1, 10), "en"),
    ],
)
def test_the_language_that_a_text_is_written_in(text: str, language: str) -> None:
    assert written_language(text) == language
