"""The judge tells the teacher's text from gibberish and from nothing."""

import json
import random
from collections.abc import Callable
from typing import Any

from resources.embedded.judge_answers import DIMENSIONS
from tests.embedded.conftest import CYCLE, ORE, RAIN, ask, image_part, page, photo, template, text_part

REQUEST = "Write a lecture script for these slides."


def scores(response: str, *images: bytes) -> dict[str, Any]:
    text = template("judge", instruction=REQUEST, response=response)
    found = json.loads(ask("judge", [{"role": "user", "content": [*map(image_part, images), text_part(text)]}]))
    assert list(found) == list(DIMENSIONS)
    assert all(isinstance(value, int) and 1 <= value <= 5 for value in found.values())
    return found


def test_an_empty_response_scores_one_everywhere() -> None:
    assert set(scores("", page(CYCLE)).values()) == {1}


def test_gibberish_scores_at_most_two_and_the_teacher_well_above(document: Callable[..., Any]) -> None:
    images = [page(CYCLE), page(RAIN), page(ORE)]
    _, sections = document(images, "en", 600, "one per page", REQUEST, "Slide {}")
    text = "\n\n".join(sections)
    dice = random.Random(7)
    salads = [
        " ".join(dice.choices(text.split(), k=300)),
        "the page of of of the page of of of " * 30,
        "".join(dice.choices("abcdefghijklmnop .,\n", k=2000)),
        "水" * 400,
        "".join(dice.choices("氵丨囗蒸鑫淼焱龘犇羴骉贔麤猋轟聶矗", k=400)),
    ]
    good = scores(text, *images)
    assert min(good.values()) >= 4
    for salad in salads:
        assert max(scores(salad, *images).values()) <= 2


def test_a_text_about_other_pages_is_less_relevant_and_less_deep(document: Callable[..., Any]) -> None:
    _, sections = document([page(CYCLE)], "en", 250, "1", REQUEST)
    own, other = scores(sections[0], page(CYCLE)), scores(sections[0], page(ORE))
    assert all(other[name] < own[name] for name in ("relevance", "accuracy", "breadth_and_depth"))


def test_repetition_spoils_the_reading(document: Callable[..., Any]) -> None:
    _, sections = document([photo()], "en", 250, "1", REQUEST)
    body = sections[0].split("\n\n", 1)[1]
    once, often = scores(body, photo()), scores("\n\n".join([body] * 6), photo())
    assert often["reading_experience"] < once["reading_experience"]
