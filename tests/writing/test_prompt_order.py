"""In which order a prompt's parts stand: what a server's prefix cache lives on."""

from typing import Any

import pytest

from assets.long_outputs.conversation import Conversation, Turn
from resources.messages import Image, Message
from resources.recipe.model import Writing
from testing.engine.writing import example

TURNS = [Turn("plan it", "the plan"), Turn("write 1", "section 1"), Turn("write 2", "section 2")]


def parts(messages: tuple[Message, ...]) -> list[str]:
    return [
        f"image {part.sha256}" if isinstance(part, Image) else part for message in messages for part in message.parts
    ]


def draft(order: Any, turns: int) -> Conversation:
    nobody: Any = None
    return Conversation(nobody, example(1, ["a", "b"], 4), Writing(), order, list(TURNS[:turns]))


@pytest.mark.parametrize("turns", [0, 1, 2])
def test_each_prompt_begins_with_all_of_the_one_before_it_and_its_answer(turns: int) -> None:
    prompt, answer = TURNS[turns]
    before = parts(draft("append", turns).messages(prompt))
    after = parts(draft("append", turns + 1).messages("next"))
    assert after == [*before, answer, "next"]


def test_images_stand_before_all_that_belongs_to_one_document() -> None:
    system, *rest = parts(draft("append", 2).messages("next"))
    assert rest[:2] == ["image a", "image b"]
    assert "[sample 1]" not in system


def test_the_reference_order_has_the_same_texts_in_one_turn_and_its_images_last() -> None:
    messages = draft("reference", 2).messages("next")
    assert [message.speaker for message in messages] == ["system", "user"]
    assert parts(messages)[-2:] == ["image a", "image b"]
    assert parts(messages)[2:-2] == ["the plan", "section 1", "next"]
