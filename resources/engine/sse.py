"""A chat completion that arrives as server-sent events, put together to the one that arrives in one piece."""

import json
import re
from collections.abc import Iterator

from resources.engine.refusal import has_error
from resources.json_types import Json

DONE = "[DONE]"
# Behind any number of comments: a gateway sends one every few seconds while a model thinks.
_BEGINNING = re.compile(r"[\ufeff\s]*+(?::[^\r\n]*+\s*+)*+(?:data|event|id|retry):")
JOINED = ("content", "refusal", "reasoning_content", "reasoning", "thinking")


def is_stream(body: str) -> bool:
    """Whether a body is server-sent events: its first line that is no comment begins as one does."""
    return _BEGINNING.match(body) is not None


def read_stream(body: str) -> Json:
    """The chat completion that the events make, or the error among them; None where they end before the answer does."""
    message: dict[str, list[str]] = {}
    whole: dict[str, Json] = {}
    finish: Json = None
    ended = began = False
    for event in _worded(body):
        if event == DONE:
            ended = True
            break
        try:
            chunk: Json = json.loads(event)
        except (ValueError, RecursionError):
            return None
        if has_error(chunk):
            return chunk
        if not isinstance(chunk, dict):
            continue
        whole |= {name: value for name in ("model", "usage") if (value := chunk.get(name))}
        choices = chunk.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, dict) or choice.get("index", 0) not in (0, None):
            continue
        began = True
        if isinstance(choice.get("message"), dict) and not isinstance(choice.get("delta"), dict):
            return {**chunk, **whole}  # a gateway that wraps a whole answer in one event
        finish = choice.get("finish_reason") or finish
        delta = choice.get("delta")
        for name in JOINED if isinstance(delta, dict) else ():
            if said := _text(delta.get(name) if isinstance(delta, dict) else None):
                message.setdefault(name, []).append(said)
        if choice.get("error"):
            return {"error": choice["error"]}
    if not began or not (ended or finish):
        return None
    joined: dict[str, Json] = {name: "".join(parts) for name, parts in message.items()}
    return {**whole, "choices": [{"message": {"content": "", **joined}, "finish_reason": finish}]}


def _worded(body: str) -> Iterator[str]:
    """The events that say something: others only keep a connection open."""
    return (event for event in _events(body) if event == DONE or event.startswith(("{", "[")))


def _events(body: str) -> Iterator[str]:
    """The data of each event; lines of one event are joined."""
    data: list[str] = []
    for line in body.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if not line:
            if data:
                yield "\n".join(data).strip()
            data = []
        elif line.startswith("data:") and not line.startswith("data: :"):  # gateways make events of comments
            if data and data[-1].endswith("}"):  # servers that leave the empty line out
                yield "\n".join(data).strip()
                data = []
            data.append(line[5:])
    if data:
        yield "\n".join(data).strip()


def _text(value: Json) -> str:
    """The text of a delta: a string, or a list of parts."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        said = [part.get("text") for part in value if isinstance(part, dict) and part.get("type") != "thinking"]
        return "".join(text for text in said if isinstance(text, str))
    return ""
