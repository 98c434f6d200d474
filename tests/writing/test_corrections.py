"""The critic's answers: what is tolerated, what is sent back once, what ends in quarantine; and what a page keeps."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import Response

from assets.corrected_segments.critic import correct_example, parse_correction
from assets.segments.splitter import split_output
from resources.endpoints import Endpoint
from resources.engine import ModelEngine, run
from resources.failures import AnswerError
from resources.ledger import Ledger
from testing.openai_server import completion, scripted_server

OUTPUT = {
    "example_id": "e",
    "document_id": "d",
    "split": "preference",
    "kind": "deck",
    "language": "en",
    "images": ["image1", "image2"],
    "request": "Write a lecture script.",
    "author": "writer",
    "output": "## Slide 1\n\nThe river is long.",
}


def correction(text: str, *errors: str) -> str:
    return json.dumps({"errors": errors, "reason": "Because.", "text": text})


def corrected(
    folder: Path,
    answers: Sequence[str | Response],
    output: dict[str, Any] = OUTPUT,
) -> tuple[list[dict[str, Any]] | AnswerError, list[dict[str, Any]]]:
    """(the rows, or why there are none; the requests) where the critic answers in this order."""
    said = iter(answers)

    async def ask(url: str) -> list[dict[str, Any]] | AnswerError:
        endpoint = Endpoint("critic", url, "critic-1")
        async with ModelEngine({"critic": endpoint}, Ledger.at(folder), lambda sha256: sha256.encode()) as engine:
            try:
                return await correct_example(engine, output, split_output(output))
            except AnswerError as error:
                return error

    with scripted_server(lambda body: next(said)) as server:
        return run(ask(server.url)), server.requests


def test_a_missing_page_is_written_under_its_heading_and_an_unchanged_one_is_recorded_as_such(tmp_path: Path) -> None:
    answers = [correction(OUTPUT["output"], "factual"), correction("It ends here.", "missing")]
    rows, requests = corrected(tmp_path, answers)
    assert isinstance(rows, list)
    assert [(row["edited"], row["errors"], row["text"]) for row in rows] == [
        (False, [], OUTPUT["output"]),
        (True, ["missing"], "## Slide 2\n\nIt ends here."),
    ]
    assert all(row["corrector"] == "critic-1" and row["call_id"] for row in rows)
    assert "<before>\n## Slide 1\n\nThe river is long.\n</before>" in requests[1]["messages"][-1]["content"][-1]["text"]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("## Slide 1\n\nThe river is long .  ", None),
        ("## Slide 1\n\nThe river\u00a0is long。", None),
        ("Here is the corrected text:\n\n## Slide 1\n\nThe river is long.", None),
        ("<think>It is short.</think>## Slide 1\n\nThe river is short.", "## Slide 1\n\nThe river is short."),
        ("```\n## Slide 1\n\nThe river is short.\n```\n\nI hope this helps!", "## Slide 1\n\nThe river is short."),
    ],
)
def test_typography_and_manners_are_no_edit(tmp_path: Path, said: str, kept: str | None) -> None:
    rows, _ = corrected(tmp_path, [correction(said, "factual"), correction("It ends here.", "missing")])
    assert isinstance(rows, list)
    assert (rows[0]["edited"], rows[0]["text"]) == (kept is not None, kept or OUTPUT["output"])


def test_the_critic_is_held_to_the_five_kinds_of_error_where_the_server_can(tmp_path: Path) -> None:
    _, requests = corrected(tmp_path, [correction("A.", "factual"), correction("B.", "missing")])
    fields = requests[0]["response_format"]["json_schema"]["schema"]["properties"]
    assert fields["errors"]["items"]["enum"] == ["factual", "missing", "irrelevant", "incoherent", "repetitive"]
    assert (fields["errors"]["maxItems"], fields["reason"]["maxLength"]) == (5, 300)
    assert fields["text"] == {"type": "string"}  # with a length, xgrammar would let no paragraph into it


def test_an_answer_without_a_correction_is_sent_back_once_with_what_is_wrong(tmp_path: Path) -> None:
    answers = ["Looks fine to me.", correction(OUTPUT["output"]), correction("It ends.", "missing")]
    rows, requests = corrected(tmp_path, answers)
    assert isinstance(rows, list) and [row["edited"] for row in rows] == [False, True]
    assert len(requests) == 3
    *before, said, again = requests[1]["messages"]
    assert (before, said["content"]) == (requests[0]["messages"], "Looks fine to me.")
    assert "there is no JSON object in 'Looks fine to me.'" in again["content"]


def test_a_correction_that_was_cut_or_empty_is_asked_for_once_more(tmp_path: Path) -> None:
    answers = [
        completion('{"errors": [' + '"The page says nothing of the kind", ' * 9, finish_reason="length"),
        correction(OUTPUT["output"]),
        completion('{"errors": [], "reason": "The page says', finish_reason="length"),
        correction("It ends.", "missing"),
    ]
    rows, requests = corrected(tmp_path, answers)
    assert isinstance(rows, list) and [row["edited"] for row in rows] == [False, True]
    assert ["response_format" in request for request in requests] == [True, False, True, True]
    assert requests[1]["max_tokens"] == 2 * requests[0]["max_tokens"]


def test_a_critic_that_stays_unclear_costs_its_document_and_no_third_call(tmp_path: Path) -> None:
    error, requests = corrected(tmp_path, ["Looks fine to me.", correction(" ")])
    assert isinstance(error, AnswerError)
    assert (error.kind, len(requests)) == ("malformed", 2)
    assert "text" in str(error)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('```json\n{"errors": [], "reason": "r", "text": "a"}\n```', ([], "a")),
        ('Here it is: {"errors": ["missing", "boring"], "text": " a {b} "} Done.', (["missing"], "a {b}")),
        ('{"errors": null, "text": "line one\nline two"}', ([], "line one\nline two")),
        ('<think>{"text": "no"} or {that}?</think>{"errors": ["factual"], "text": "yes"}', (["factual"], "yes")),
        ('{"errors": [], "text": "yes"}\nMy notes: {"confidence": 0.9}, {more}.', ([], "yes")),
        ('{"correction": {"errors": [], "text": "yes"}}', ([], "yes")),
    ],
)
def test_fences_words_around_and_raw_line_ends_are_tolerated(text: str, expected: tuple[list[str], str]) -> None:
    found = parse_correction(text)
    assert (found["errors"], found["text"]) == expected


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"text": ""}', '{"text": 3}', '{"text": "a", "errors": "factual"}', '{"text": "a"']
)
def test_anything_else_is_malformed(text: str) -> None:
    with pytest.raises(AnswerError) as error:
        parse_correction(text)
    assert error.value.kind == "malformed"
