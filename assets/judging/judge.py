"""The judge's six dimensions for one answer, and the quality score made of them (docs/method.md 4.1)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from resources.engine import ModelEngine
from resources.failures import AnswerError
from resources.messages import Call, Image, system, user
from resources.prompts import load_prompt
from resources.text.json_objects import json_objects

DIMENSIONS = ("relevance", "accuracy", "coherence", "clarity", "breadth_and_depth", "reading_experience")
SYSTEM = load_prompt(__file__, "system")
JUDGE = load_prompt(__file__, "judge")
TRIES = 5  # docs/method.md 4.1
AGAIN = {"malformed", "empty", "truncated"}  # worth another try with another seed
SCALE = range(1, 6)


class Question(NamedTuple):
    """What an answer was given to. id: of the item or example; images: sha256 of each."""

    id: str
    instruction: str
    images: Sequence[str]


async def judge_answer(engine: ModelEngine, model: str, asked: Question, answer: str) -> dict[str, int]:
    """The judge's scores (1-5 each) for `answer`.

    Without all six it is asked again, TRIES times in all. Raises AnswerError where it gave none: missing
    scores are never filled in with a middle value.
    """
    call = Call(
        role="judge",
        sample=asked.id,
        step=f"judge-{model}",
        template=JUDGE.version,
        temperature=0.5,
        max_tokens=1024,
        messages=(
            system(SYSTEM.fill()),
            user(*map(Image, asked.images), JUDGE.fill(instruction=asked.instruction, response=answer)),
        ),
    )
    for attempt in range(1, TRIES):
        try:
            return parse_scores((await engine.ask(call)).text)
        except AnswerError as error:
            if error.kind not in AGAIN:
                raise
            room = call.max_tokens * (2 if error.kind == "truncated" else 1)
            call = replace(call, attempt=attempt, seed=attempt, max_tokens=room)
    return parse_scores((await engine.ask(call)).text)


def parse_scores(text: str) -> dict[str, int]:
    """The six integers, 1 to 5, out of the last JSON object that has them all; a 4.0 is a 4, a 4.5 is none.

    Words around the object, and braces among them, are tolerated. Raises AnswerError("malformed").
    """
    for found in json_objects(text):
        scores = {
            name: int(value)
            for name in DIMENSIONS
            if isinstance(value := found.get(name), int | float) and not isinstance(value, bool) and value in SCALE
        }
        if len(scores) == len(DIMENSIONS):
            return scores
    raise AnswerError("malformed", f"the judge's answer has no six scores from 1 to 5: {text[:120]!r}")


def quality_score(scores: Mapping[str, int]) -> float:
    """S_q = (sum of the six - 6) * 25 / 6, 0-100."""
    return (sum(scores.values()) - 6) * 25 / 6
