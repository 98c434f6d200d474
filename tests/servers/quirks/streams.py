"""Servers that answer in events: those that give nothing else, those that give them unasked, and odd forms of them."""

import json
from collections.abc import Callable

from starlette.responses import Response

from testing.personalities import THOUGHT, only_streams
from testing.quirky_server import Body, Quirk, Seen, error, events
from tests.servers.case import Case
from tests.servers.parts import Shape, either, error_in, has, text, where

UNASKED = "A gateway that answers as events although nobody asked for them."


def edited(change: Callable[[str], str], media_type: str = "text/event-stream") -> Shape:
    """Events whose text is changed on the way."""

    def shape(answer: Body, body: Body, seen: Seen) -> Response:
        return Response(change(bytes(events(answer).body).decode()), media_type=media_type)

    return shape


def always(name: str, source: str, change: Callable[[str], str], media_type: str = "text/event-stream") -> Case:
    return Case(Quirk(name, source, shape=edited(change, media_type)), taught=0)


def once(name: str, source: str, change: Callable[[str], str]) -> Case:
    """Events that are broken the first time: the call is made again."""

    def shape(answer: Body, body: Body, seen: Seen) -> Response:
        return edited(change if seen.answered == 1 else str)(answer, body, seen)

    return Case(Quirk(name, source, shape=shape), taught=0, made=1)


def in_one(answer: Body, body: Body, seen: Seen) -> Response:
    return Response(f"data: {json.dumps(answer)}\n\ndata: [DONE]\n\n", media_type="text/event-stream")


def with_thoughts(answer: Body, body: Body, seen: Seen) -> Response:
    return events(answer, THOUGHT, usage=False)


def streamed(case: Quirk, taught: int = 2) -> Case:
    return Case(case, env={"STREAM": "1"}, taught=taught)


def as_asked(answer: Body, body: Body, seen: Seen) -> Response:
    return events(answer) if body.get("stream") else Response(json.dumps(answer), media_type="application/json")


CASES = (
    Case(Quirk("streaming only", "web-ui#659", only_streams, with_thoughts), taught=1),
    Case(
        Quirk(
            "thinking only while streaming",
            "DashScope",
            where(
                lambda body: not body.get("stream"),
                error(400, "parameter.enable_thinking must be set to false for non-streaming calls"),
            ),
            with_thoughts,
        ),
        taught=1,
    ),
    Case(
        Quirk(
            "thinking only while streaming, other words",
            "ModelScope",
            where(
                lambda body: not body.get("stream"),
                error(400, "enable thinking can not be support when `stream=False`."),
            ),
            with_thoughts,
        ),
        taught=1,
    ),
    Case(
        Quirk(
            "streaming only, and no stream_options",
            "gpustack#429",
            either(
                only_streams,
                has(
                    "stream_options",
                    error(
                        400,
                        "[{'type': 'extra_forbidden', 'loc': ('body', 'stream_options'), 'msg': 'Extra inputs are not "
                        "permitted', 'input': {'include_usage': True}}]",
                    ),
                ),
            ),
            with_thoughts,
        ),
        taught=2,
    ),
    Case(Quirk("events unasked", "docs/servers.md", shape=lambda answer, body, seen: events(answer)), taught=0),
    always("events unasked, called JSON", "a gateway", str, "application/json"),
    always(
        "events with comments between",
        "OpenRouter",
        lambda said: ": OPENROUTER PROCESSING\n\n" + said.replace("\n\n", "\n\n: ping\n\n"),
    ),
    always("events with carriage returns", "a gateway", lambda said: said.replace("\n", "\r\n")),
    always("events without empty lines", "a gateway", lambda said: said.replace("\n\n", "\n")),
    always("events without [DONE]", "a gateway", lambda said: said.replace("data: [DONE]\n\n", "")),
    always("events without a space", "DashScope", lambda said: said.replace("data: ", "data:")),
    always(
        "events with names and ids",
        "a gateway",
        lambda said: "".join(
            f"event: message\nid: {at}\n{one}\n\n" for at, one in enumerate(said.split("\n\n")) if one
        ),
    ),
    always("events after a byte order mark", "a gateway", lambda said: "\ufeff" + said),
    always(
        "events with a pause in between that has no data",
        "a gateway",
        lambda said: said.replace("\n\n", "\n\ndata:\n\n", 2),
    ),
    Case(Quirk("a whole answer in one event", "a gateway", shape=in_one), taught=0),
    once("events that end early", "a gateway", lambda said: said[: len(said) // 2].rsplit("\n\n", 1)[0] + "\n\n"),
    once("an event broken off", "z.ai", lambda said: said[: len(said) // 2] + said[len(said) // 2 + 40 :]),
    once(
        "an error among the events",
        "OpenRouter",
        lambda said: said[: said.index("\n\n") + 2] + error_in("data: ", 502, "Provider disconnected unexpectedly"),
    ),
    once("nothing but [DONE]", "a gateway", lambda said: "data: [DONE]\n\n"),
    streamed(Quirk("streams as asked", "OpenAI", shape=as_asked), 0),
    streamed(
        Quirk(
            "streams refused",
            "OpenAI o1",
            has(
                "stream",
                error(
                    400,
                    "Unsupported value: 'stream' does not support true with this model. Only the default (false) value "
                    "is supported.",
                    param="stream",
                    code="unsupported_value",
                ),
            ),
        )
    ),
    streamed(
        Quirk(
            "streams for verified organisations",
            "OpenAI",
            has(
                "stream",
                error(
                    400,
                    "Your organization must be verified to stream this model. Please go to: "
                    "https://platform.openai.com/settings/organization/general and click on Verify Organization.",
                    param="stream",
                    code="unsupported_value",
                ),
            ),
        )
    ),
    streamed(
        Quirk("streams refused in plain words", "a gateway", has("stream", text(400, "streaming is not supported")))
    ),
)
