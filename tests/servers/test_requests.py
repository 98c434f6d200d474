"""What a teacher's request looks like by the time it stands in `instructions`, whatever the server wraps it in."""

import asyncio
from pathlib import Path

import pytest
from starlette.responses import JSONResponse, Response

from assets.instructions.materials import Material
from assets.instructions.requests import write_instruction
from assets.instructions.schema import Instruction
from resources.endpoints import Endpoint
from resources.engine import ModelEngine, StoppedError
from resources.failures import AnswerError
from resources.ledger import Ledger
from resources.recipe.model import Recipe
from resources.text.thoughts import model_markup
from testing.personalities import PERSONALITIES, THOUGHT
from testing.quirky_server import Body, Quirk, Seen, text_of, with_message
from tests.servers.case import Runner, prepare

Lost = AnswerError | StoppedError  # set aside, or the end of a run in which it happens to all


def ask(runner: Runner, home: Path, quirk: Quirk) -> list[Instruction | Lost]:
    """What is asked of two images, or why nothing is."""
    store = prepare(home)
    runner.server.quirk, runner.server.seen = quirk, Seen()
    images = [path.stem for path in sorted((home / "images").rglob("*.jpg"))][:2]
    materials = [
        Material(f"example-{n}", "single", "sft", "en", "pictures", (f"document-{n}",), (image,), (1,))
        for n, image in enumerate(images)
    ]

    async def run() -> list[Instruction | Lost]:
        endpoints = {"teacher": Endpoint("teacher", runner.server.url, "m")}
        async with ModelEngine(endpoints, Ledger.at(home), store.read_image) as engine:  # type: ignore[arg-type]
            found = await asyncio.gather(
                *(write_instruction(engine, material, Recipe()) for material in materials), return_exceptions=True
            )
        for outcome in found:
            if isinstance(outcome, BaseException) and not isinstance(outcome, Lost):
                raise outcome
        return list(found)  # type: ignore[arg-type]

    return asyncio.run(run())


def requests_of(found: list[Instruction | Lost]) -> list[str]:
    return [row["request"] for row in found if not isinstance(row, Lost)]


def around(before: str, after: str = "") -> Quirk:
    """A teacher that puts something around what it was asked for."""

    def shape(answer: Body, body: Body, seen: Seen) -> Response:
        asked = "# Step: request" in str(body["messages"][-1]) or "# Step: rewrite" in str(body["messages"][-1])
        return JSONResponse(with_message(answer, content=before + text_of(answer) + after) if asked else answer)

    return Quirk(before, shape=shape)


@pytest.mark.parametrize("quirk", PERSONALITIES, ids=lambda quirk: quirk.name)
def test_a_server_of_today_gives_the_requests_of_a_plain_one(quirk: Quirk, runner: Runner, tmp_path: Path) -> None:
    plain = requests_of(ask(runner, tmp_path / "plain", Quirk("plain")))
    found = requests_of(ask(runner, tmp_path / "other", quirk))
    assert len(found) == 2 and found == plain
    assert runner.server.seen.refused <= 6


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"<think>{THOUGHT}</think>\n\n", ""),
        ("Sure! Here is the request:\n\n", ""),
        ("**Request:** ", ""),
        ("```\n", "\n```"),
        ("", "\n\nLet me know if you would like any changes."),
    ],
    ids=["thoughts", "an opening", "a label", "a fence", "a closing"],
)
def test_what_stands_around_a_request_is_no_part_of_it(runner: Runner, tmp_path: Path, before: str, after: str) -> None:
    plain = requests_of(ask(runner, tmp_path / "plain", Quirk("plain")))
    found = requests_of(ask(runner, tmp_path / "other", around(before, after)))
    assert found == plain
    assert not any(map(model_markup, found))


@pytest.mark.parametrize("text", ["!!!!", "...", "<|im_end|>", "I'm unable to help with that.", "<think>Hm.</think>"])
def test_what_is_no_request_is_set_aside(runner: Runner, tmp_path: Path, text: str) -> None:
    def shape(answer: Body, body: Body, seen: Seen) -> Response:
        return JSONResponse(with_message(answer, content=text))

    found = ask(runner, tmp_path / "other", Quirk(text, shape=shape))
    assert all(isinstance(outcome, Lost) for outcome in found), found
