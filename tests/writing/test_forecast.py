"""The forecast: what a shard will take at the least and at the most, and which documents cannot fit."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.instructions.schema import Instruction
from assets.long_outputs.context_need import Context, fitting_pages, least_need, least_vision, why_not
from assets.long_outputs.writing_forecast import (
    PLANS_TWICE,
    SECTIONS_TWICE,
    THOUGHT_TOKENS,
    Load,
    forecast,
    forecast_writing,
)
from resources.endpoints import Endpoint, Wire
from resources.engine import ModelEngine
from resources.engine.money import Price
from resources.engine.server_facts import ServerFacts
from resources.ledger import Ledger
from resources.recipe.model import Writing

PAGE = (1024, 768)


def deck(pages: int, ident: str = "a-deck", **changed: Any) -> Instruction:
    return {
        "example_id": ident,
        "kind": "deck",
        "images": [f"{page:064x}" for page in range(pages)],
        "target_words": 200 * pages,
        "length_from": "none",
        "language": "en",
        **changed,
    }  # type: ignore[typeddict-item]


def engine_at(home: Path, model: str, reasoning_tokens: int = 0) -> ModelEngine:
    endpoint = Endpoint("teacher", "http://127.0.0.1:9/v1", model, wire=Wire(reasoning_tokens=reasoning_tokens))
    return ModelEngine({"teacher": endpoint}, Ledger.at(home), lambda image: b"")


def test_the_low_forecast_is_the_sum_of_what_each_call_will_send_and_the_high_adds_repairs() -> None:
    found = forecast([deck(2)], lambda images: 2000, Price(1, 0.1, 10), 100.0, 4, Writing())
    assert (found.documents, found.calls) == (1, 3)
    prompts = [2500, 2500 + 90 + 100, 2500 + 90 + 100 + 280 + 100]
    assert found.low == Load(3, sum(prompts), (2500 + 90) + (2500 + 90 + 100 + 280), 2 * 45 + 2 * 280)
    assert found.seconds and found.seconds[0] == pytest.approx(650 / 100)  # one chain: more slots do not help it
    twice = [PLANS_TWICE, SECTIONS_TWICE, SECTIONS_TWICE]
    answers = [90, 280, 280]
    assert found.high.calls == pytest.approx(3 + sum(twice))
    assert found.high.completion == pytest.approx(650 + sum(t * a for t, a in zip(twice, answers, strict=True)))
    assert found.high.prompt == pytest.approx(
        sum(prompts) + sum(t * (p + a + 100) for t, p, a in zip(twice, prompts, answers, strict=True))
    )
    thinking = forecast([deck(2)], lambda images: 2000, None, None, 4, Writing(), thoughts=1000)
    assert thinking.low == found.low
    assert thinking.high.completion == pytest.approx(found.high.completion + 1000 * found.high.calls)


def test_the_forecast_says_ranges_and_the_price_without_a_cache() -> None:
    found = str(forecast([deck(10)] * 10, lambda images: 10_000, Price(1, 0.1, 10), 50.0, 4, Writing()))
    assert "110 to 146 calls" in found
    assert "$0.57 to $0.73 ($2.28 where nothing is cached)" in found
    assert " s to " in found or " min to " in found
    unknown = str(forecast([deck(10)], lambda images: 10_000, None, None, 4, Writing()))
    assert "no price known, no speed known yet" in unknown
    assert str(forecast([], lambda images: 0, None, None, 4, Writing())).startswith("0 documents, 0 to 0 calls")


@given(st.integers(1, 60), st.integers(0, 4000), st.integers(1, 64), st.booleans())
def test_high_is_never_below_low(pages: int, vision: int, slots: int, stated: bool) -> None:
    example = deck(pages, length_from="stated" if stated else "back_translated")
    found = forecast([example], lambda images: vision, Price(1, 0.1, 10), 50.0, slots, Writing())
    assert all(high > low for low, high in zip(found.low, found.high, strict=True))
    assert found.seconds and found.seconds[0] < found.seconds[1]


def test_a_model_that_thinks_has_a_higher_high(tmp_path: Path) -> None:
    plain, known_to, given_room = (
        forecast_writing([deck(2)], lambda image: PAGE, engine_at(tmp_path, model, room), Writing(), ServerFacts())
        for model, room in (("gpt-4.1", 0), ("gpt-5", 0), ("my-own", 3000))
    )
    assert known_to.high.completion == pytest.approx(plain.high.completion + THOUGHT_TOKENS * plain.high.calls)
    assert given_room.high.completion == pytest.approx(plain.high.completion + 3000 * plain.high.calls)
    assert plain.price == Price(2, 0.5, 8)


def test_the_server_s_price_counts_where_no_table_has_the_model(tmp_path: Path) -> None:
    engine = engine_at(tmp_path, "some/model")
    found = forecast_writing([deck(2)], lambda image: PAGE, engine, Writing(), ServerFacts(price=(1, 0.5, 2)))
    assert found.price == Price(1, 0.5, 2)


def test_26_pages_do_not_fit_a_qwen_with_32k_and_the_advice_makes_chapters_that_do(tmp_path: Path) -> None:
    """reference: 26 pages of 1024 x 768 are about 26k vision tokens; with the text they pass a 32k context late."""
    engine = engine_at(tmp_path, "Qwen/Qwen2.5-VL-7B-Instruct")
    facts = ServerFacts(context=32_768)
    found = forecast_writing([deck(26, "long"), deck(9, "short")], lambda image: PAGE, engine, Writing(), facts)
    (example, why), *more = found.misfits.items()
    assert (example, more, found.documents) == ("long", [], 1)
    assert "26 images 25,974" in why and "takes 32,768 (http://127.0.0.1:9/v1 says)" in why
    assert "--max-model-len" in why and "LWV_MAX_SIDE" in why
    pages = int(why.split("chapter_pages` to ")[1].split()[0])
    assert 15 <= pages < 26
    assert forecast_writing([deck(pages)], lambda image: PAGE, engine, Writing(), facts).misfits == {}
    assert "1 more do not fit the context of 32,768 tokens (http://127.0.0.1:9/v1 says)" in str(found)
    assert forecast_writing([deck(26)], lambda image: PAGE, engine, Writing(), ServerFacts()).misfits == {}


def test_the_table_s_context_counts_where_the_server_does_not_say(tmp_path: Path) -> None:
    engine = engine_at(tmp_path, "gpt-4")
    found = forecast_writing([deck(26)], lambda image: PAGE, engine, Writing(), ServerFacts())
    assert "gpt-4 takes 8,192 (the table of known models)" in found.misfits["a-deck"]
    found = forecast_writing([deck(26)], lambda image: PAGE, engine, Writing(), ServerFacts(context=128_000))
    assert found.misfits == {}


def test_images_of_a_model_whose_rule_is_unknown_are_counted_at_the_least() -> None:
    sizes = [PAGE] * 26
    assert least_vision("google/gemma-3-27b-it", sizes) == 26 * 64
    assert least_vision("Qwen/Qwen3-VL-8B-Instruct", sizes) == 26 * 32 * 24
    assert least_vision("qwen2.5vl:7b", sizes) == 26 * 37 * 27


@given(st.integers(1, 80), st.integers(0, 3000), st.integers(256, 200_000), st.sampled_from(["en", "zh"]))
def test_a_refused_deck_fits_once_it_is_as_short_as_the_advice_says(
    pages: int, each: int, context: int, language: str
) -> None:
    recipe, example = Writing(), deck(pages, language=language)
    need = least_need(example, pages * each, recipe)
    why = why_not(example, need, Context(context, "it says"), "m")
    assert (why is None) == (sum(need) <= context)
    if why and (fits := fitting_pages(example, need, context)):
        assert fits < pages
        assert f"chapter_pages` to {fits} " in why
        shorter = deck(fits, language=language)
        assert why_not(shorter, least_need(shorter, fits * each, recipe), Context(context, "it says"), "m") is None


def test_what_is_no_deck_gets_no_advice_about_chapters() -> None:
    example = deck(30, kind="multi")
    why = why_not(example, least_need(example, 30_000, Writing()), Context(8192, "it says"), "m")
    assert why is not None and "chapter_pages" not in why
