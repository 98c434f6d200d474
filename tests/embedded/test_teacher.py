"""The teacher's requests, plans and sections are grounded, exact in form, near their length, and linked."""

import json
import re
from collections.abc import Callable

import pytest

from resources.embedded.planning import parse_plan
from resources.embedded.prose import quotes, split_sentences
from resources.embedded.reading import statements_of
from resources.text.words import count_words
from tests.embedded.conftest import (
    CYCLE,
    ORE,
    RAIN,
    ask,
    assistant,
    cjk_font,
    image_part,
    opening,
    page,
    photo,
    template,
    text_part,
    write_turn,
)

Document = Callable[..., tuple[str, list[str]]]
needs_cjk = pytest.mark.skipif(cjk_font() is None, reason="no font with Chinese characters on this system")


def request(kind: str, language: str, *images: bytes, **slots: object) -> str:
    return ask(
        "teacher",
        [
            {
                "role": "user",
                "content": [
                    *map(image_part, images),
                    text_part(template(kind, language=language, **{"wanted": "a long article", **slots})),
                ],
            }
        ],
    )


def test_a_request_quotes_the_text_of_the_page() -> None:
    made = request("single", "en", page(CYCLE))
    assert "Evaporation" in made and "\n" not in made


def test_a_request_about_a_picture_names_its_colours_and_quotes_nothing() -> None:
    made = request("single", "en", photo())
    assert "brown" in made and not quotes(made)
    assert "棕色" in request("single", "zh", photo())


def test_a_request_for_several_images_draws_on_the_first_and_the_last() -> None:
    made = request("rewrite", "en", page(CYCLE), page(ORE), request="Write about it.", count=2)
    assert "Evaporation" in made and "Types of Ore" in made


def test_a_request_for_a_kind_of_text_names_it_and_what_is_shown() -> None:
    made = request("single", "en", page(CYCLE), wanted="a travel guide")
    assert made.startswith("Write a travel guide") and "Evaporation" in made


def test_a_blank_image_has_nothing_to_do_with_any_request_and_a_long_one_is_recognised() -> None:
    def decide(image: bytes, given: str) -> dict[str, object]:
        return dict(json.loads(request("need_long", "en", image, request=given, words=1000)))

    found = decide(page(CYCLE), "Write a long article.")
    assert found["relevant"] is True and found["long"] is True
    assert decide(page(CYCLE), "What colour is it?")["long"] is False
    assert decide(page(()), "Write a long article.")["relevant"] is False


@pytest.mark.parametrize(
    ("language", "merged", "number"),
    [("en", "Explain it. Please write 1732-word in total.", "1732"), ("zh", "请讲解。请总共写950字。", "950")],
)
def test_a_rephrased_request_keeps_its_length_in_other_words(language: str, merged: str, number: str) -> None:
    made = ask(
        "teacher",
        [{"role": "user", "content": [text_part(template("state_length", language=language, merged=merged))]}],
    )
    assert number in made and made != merged


@pytest.mark.parametrize(
    ("total", "rule"), [(800, "one per page"), (607, "one per page"), (999, "2"), (1003, "7"), (2500, "19")]
)
@pytest.mark.parametrize("pictures", [False, True])
def test_a_plan_covers_every_page_and_adds_up_exactly(total: int, rule: str, pictures: bool) -> None:
    images = [page(CYCLE), page(RAIN), page(ORE)]
    if pictures:
        images = [photo(), photo("white", "navy"), photo("gold", "green")]
    plan = ask("teacher", opening(images, "Write.", "en", total, rule))
    sections = parse_plan(plan)
    assert json.loads(plan) == {
        "sections": [
            {"point": section.point, "words": section.words, "pages": list(section.pages)} for section in sections
        ]
    }
    assert len(sections) == (3 if "page" in rule else int(rule))
    assert sum(section.words for section in sections) == total and all(section.words > 0 for section in sections)
    assert {number for section in sections for number in section.pages} == {1, 2, 3}
    assert len({section.point for section in sections}) == len(sections)
    if "page" in rule:
        assert [section.pages for section in sections] == [(1,), (2,), (3,)]
        if not pictures:
            assert [section.point for section in sections] == [CYCLE[0], RAIN[0], ORE[0]]


def test_a_section_says_the_lines_of_its_page(document: Document) -> None:
    _, sections = document([page(CYCLE), page(ORE)], "en", 400, "one per page")
    for section, lines in zip(sections, (CYCLE, ORE), strict=True):
        assert all(line.lower() in section.lower() for line in lines if ":" not in line)
    assert "Hematite" not in sections[0]


def test_a_section_begins_with_the_heading_asked_for_and_has_no_other() -> None:
    messages = [
        *opening([page(CYCLE)], "Write.", "en", 200, "1"),
        assistant("a plan"),
        write_turn(1, 1, "en", "Evaporation", 200, "1", "Slide 1"),
    ]
    section = ask("teacher", messages)
    assert section.startswith("## Slide 1\n\n") and section.count("#") == 2


