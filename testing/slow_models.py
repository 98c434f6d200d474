"""The embedded models behind a real HTTP server that takes its time, and counts what it answered."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resources.embedded.protocol import MODELS, app
from testing.openai_server import running


@dataclass
class SlowModels:
    """seconds: before each answer. held: no answer goes out until it is false again. answered: how often each question
    was, by the hash of its body."""

    seconds: float
    held: bool = False
    answered: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    url: str = ""

    def env(self) -> dict[str, str]:
        """The settings under which a factory asks these models, four calls at a time."""
        return {
            f"LWV_{role}_{name}": value
            for role, model in zip(("TEACHER", "CRITIC", "JUDGE"), MODELS, strict=True)
            for name, value in {"BASE_URL": self.url, "MODEL": model, "CONCURRENCY": "4"}.items()
        }

    def wrap(self, inner: ASGIApp) -> ASGIApp:
        """The application, with the delay."""

        async def outer(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or scope["method"] != "POST":
                await inner(scope, receive, send)
                return
            body, more = b"", True
            while more:
                message = await receive()
                body, more = body + message.get("body", b""), message.get("more_body", False)
            given = iter([{"type": "http.request", "body": body, "more_body": False}])

            async def again() -> Message:
                return next(given, None) or await receive()

            self.in_flight += 1
            try:
                await asyncio.sleep(self.seconds)
                while self.held:  # noqa: ASYNC110 (set in another thread)
                    await asyncio.sleep(0.02)
                await inner(scope, again, send)
                self.answered[hashlib.sha256(body).hexdigest()] += 1
            finally:
                self.in_flight -= 1

        return outer


@contextmanager
def slow_models(seconds: float) -> Iterator[SlowModels]:
    """They answer while the block runs."""
    models = SlowModels(seconds)
    server = uvicorn.Server(uvicorn.Config(models.wrap(app), host="127.0.0.1", port=0, log_level="error"))
    with running(server):
        port = server.servers[0].sockets[0].getsockname()[1]
        models.url = f"http://127.0.0.1:{port}/v1"
        yield models
