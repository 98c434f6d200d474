"""Each body that a real server gave, or that people reported: read, learnt from and judged as its line says."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from resources.endpoints import Endpoint
from resources.engine.answers import Answer, Lost, read_answer
from resources.engine.learning import Lesson, Sent, learn
from resources.engine.profile import Profile
from resources.engine.refusal import Refusal, read_refusal
from resources.engine.retries import Trouble
from resources.engine.server_facts import read_facts
from resources.engine.verdicts import verdict
from resources.failures import EndpointError
from resources.text.thoughts import model_markup

LINES = [
    {**json.loads(line), "file": path.stem}
    for path in sorted(Path(__file__).parent.glob("recorded/*.jsonl"))
    for line in path.read_text(encoding="utf-8").splitlines()
]
ENDPOINT = Endpoint("teacher", "http://127.0.0.1:1/v1", "m")
SENT = ("model", "messages", "max_tokens", "temperature", "seed", "response_format")
KNOBS = {"seed": ("seed", False), "stream": ("stream", False), "stream_options": ("usage", False)}


def sent(room: int = 4096, images: int = 2, stream: bool = False, extra: tuple[str, ...] = ()) -> Sent:
    """A request of ours: structured, with images and a system turn."""
    fields = frozenset({*SENT, *extra, *(("stream", "stream_options") if stream else ())})
    return Sent(fields, Profile(stream=stream), room, 0.7, images, 8_000_000, True, frozenset(extra))


def read(line: dict[str, Any]) -> Answer | Refusal | Lost:
    """What a response is, as the exchange reads it."""
    if line["status"] >= 300:
        return read_refusal(line["status"], line["body"], line["headers"])
    return read_answer(line["body"])


def judged(refusal: Refusal, request: Sent) -> Lesson | Answer | Trouble | EndpointError:
    """What becomes of a refusal; of one that is learnt from step by step, the last lesson for the same knob."""
    lesson = learn(refusal, request)
    if lesson is not None and not lesson.sure:  # tried once without a schema, to no avail
        lesson = learn(refusal, replace(request, schema=False))
    if lesson is not None:
        return lesson
    try:
        return verdict(refusal, ENDPOINT, request.extra)
    except EndpointError as error:
        return error


def ends_without_schema(refusal: Refusal) -> bool:
    """Whether a server that goes on refusing is asked in the end without any structured output."""
    profile = Profile()
    for _ in range(4):
        lesson = learn(refusal, Sent(frozenset(SENT), profile, 4096, 0.7, 2, 10**6, profile.structure != "none"))
        if lesson is None or lesson.knob != "structure":
            break
        profile = profile.with_("structure", lesson.value)
    return profile.structure == "none"


def is_right(line: dict[str, Any]) -> tuple[bool, object]:
    """Whether the outcome is the line's, and the outcome."""
    wanted, _, value = line["right"].partition(":")
    if wanted == "models":
        names = read_facts(json.loads(line["body"]), "m").models
        return bool(names), names
    found = read(line)
    if isinstance(found, Answer):
        status = {"text": "ok", "thoughts": "ok", "cut": "truncated"}.get(wanted, wanted)
        asks_more = found.status == "truncated" and found.thought  # asked again with more room, as one without text is
        clean = not model_markup(found.text) and (wanted != "thoughts" or found.thought)
        return clean and (found.status == status or (wanted == "no_room" and asks_more)), found
    if isinstance(found, Lost):
        return wanted == "retry", found
    if wanted == "no_schema":
        return ends_without_schema(found), learn(found, sent())
    if wanted == "drop":
        return dropped(found, tuple(value.split(",")))
    number = int(value) if value.isdigit() else 0
    outcome = judged(found, sent(asked(line, number) if wanted == "lower_tokens" else 256, max(2, number + 1)))
    if isinstance(outcome, Lesson):
        knob = "room" if outcome.knob == "room" else "most_tokens"  # of all calls, or what this one's prompt leaves
        lessons: dict[str, tuple[str, object]] = {
            "rename_limit": ("limit", "max_completion_tokens"),
            "lower_tokens": (knob, number or outcome.value),
            "plain_schema": ("structure", "plain"),
            "fold_system": ("system", False),
            "most_images": ("most_images", number),
            "smaller_body": ("most_bytes", 4_000_000),
            "stream": ("stream", True),
        }
        return lessons.get(wanted) == (outcome.knob, outcome.value), outcome
    if isinstance(outcome, Trouble):
        return wanted == "retry", outcome
    if isinstance(outcome, EndpointError):
        return wanted == "stop" and says_why(str(outcome), found), outcome
    # `rejected` for every document is stopped by the fuse, in the server's words
    kinds = {"stop": "rejected", "overflow": "overflow", "filtered": "filtered"}
    return kinds.get(wanted) == outcome.status and says_why(outcome.detail, found), outcome


def asked(line: dict[str, Any], most: int) -> int:
    """The tokens that were asked for: the next larger number in the body, or twice as many as are allowed."""
    larger = [number for number in map(int, re.findall(r"\d{2,8}", line["body"])) if number > most]
    return min(larger, default=2 * most) if most else 4096


def says_why(sentence: str, refusal: Refusal) -> bool:
    """Whether the server's own words are in a sentence."""
    return refusal.words[:60] in sentence


def dropped(refusal: Refusal, names: tuple[str, ...]) -> tuple[bool, object]:
    """Whether a field of ours is left out from now on, or one of LWV_<ROLE>_EXTRA is named as the culprit."""
    ours = [name for name in names if name in ("temperature", "seed", "stream", "stream_options")]
    if ours:
        lesson = learn(refusal, sent(stream="stream" in ours[0]))
        wanted = KNOBS.get(ours[0], ("temperature", None))
        return lesson is not None and (lesson.knob, lesson.value) == wanted, lesson
    outcome = judged(refusal, sent(extra=names))
    return isinstance(outcome, EndpointError) and any(f"`{name}`" in str(outcome) for name in names), outcome


def name_of(at: int) -> str:
    """Which line it is, for people."""
    return f"{LINES[at]['file']}: {LINES[at]['program']}: {LINES[at]['situation']}"


@pytest.mark.parametrize("at", range(len(LINES)), ids=name_of)
def test_a_recorded_body_is_read_as_it_should_be(at: int) -> None:
    line = LINES[at]
    right, outcome = is_right(line)
    assert right, f"{line['right']}, not {outcome}: {line['body'][:300]}"


def test_there_are_enough_of_them() -> None:
    assert len(LINES) >= 240
    assert len({line["program"] for line in LINES}) >= 20
