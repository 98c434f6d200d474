"""A real OpenAI-compatible HTTP server on loopback whose answers a test scripts."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Answer = Callable[[dict[str, Any]], Response | str]


def completion(text: str, model: str = "scripted", finish_reason: str = "stop", refusal: str | None = None) -> Response:
    return JSONResponse(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 0,
            "model": model,
            "choices": [
                {
                    "index": 0,
                    "finish_reason": finish_reason,
                    "message": {"role": "assistant", "content": text, "refusal": refusal},
                }
            ],
            "usage": {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "total_tokens": 15,
                "prompt_tokens_details": {"cached_tokens": 4},
            },
        }
    )


def failure(status: int, message: str, code: str | None = None) -> Response:
    return JSONResponse({"error": {"message": message, "type": "test", "code": code}}, status_code=status)


class ScriptedServer:
    """`requests` holds every body that arrived, `keys` the bearer token of each. models: the answer to GET /models;
    without one the server does not know the path."""

    def __init__(self, answer: Answer, models: object = None) -> None:
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.answer = answer
        self.models = models
        routes = [Route("/v1/chat/completions", self._chat, methods=["POST"]), Route("/v1/models", self._models)]
        app = Starlette(routes=routes)
        self._server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))

    async def _chat(self, request: Request) -> Response:
        body = await request.json()
        self.requests.append(body)
        self.keys.append(request.headers.get("authorization", "").removeprefix("Bearer "))
        answer = self.answer(body)
        return completion(answer, body["model"]) if isinstance(answer, str) else answer

    async def _models(self, _: Request) -> Response:
        return failure(404, "Not Found") if self.models is None else JSONResponse(self.models)

    @property
    def url(self) -> str:
        port = self._server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}/v1"


@contextmanager
def running(server: uvicorn.Server) -> Iterator[None]:
    """The server answers in a thread while the block runs."""
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        if time.monotonic() > deadline:
            raise TimeoutError("the server did not start")
        time.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(timeout=10)


@contextmanager
def scripted_server(answer: Answer, models: object = None) -> Iterator[ScriptedServer]:
    server = ScriptedServer(answer, models)
    with running(server._server):
        yield server
