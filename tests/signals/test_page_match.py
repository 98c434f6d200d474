"""Numbers and names that are not on a page are found, in English and Chinese; those that are, in any form, are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.signals.page_match import PageMatch, PageWords, match_pages, told_names, told_numbers

PAGE = PageWords(
    "The water cycle\nKepler measured 1,250 litres in 2024/05/01\nAbout 45.0% comes from the sea\nThree steps in Geneva"
)
ZH_PAGE = PageWords(
    "水循环\n开普勒在2024年测得1250升\n约45%来自海洋\n共有二十三个步骤，见《天体运行》\n使用了GPT-4模型"
)
OTHER = PageWords("The next page\nTesla counted 777 engines in winter")
REQUEST = PageWords("Write a lecture of 90 minutes for Oslo.")


def match(text: str, page: PageWords = PAGE) -> PageMatch:
    return match_pages(text, [page], [page, OTHER], REQUEST)


@pytest.mark.parametrize(
    ("text", "off"),
    [
        ("It was 1250 litres, or 1,250 as some write it.", []),
        ("It was 1,520 litres.", ["1,520"]),
        ("In 2024, on 1 May, 45 % came from the sea, 45% to be exact.", []),
        ("In 2025 it was 54%.", ["2025", "54%"]),
        ("There are 3 steps on slide 9.", []),
        ("## Slide 12\n\n1. First\n2) Second\n\n90 minutes are enough.", []),
        ("It took 3.5 steps.", ["3.5"]),
        ("A full-width １２５０ is one too, １２５１ is not.", ["1251"]),
    ],
)
def test_a_number_that_is_not_on_the_page_is_found_whatever_its_form(text: str, off: list[str]) -> None:
    assert match(text).numbers_off == off


@pytest.mark.parametrize(
    ("text", "off"),
    [
        ("2024年测得1,250升，占45%。", []),
        ("一共有23个步骤。", []),
        ("第9页说，2023年测得1250升。", ["2023"]),
        ("一共有32个步骤。", ["32"]),
    ],
)
def test_chinese_numerals_on_the_page_count(text: str, off: list[str]) -> None:
    assert match(text, ZH_PAGE).numbers_off == off


@pytest.mark.parametrize(
    ("text", "off"),
    [
        ("The cycle was measured by Kepler in Geneva, or in Oslo.", []),
        ("The cycle was measured by Galileo.", ["Galileo"]),
        ("NASA said so. Someone else did too. “It runs to the sea.” Nobody knew. I'm sure, I think.", ["NASA"]),
        ("**Water Cycle**: it runs.\n- **Key Points**: two.\n\n### What Follows Then\n\nRivers run.", []),
        ("Rivers run, and so do other rivers. The Rivers run.", []),
        ("The iPhone and GPT4 are not there.", ["iPhone", "GPT4"]),
        ("All of Geneva's lakes and Kepler’s laws.", []),
    ],
)
def test_a_name_that_is_not_on_the_page_is_found_and_the_beginning_of_a_sentence_is_none(
    text: str, off: list[str]
) -> None:
    assert match(text).names_off == off


@pytest.mark.parametrize(
    ("text", "off"),
    [
        ("《天体运行》说明了GPT-4。", []),
        ("《几何原本》和Python说明了它。", ["Python", "几何原本"]),
    ],
)
def test_latin_names_and_titles_in_chinese_are_found(text: str, off: list[str]) -> None:
    assert match(text, ZH_PAGE).names_off == off


def test_what_stands_on_another_page_of_the_example_is_told_apart() -> None:
    found = match("There were 777 engines of Tesla and 778 of Galileo.")
    assert (found.numbers_off, found.numbers_elsewhere) == (["778"], ["777"])
    assert (found.names_off, found.names_elsewhere) == (["Galileo"], ["Tesla"])


def test_words_that_reading_glued_together_are_found() -> None:
    glued = PageWords("Gradientdescent byKepler inGeneva\nA step against theslope\nlearning rate")
    found = match_pages("Kepler explains gradient descent and the slope in Geneva.", [glued], [glued], REQUEST)
    assert found.names_off == []
    assert found.share is not None and found.share > 0.2


def test_a_page_without_words_says_nothing() -> None:
    found = match_pages("Galileo saw 12 moons.", [PageWords("STOP")], [PageWords("STOP"), PAGE], REQUEST)
    assert found == PageMatch(1, None, [], [], [], [])


def test_the_share_of_the_page_that_is_used() -> None:
    assert match("Nothing of it.").share == 0
    assert match(PAGE.text).share == 1
    assert match(ZH_PAGE.text, ZH_PAGE).share == 1


@given(st.text(max_size=300))
def test_a_page_that_is_read_aloud_has_no_number_or_name_that_is_not_on_it(text: str) -> None:
    page = PageWords(f"{text}\nalpha beta gamma delta epsilon zeta")
    found = match_pages(text, [page], [page], PageWords(""))
    assert found.numbers_off == found.numbers_elsewhere == []
    assert found.names_off == found.names_elsewhere == []


def test_each_is_told_once_in_order() -> None:
    assert told_numbers("5 and 7 and 5") == ["5", "7"]
    assert told_names("We met Bob, then Ann, then Bob's and Ann’s.") == ["Bob", "Ann"]
