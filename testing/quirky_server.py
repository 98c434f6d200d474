"""A real HTTP server that behaves as servers in the world do: it refuses what they refuse, and answers in their forms.

What it answers is the embedded model's, so a whole lineage can be made with it.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from resources.embedded.protocol import MODELS, complete
from testing.openai_server import running

Body: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Quirk:
    """How a server behaves. refuse: the response to a request that it does not take, None where it takes it; shape: the
    response made of a plain completion; both are told how many requests arrived before (`Seen`)."""

    name: str
    source: str = ""  # where people reported it
    refuse: Callable[[Body, "Seen"], Response | None] = lambda body, seen: None
    shape: Callable[[Body, Body, "Seen"], Response] = lambda answer, body, seen: JSONResponse(answer)
    models: Body = field(default_factory=lambda: {"object": "list", "data": [{"id": "m", "object": "model"}]})


@dataclass
class Seen:
    """What arrived so far. refused: how many requests `refuse` answered; answered: the others."""

    requests: list[Body] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    bytes: list[int] = field(default_factory=list)
    queries: list[str] = field(default_factory=list)
    refused: int = 0
    answered: int = 0


def error(status: int, message: str, **fields: Any) -> Response:
    """An error in OpenAI's form."""
    return JSONResponse({"error": {"message": message, **fields}}, status_code=status)


def events(answer: Body, thoughts: str = "", usage: bool = True, pieces: int = 7) -> Response:
    """A completion as server-sent events."""
    message, choice = answer["choices"][0]["message"], answer["choices"][0]
    text = message["content"] or ""
    size = max(1, len(text) // pieces)

    def chunk(delta: Body, finish: str | None = None) -> str:
        one = {"index": 0, "delta": delta, "finish_reason": finish}
        head = {"id": answer["id"], "object": "chat.completion.chunk", "created": 0, "model": answer["model"]}
        return f"data: {json.dumps({**head, 'choices': [one]})}\n\n"

    said = [chunk({"role": "assistant", "content": ""})]
    said += [chunk({"reasoning_content": thoughts})] if thoughts else []
    said += [chunk({"content": text[at : at + size]}) for at in range(0, len(text), size)]
    said += [chunk({}, choice["finish_reason"])]
    if usage:
        said += [f"data: {json.dumps({'choices': [], 'usage': answer['usage'], 'model': answer['model']})}\n\n"]
    return Response("".join([*said, "data: [DONE]\n\n"]), media_type="text/event-stream")


def text_of(answer: Body) -> str:
    """The text of a completion."""
    text: str = answer["choices"][0]["message"]["content"]
    return text


def with_message(answer: Body, finish: str | None = None, **message: Any) -> Body:
    """A completion with other fields in its message."""
    (choice,) = answer["choices"]
    changed = {**choice, "message": {**choice["message"], **message}}
    if finish is not None:
        changed["finish_reason"] = finish
    return {**answer, "choices": [changed]}


class QuirkyServer:
    """`seen` holds what arrived; `quirk` may be replaced while it runs."""

    def __init__(self, quirk: Quirk) -> None:
        self.quirk, self.seen = quirk, Seen()
        routes = [
            Route("/v1/chat/completions", self._chat, methods=["POST"]),
            Route("/v1/models", self._list),
        ]
        self._server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), "127.0.0.1", 0, log_level="error"))

    async def _list(self, _request: Request) -> Response:
        return JSONResponse(self.quirk.models)

    async def _chat(self, request: Request) -> Response:
        raw = await request.body()
        body: Body = json.loads(raw)
        self.seen.requests.append(body)
        self.seen.headers.append(dict(request.headers))
        self.seen.bytes.append(len(raw))
        self.seen.queries.append(request.url.query)
        if (refused := self.quirk.refuse(body, self.seen)) is not None:
            self.seen.refused += 1
            return refused
        self.seen.answered += 1
        asked = {**body, "model": embedded_model(body), "stream": False}
        try:
            answer: Body = dict(complete(asked))
        except ValueError as wrong:
            return error(400, f"the embedded model: {wrong}")
        return self.quirk.shape({**answer, "model": body["model"]}, body, self.seen)

    @property
    def url(self) -> str:
        """Its base URL."""
        port = self._server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}/v1"


def embedded_model(body: Body) -> str:
    """The embedded model for a request: all of them answer every step."""
    return body["model"] if body["model"] in MODELS else MODELS[0]


@contextmanager
def quirky_server(quirk: Quirk) -> Iterator[QuirkyServer]:
    """It runs in a thread while the block runs."""
    server = QuirkyServer(quirk)
    with running(server._server):
        yield server