@pytest.mark.parametrize("words", [60, 90, 150, 200, 350, 600])
@pytest.mark.parametrize("kind", ["text", "photo"])
def test_a_section_comes_near_its_length(kind: str, words: int) -> None:
    image = page(CYCLE) if kind == "text" else photo()
    for language in ("en", "zh"):
        messages = [
            *opening([image], "Write.", language, words, "1"),
            assistant("plan"),
            write_turn(1, 1, language, "The subject", words, "1"),
        ]
        assert 0.8 <= count_words(ask("teacher", messages)) / words <= 1.25


def test_a_crowded_page_loses_its_last_lines_rather_than_its_length() -> None:
    names = (
        "Amber",
        "Basil",
        "Cedar",
        "Dahlia",
        "Elder",
        "Fennel",
        "Ginger",
        "Hazel",
        "Iris",
        "Juniper",
        "Kale",
        "Lotus",
    )
    lines = ("Garden Plants", *(f"{name} likes a sunny bed and dry soil" for name in names))
    messages = [
        *opening([page(lines, size=(900, 1000), step=70)], "Write.", "en", 100, "1"),
        assistant("plan"),
        write_turn(1, 2, "en", "Garden Plants", 100, "1"),
    ]
    section = ask("teacher", messages)
    assert "Amber" in section and "Lotus" not in section and count_words(section) <= 125


def test_a_section_reads_what_was_written_before_it() -> None:
    start = [
        *opening([page(CYCLE), page(RAIN)], "Write.", "en", 400, "one per page"),
        assistant(
            '{"sections": [{"point": "a", "words": 200, "pages": [1]}, {"point": "b", "words": 200, "pages": [2]}]}'
        ),
        write_turn(1, 2, "en", "a", 200, "1", "Slide 1"),
    ]
    turn = write_turn(2, 2, "en", "b", 200, "2", "Slide 2")
    for before, named in (
        ("## Solar heat\n\nThe sun shines.", "Solar heat"),
        ("## Slide 1\n\nWe begin with “Salt marshes”. More follows.", "Salt marshes"),
    ):
        opening_sentence = split_sentences(ask("teacher", [*start, assistant(before), turn]).split("\n")[2])[0]
        assert named in opening_sentence and "Clouds and Rain" in opening_sentence
    later = [*start, assistant("## Solar heat\n\nThe sun."), turn, assistant("## Fog\n\nIt lies low."), turn]
    opening_sentence = split_sentences(ask("teacher", later).split("\n")[2])[0]
    assert "Fog" in opening_sentence and "Solar" not in opening_sentence


@pytest.mark.parametrize(("rule", "heading"), [("1", ""), ("2", ""), ("4", ""), ("one per page", "Slide {}")])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_texts_and_pictures_may_be_mixed_in_any_order(
    document: Document,
    rule: str,
    heading: str,
    language: str,
) -> None:
    for images in ((page(CYCLE), photo()), (photo(), page(CYCLE)), (photo(), photo("gold", "navy"))):
        _, sections = document(list(images), language, 600, rule, heading=heading)
        assert 0.8 <= count_words("\n".join(sections)) / 600 <= 1.25


def test_sections_that_share_a_page_share_out_its_lines(document: Document) -> None:
    _, sections = document([page(CYCLE)], "en", 500, "2")
    assert "The sun heats" in sections[0] and "Warm air" in sections[1]
    assert "Warm air can hold" not in sections[0]


def test_sections_that_share_a_picture_do_not_say_the_same(document: Document) -> None:
    _, sections = document([photo()], "en", 800, "4")
    said = [sentence.strip() for section in sections for sentence in split_sentences(section)]
    assert len(set(said)) >= 0.9 * len(said)


def test_pictures_are_described_without_quotations_or_numbers(document: Document) -> None:
    _, sections = document([photo()], "en", 200, "1")
    assert not quotes(sections[0]) and not re.search(r"\d", sections[0])


@needs_cjk
def test_a_chinese_page_is_explained_in_chinese(document: Document) -> None:
    lines = ("水循环", "太阳加热海洋的表面", "液态水变成水蒸气", "约90%的水汽来自海洋")
    _, sections = document([page(lines, cjk_font())], "zh", 250, "1", "请写一份讲稿。", "第{}页")
    assert all(line in sections[0] for line in lines)
    assert not re.search("[a-zA-Z]", sections[0]) and 200 <= count_words(sections[0]) <= 312


def test_wrapped_lines_are_joined_and_furniture_is_left_out() -> None:
    found = statements_of(
        [
            "Soil and Water",
            "• Roots hold the soil in place and they keep the rain from",
            "washing it away",
            "- Second point: forty trees",
            "12",
            "Page 3 of 9",
            "https://example.org/x",
            "Sand",
            "Clay",
        ]
    )
    assert [statement.text for statement in found] == [
        "Soil and Water",
        "Roots hold the soil in place and they keep the rain from washing it away",
        "Second point: forty trees",
        "Sand Clay",
    ]
    assert [statement.kind for statement in found] == ["phrase", "sentence", "pair", "labels"]
