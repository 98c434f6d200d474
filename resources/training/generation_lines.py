"""Rows of writing: what a checkpoint is asked, and what it answered, each a JSON line."""

from pathlib import Path
from typing import Literal, TypedDict, cast

from resources.lines import read_lines
from resources.sampling import SampledBy
from resources.text.shown import clean_text


class NamedModel(TypedDict):
    """A checkpoint, and the name that its answers are filed under."""

    name: str
    path: str


class PromptLine(TypedDict):
    """One text that is asked for."""

    item_id: str
    prompt: str
    images: list[str]  # paths, in the order that they are shown
    seed: int
    max_new_tokens: int


class Answer(TypedDict):
    """What a checkpoint wrote."""

    text: str
    tokens: int
    seconds: float
    finish: Literal["stop", "length"]


class AnswerLine(Answer):
    """An answer, and what it answers."""

    model: str  # its name
    item_id: str
    seed: int
    sampling: SampledBy


def read_answers(path: Path) -> dict[tuple[str, str], AnswerLine]:
    """(model, item_id) -> its answer, of every whole line of the file."""
    lines = ({**line, "text": clean_text(line["text"])} for line in read_lines(path))
    return {(line["model"], line["item_id"]): cast(AnswerLine, line) for line in lines}
