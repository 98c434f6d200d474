"""A teacher that misbehaves on purpose, over HTTP: bad plans, and sections that are short, long, looping, in the wrong
language, repeated, refused or cut. What it does follows from hash(sample, step, attempt).
"""

import re
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from testing.engine.server import WORDS, plan_text
from testing.engine.work import SECTION_WORDS, draw, sections_of
from testing.openai_server import completion

SAMPLE = re.compile(r"\[sample (\d+)\]")
STEP = re.compile(r"# Step: (?:write section (\d+) of|plan)")
PLAN_FAULTS = {"no form": 0.05, "bad words": 0.05, "missing page": 0.05}
SECTION_FAULTS = {
    "short": 0.12,
    "long": 0.06,
    "loop": 0.03,
    "language": 0.02,
    "repeat": 0.02,
    "refusal": 0.02,
    "cut": 0.03,
}
TERSE = 0.25  # of documents: every section comes out short the first time, as small models write
AGAIN = 0.15  # share of faults that are there the second time as well


def answer(body: dict[str, Any]) -> Response:
    """A chat completion for one of the writer's calls."""
    texts = [
        part["text"] if isinstance(part, dict) else part
        for message in body["messages"]
        for part in (message["content"] if isinstance(message["content"], list) else [message["content"]])
        if isinstance(part, str) or part["type"] == "text"
    ]
    last = texts[-1]
    sample = int(SAMPLE.findall("\n".join(texts))[0])
    step = int(STEP.findall(last)[-1] or 0)
    again = "cannot" in last or bool(body["seed"])
    if "stopped in the middle" in last:
        return completion(words(sample, step, SECTION_WORDS // 2, SECTION_WORDS // 2) + ".")
    fault = fault_of(sample, step, again)
    return plan(sample, fault) if step == 0 else section(sample, step, fault)


def fault_of(sample: int, step: int, again: bool) -> str:
    faults: Mapping[str, float] = SECTION_FAULTS if step else PLAN_FAULTS
    chance = draw(sample, step)
    for name, share in faults.items():
        chance -= share
        if chance < 0:
            return name if not again or draw(sample, step, "again") < AGAIN else ""
    return "short" if step and not again and draw(sample, "terse") < TERSE else ""


def plan(sample: int, fault: str) -> Response:
    count = sections_of(sample)
    if fault == "no form":
        return completion("First I would look at everything, then write.")
    size = SECTION_WORDS * (2 if fault == "bad words" else 1)
    return completion(plan_text(sample, count, size, [7] if fault == "missing page" else [1]))


def section(sample: int, step: int, fault: str) -> Response:
    heading = f"## Part {step} of text {sample}\n\n"
    if fault == "refusal":
        return completion("I'm sorry, but I can't help with that.")
    if fault == "cut":
        return completion(heading + words(sample, step, 0, SECTION_WORDS // 2), finish_reason="length")
    if fault == "loop":
        start = words(sample, step, 0, SECTION_WORDS - 40)
        return completion(f"{heading}{start}. " + "And so it goes on and on without an end to it all. " * 12)
    if fault == "language":
        return completion(heading + "这是一段用错误的语言写成的文字。" * 12)
    if fault == "repeat" and step > 1:
        return completion(heading + words(sample, step - 1, 0, SECTION_WORDS) + ".")
    size = {"short": SECTION_WORDS * 4 // 10, "long": SECTION_WORDS * 18 // 10}.get(fault, SECTION_WORDS)
    return completion(heading + words(sample, step, 0, size) + ".")


def words(sample: int, step: int, first: int, count: int) -> str:
    """Words that no other section of the sample has."""
    start = ((sample * 13 + step) * 2 * SECTION_WORDS + first) % (len(WORDS) - 3 * SECTION_WORDS)
    return " ".join(WORDS[start : start + count])
