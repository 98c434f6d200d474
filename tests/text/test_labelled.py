"""Refusals, manners and model markup on labelled texts (cases/): what a model really says, and honest text that looks
like it. `tuned` was looked at while the rules were written, `held_out` only when they were done."""

import json
from pathlib import Path
from typing import Any

import pytest

from resources.text.manners import clean_correction, clean_request, clean_section
from resources.text.refusals import is_refusal
from resources.text.thoughts import model_markup, without_thoughts

CASES = Path(__file__).parent / "cases"
PARTS = ("tuned", "held_out")


def cases(part: str, about: str = "") -> list[dict[str, Any]]:
    lines = (CASES / f"{part}.jsonl").read_text(encoding="utf-8").splitlines()
    return [case for case in map(json.loads, lines) if about in ("", case["about"])]


def cleaned(case: dict[str, Any]) -> str:
    """The case's text as the factory would keep it; empty for a refusal."""
    text = case["text"]
    if case["about"] == "refusal":
        return "" if is_refusal(text) else text
    if case["about"] == "thoughts":
        return without_thoughts(text).text
    if case["in"] == "request":
        return clean_request(text)
    if case["in"] == "section":
        return clean_section(text, case["heading"])
    return clean_correction(text, case["original"])


def is_right(case: dict[str, Any]) -> bool:
    return cleaned(case) == case.get("clean", case["text"] if case["honest"] else "")


@pytest.mark.parametrize("case", cases("tuned"), ids=lambda case: f"{case['about']}: {case['text'][:40]!r}")
def test_what_the_rules_were_written_by_is_right(case: dict[str, Any]) -> None:
    assert is_right(case), cleaned(case)


@pytest.mark.parametrize("about", ["refusal", "manners", "thoughts"])
def test_of_what_they_were_not_written_by_nearly_all_is_found_and_hardly_anything_honest_touched(about: str) -> None:
    """At the first look: refusals 19 of 20 found, manners 18 of 19, thoughts 15 of 15, 1 honest text of 48 touched."""
    held_out = cases("held_out", about)
    wrong = [case for case in held_out if not is_right(case)]
    assert len(wrong) <= 0.05 * len(held_out), [case["text"] for case in wrong]
    assert sum(case["honest"] for case in wrong) <= 1


def test_half_of_the_list_is_honest_text_and_a_fifth_is_chinese() -> None:
    every = [case for part in PARTS for case in cases(part)]
    assert sum(case["honest"] for case in every) >= 0.5 * len(every)
    assert sum(any("一" <= letter <= "鿿" for letter in case["text"]) for case in every) >= 0.2 * len(every)


@pytest.mark.parametrize("part", PARTS)
def test_the_blocking_rule_finds_what_is_taken_out_and_nothing_in_what_stays(part: str) -> None:
    for case in cases(part, "thoughts"):
        assert bool(model_markup(case["text"])) == (cleaned(case) != case["text"])
        assert model_markup(cleaned(case)) == ""


def test_an_answer_in_json_is_no_refusal_whatever_its_texts_say() -> None:
    assert not is_refusal('{"errors": [], "reason": "I cannot see the image.", "text": "I can\'t help with that."}')
