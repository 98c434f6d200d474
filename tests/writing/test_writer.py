"""A document's conversation where the teacher does badly: what is usable stands, and all that was paid is counted."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import Response

from assets.long_outputs.outline import plan_room
from assets.long_outputs.writer import write_document
from resources.endpoints import Endpoint
from resources.engine import ModelEngine, run
from resources.failures import AnswerError
from resources.ledger import Ledger
from resources.recipe.model import Writing
from testing.engine.server import answer_text
from testing.engine.writing import example
from testing.openai_server import completion, scripted_server

SECTIONS = 4
HALF = "## Part\n\n" + " ".join(f"word{chr(97 + number // 26)}{chr(97 + number % 26)}" for number in range(120)) + "."
LONG = HALF + " " + " ".join(f"wort{chr(97 + number // 26)}{chr(97 + number % 26)}" for number in range(60))
REFUSAL = "## Part\n\nI’m sorry, but I can’t identify anybody in this picture. " + HALF[9:]


def step_of(body: dict[str, Any]) -> int:
    """0 for the plan, else the section that is asked for."""
    said = str(body["messages"][-1])
    return next((number for number in range(1, SECTIONS + 1) if f"write section {number} of" in said), 0)


def write(home: Path, bad: Callable[[int, dict[str, Any]], Response | str | None], **recipe: Any) -> dict[str, Any]:
    """The row of one document. bad: (step, body) -> what is answered in place of a good text."""

    async def work(url: str) -> dict[str, Any]:
        endpoint = Endpoint("teacher", url, "m")
        async with ModelEngine({"teacher": endpoint}, Ledger.at(home), lambda sha256: b"") as engine:
            return await write_document(engine, example(0, [], SECTIONS), Writing(**recipe))

    with scripted_server(lambda body: bad(step_of(body), body) or answer_text(0, step_of(body), SECTIONS, 0)) as server:
        return run(work(server.url))


@pytest.mark.parametrize("few", ["……", "## Part\n\nYes.", "<think>What now?</think>"])
def test_a_section_of_a_few_words_sets_its_document_aside_without_length_control_too(tmp_path: Path, few: str) -> None:
    with pytest.raises(AnswerError) as error:
        write(tmp_path, lambda step, body: few if step == 2 else None, length_control=False, loop_control=False)
    assert error.value.kind in ("short", "empty")


def test_sections_stand_without_what_the_teacher_said_around_them_and_that_is_counted(tmp_path: Path) -> None:
    def chatty(step: int, body: dict[str, Any]) -> str | None:
        good = answer_text(0, step, SECTIONS, 0)
        return f"Sure! Here is section {step}:\n\n{good}\n\nLet me know if you'd like any changes." if step else None

    row = write(tmp_path, chatty)
    assert "Sure" not in row["output"] and "Let me know" not in row["output"]
    assert row["repairs"].count("cleaned") == SECTIONS


def test_a_section_whose_rewrite_fails_stands_as_it_was_written_first(tmp_path: Path) -> None:
    def bad(step: int, body: dict[str, Any]) -> str | None:
        again = "cannot stay" in str(body["messages"][-1])
        return None if step != 2 else "I'm sorry, but I can't help with that." if again else HALF

    row = write(tmp_path, bad)
    assert row["sections"][1]["text"].endswith(HALF[-40:])  # 120 of 200 words
    assert {"rewritten_short", "asked_again", "rewrite_failed", "off_band"} <= set(row["repairs"])


def test_a_refusal_under_its_heading_is_asked_for_anew_and_then_sets_the_document_aside(tmp_path: Path) -> None:
    def once(step: int, body: dict[str, Any]) -> str | None:
        return REFUSAL if step == 3 and "cannot stay" not in str(body["messages"][-1]) else None

    row = write(tmp_path / "once", once)
    assert "rewritten_refused" in row["repairs"] and "sorry" not in row["output"]
    with pytest.raises(AnswerError, match="section-003 was asked for twice") as error:
        write(tmp_path / "always", lambda step, body: REFUSAL if step == 3 else None)
    assert error.value.kind == "refused"


def test_a_plan_with_a_section_of_no_words_is_sent_back_and_then_scaled(tmp_path: Path) -> None:
    plan = answer_text(0, 0, SECTIONS, 0).replace('"words": 200', '"words": 0', 1)
    row = write(tmp_path, lambda step, body: plan if step == 0 else None, length_control=False)
    assert row["repairs"] == ["plan_corrected", "plan_scaled"]
    assert all(section["target_words"] >= 20 for section in row["sections"])


@pytest.mark.parametrize(
    ("cut", "kept"),
    [
        ('{"sections": [{"point": "Part 1", "words": 200, "pages": []}, {"poi', True),
        ('{"sections": [' + '{"point": "The bridge over the river", "words": 200, "pages": []}, ' * 9, False),
    ],
)
def test_a_plan_that_was_cut_gets_twice_the_room_and_no_schema_where_the_model_did_not_stop_in_it(
    tmp_path: Path, cut: str, kept: bool
) -> None:
    plans = []

    def bad(step: int, body: dict[str, Any]) -> Response | None:
        plans.extend([body] if step == 0 else [])
        return completion(cut, finish_reason="length") if step == 0 and not body["seed"] else None

    assert write(tmp_path, bad)["repairs"] == ["asked_again"]
    first, second = plans
    assert (first["max_tokens"], second["max_tokens"]) == (plan_room(8, 0), 2 * plan_room(8, 0))
    assert "response_format" in first and ("response_format" in second) is kept


def test_a_plan_of_which_nothing_comes_in_its_schema_is_asked_for_without(tmp_path: Path) -> None:
    def bad(step: int, body: dict[str, Any]) -> str | None:
        return " \n" if step == 0 and "response_format" in body else None

    assert write(tmp_path, bad)["repairs"] == ["asked_again"]


def test_what_answers_of_no_use_cost_is_in_the_sums_of_the_document(tmp_path: Path) -> None:
    good = write(tmp_path / "good", lambda step, body: None)
    assert good["completion_tokens"] == 5 * (1 + SECTIONS)

    def bad(step: int, body: dict[str, Any]) -> Response | str | None:
        if step == 1:
            goes_on = "stopped in the middle" in str(body["messages"][-1])
            return "It ends after these few words." if goes_on else completion(LONG, finish_reason="length")
        return "I'm sorry, but I can't help with that." if step == 2 and not body["seed"] else None

    paid = write(tmp_path / "bad", bad)
    assert {"continued", "asked_again"} <= set(paid["repairs"])
    assert paid["completion_tokens"] == good["completion_tokens"] + 5 * 2


def test_a_text_that_loops_when_its_last_continuation_is_cut_is_written_anew(tmp_path: Path) -> None:
    def bad(step: int, body: dict[str, Any]) -> Response | None:
        said = str(body["messages"][-1])
        looping = completion("It goes on and on and on without an end to it all. " * 4, finish_reason="length")
        return looping if step == 1 and "cannot stay" not in said else None

    assert "rewritten_loop" in write(tmp_path / "on", bad, continuations=0)["repairs"]
    with pytest.raises(AnswerError) as error:
        write(tmp_path / "off", bad, continuations=0, loop_control=False)
    assert error.value.kind == "truncated"
