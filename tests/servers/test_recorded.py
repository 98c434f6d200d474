"""Bodies that real servers sent, and bodies that their users reported: each is read as its line says."""

import json
from pathlib import Path
from typing import Any

import pytest

from resources.endpoints import Endpoint
from resources.engine.answers import Answer, Lost, read_answer
from resources.engine.learning import Lesson, Sent, learn
from resources.engine.profile import Profile
from resources.engine.refusal import Refusal, read_refusal
from resources.engine.retries import Trouble
from resources.engine.verdicts import verdict
from resources.failures import EndpointError
from resources.text.thoughts import without_thoughts

Line = dict[str, Any]
LINES: list[Line] = [
    line
    for path in sorted(Path(__file__).with_name("recorded").glob("*.jsonl"))
    for line in map(json.loads, path.read_text(encoding="utf-8").splitlines())
    if line["right"] != "models" and not line.get("cut")
]
OWN = {"temperature", "seed", "stream", "stream_options"}  # fields that the engine adds, and takes out again
# The engine may ask for less than it must, and `no_schema` is a guess where the words do not say so.
ALSO = {"no_schema": {"plain_schema", "json_schema"}, "thoughts": {"text"}, "no_room": {"cut"}}


def request_of(line: Line) -> Sent:
    """What the request held that got this body: as `sent` says, or as its right outcome needs."""
    right, sent = line["right"], line.get("sent", {})
    named = set(right.split(":")[1].split(",")) if ":" in right else set()
    schema, stream = right.endswith("_schema"), right.startswith("drop:stream")
    images = sent.get("images", 30 if right.startswith(("most_images", "smaller_body", "stop")) else 0)
    fields = {"model", "messages", "max_tokens", "temperature", "seed"}
    if schema:
        fields.add("response_format")
    if stream:
        fields |= {"stream", "stream_options"}
    extra = named - OWN if right.startswith("setting:") else set[str]()
    room = sent.get("room", 100_000)
    return Sent(
        frozenset(fields | extra), Profile(stream=stream), room, 0.7, images, 20_000_000, schema, frozenset(extra)
    )


def changed(lesson: Lesson) -> str:
    """A change of the profile in the words of the recorded lines."""
    match lesson.knob, lesson.value:
        case (("most_tokens" | "room"), most):
            return f"lower_tokens:{most}"
        case "structure", level:
            return {"plain": "plain_schema", "json": "json_schema", "none": "no_schema"}[str(level)]
        case (("temperature" | "seed"), (None | False)):
            return f"drop:{lesson.knob}"
        case "stream", stream:
            return "stream" if stream else "drop:stream"
        case "most_images", most:
            return f"most_images:{most}"
    return {
        "limit": "rename_limit",
        "system": "fold_system",
        "most_bytes": "smaller_body",
        "usage": "drop:stream_options",
    }.get(lesson.knob, "?")


def judged(refusal: Refusal, sent: Sent) -> str:
    """What the engine does about a refusal, in the words of the recorded lines."""
    if (lesson := learn(refusal, sent)) is not None:
        return changed(lesson)
    try:
        found = verdict(refusal, Endpoint("teacher", "http://127.0.0.1:1/v1", "model"), sent.extra)
    except EndpointError as error:
        return "setting:" + ",".join(sorted(sent.extra)) if error.kind == "setting" else "stop"
    return "retry" if isinstance(found, Trouble) else found.status


def outcome(line: Line) -> str:
    """What the engine makes of one body, in the words of the recorded lines."""
    if line["status"] >= 300:
        return judged(read_refusal(line["status"], line["body"], line["headers"]), request_of(line))
    found = read_answer(line["body"])
    if isinstance(found, Refusal):
        return judged(found, request_of(line))
    if isinstance(found, Lost):
        return "retry"
    assert isinstance(found, Answer)
    assert found.text == without_thoughts(found.text).text  # no thought is left in it
    return {"ok": "text", "truncated": "cut"}.get(found.status, found.status)


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line['program']}: {line['situation']}")
def test_a_real_body_is_read_as_it_was_meant(line: Line) -> None:
    right, found = line["right"], outcome(line)
    if right.startswith("setting:"):
        right = "setting:" + ",".join(sorted(right.removeprefix("setting:").split(",")))
    if right == "lower_tokens:?":
        assert found.startswith("lower_tokens:")
    elif right == "stop" and found == "rejected":
        pytest.fail("it is left to the fuse: the server's words say more")
    else:
        assert found == right or found in ALSO.get(line["right"], ())


def test_the_recorded_lines_hold_every_kind() -> None:
    kinds = {line["right"].split(":")[0] for line in LINES}
    assert len(LINES) > 200
    assert kinds >= {
        "rename_limit", "drop", "setting", "lower_tokens", "no_schema", "plain_schema", "stream", "fold_system",
        "most_images", "smaller_body", "overflow", "filtered", "stop", "retry", "rejected", "empty", "no_room",
        "thoughts", "text", "cut",
    }  # fmt: skip
