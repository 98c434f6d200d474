"""The critic finds the five kinds of planted error, leaves sound text alone, and finds nothing twice."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.embedded.critic_answers import KINDS, Task, correct
from resources.embedded.look import Look
from resources.embedded.reading import Page, statements_of
from tests.embedded.conftest import CYCLE, RAIN, ask, image_part, page, template, text_part

LOOK = Look("wide", ("white", "black"), 0.9, 0.1, 0.1, 0.0, 1.0, ("white",) * 9, (0.9,) * 9, (0.01,) * 9)
SOUND = (
    "## Slide 2\n\nThe page is about “Evaporation”. The sun heats the surface of the sea. Liquid water turns into "
    "vapour. About 90% of vapour comes from oceans.\n\nThe last line says that warm air can hold more vapour."
)
BEFORE = "## Slide 1\n\nWater is always on its way. Nothing in the sea stands still for long."
ZH_LINES = ("水循环", "太阳加热海洋的表面", "液态水变成水蒸气", "约90%的水汽来自海洋")
ZH_SOUND = "## 第2页\n\n这一页讲的是“水循环”。太阳加热海洋的表面。液态水变成水蒸气。约90%的水汽来自海洋。"


def page_of(*lines: str) -> Page:
    return Page(900, 560, lines, statements_of(lines), LOOK)


def task(segment: str, language: str = "en", before: str = BEFORE, lines: tuple[str, ...] = CYCLE) -> Task:
    return Task(language, "Write a lecture script.", before, segment, "", [page_of(*lines)])


def answer(segment: str, image: bytes, **slots: str) -> dict[str, Any]:
    text = template(
        "correct",
        **{"language": "en", "request": "Write a script.", "before": "", "after": "", "segment": segment, **slots},
    )
    return json.loads(ask("critic", [{"role": "user", "content": [image_part(image), text_part(text)]}]))


def test_a_sound_segment_comes_back_byte_for_byte() -> None:
    assert correct(task(SOUND))[::2] == ([], SOUND)
    assert correct(task(ZH_SOUND, "zh", "## 第1页\n\n开头。", ZH_LINES))[::2] == ([], ZH_SOUND)
    found = answer(SOUND, page(CYCLE), before=BEFORE)
    assert (found["errors"], found["text"]) == ([], SOUND)


PLANTED = {
    "missing": (SOUND.replace(" Liquid water turns into vapour.", ""), "Liquid water turns into vapour", True),
    "repetitive": (SOUND + " Nothing in the sea stands still for long.", "stands still", False),
    "irrelevant": (SOUND + " Then comes “a chart of volcanoes in Iceland”.", "Iceland", False),
    "factual": (SOUND.replace("90%", "40%"), "90%", True),
    "incoherent": (SOUND.removeprefix("## Slide 2\n\n"), "## Slide 2", True),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_planted_error_is_named_and_repaired(kind: str) -> None:
    segment, piece, stays = PLANTED[kind]
    errors, reason, text = correct(task(segment))
    assert errors == [kind] and reason.endswith(".")
    assert (piece in text) == stays


@pytest.mark.parametrize(
    ("segment", "kind", "piece", "stays"),
    [
        (ZH_SOUND.replace("液态水变成水蒸气。", ""), "missing", "液态水变成水蒸气", True),
        (ZH_SOUND + "太阳加热海洋的表面。", "repetitive", "太阳加热海洋的表面。太阳", False),
        (ZH_SOUND + "这里还写着“火山喷发的历史记录”。", "irrelevant", "火山", False),
        (ZH_SOUND + "一共有1234个例子。", "factual", "1234", False),
        (ZH_SOUND.removeprefix("## 第2页\n\n"), "incoherent", "## 第2页", True),
    ],
)
def test_a_planted_chinese_error_is_named_and_repaired(segment: str, kind: str, piece: str, stays: bool) -> None:
    errors, reason, text = correct(task(segment, "zh", "## 第1页\n\n开头在这里。", ZH_LINES))
    assert errors == [kind] and (piece in text) == stays and reason.endswith("。")


def test_a_number_is_taken_from_the_line_that_the_sentence_repeats() -> None:
    errors, _, text = correct(task(SOUND.replace("About 90%", "About 45%")))
    assert (errors, text) == (["factual"], SOUND)


def test_an_empty_segment_is_written_about_its_page() -> None:
    found = answer("", page(RAIN), before=SOUND, after="## Slide 4\n\nRivers run.")
    assert found["errors"] == ["missing"] and found["text"].startswith("## Slide 3\n\n")
    assert "Droplets gather around dust" in found["text"]


def test_a_start_inside_a_sentence_is_cut_off() -> None:
    errors, _, text = correct(task(SOUND.replace("\n\nThe page", "\n\nand so it went on. The page")))
    assert errors == ["incoherent"] and text == SOUND


def test_senseless_sentences_go() -> None:
    errors, _, text = correct(task(SOUND + " Sun sun sun sun sun page of of."))
    assert "incoherent" in errors and "Sun sun" not in text


def test_a_segment_that_shares_its_page_need_not_say_all_of_it() -> None:
    half = Task(
        "en",
        "Write.",
        "## Heat\n\nThe sun heats the surface of the sea. Liquid water turns into vapour.",
        "## Vapour\n\nAbout 90% of vapour comes from oceans.",
        "",
        [page_of(*CYCLE)],
    )
    assert correct(half)[0] == []


_PIECES = st.lists(
    st.sampled_from(
        [
            "The sun heats the surface of the sea.",
            "Liquid water turns into vapour.",
            "and then.",
            "It weighs 77 tons.",
            "“Ghosts walk at night” stands here.",
            "Water is always on its way.",
            "\n\n",
            "## Slide 2",
            "About 12% of vapour comes from oceans.",
            "of of of of of",
            "Warm air can hold more vapour.",
            "，",
            "3.5",
            "# Step: judge",
            "“",
            "</segment>",
        ]
    ),
    max_size=12,
).map(" ".join)


@settings(max_examples=150, deadline=None)
@given(_PIECES | st.text(max_size=80))
def test_correcting_a_corrected_segment_finds_nothing(segment: str) -> None:
    errors, _, text = correct(task(segment))
    assert bool(errors) == (text != segment)
    assert correct(task(text))[::2] == ([], text)


@settings(max_examples=60, deadline=None)
@given(_PIECES)
def test_correcting_twice_finds_nothing_in_chinese_or_on_a_page_without_text(segment: str) -> None:
    for language, lines in (("zh", ZH_LINES), ("en", ())):
        once = correct(task(segment, language, lines=lines))
        assert correct(task(once[2], language, lines=lines))[::2] == ([], once[2])
