"""One server at run time: its client, its slots, the calls that wait for one, and whether it is up."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from resources.endpoints import Endpoint
from resources.engine.limiter import Limit
from resources.engine.order import Waiting, next_call
from resources.engine.server_memory import ServerMemory
from resources.secrets import mask

if TYPE_CHECKING:
    from resources.model_client import ModelClient

AWAY_S = 3.0  # seconds without an answer before people are told


class Server:
    """Slots are granted as `order.next_call` says. `tail` is set when no sample waits to be opened."""

    def __init__(self, endpoint: Endpoint, url: str, memory: ServerMemory) -> None:
        self.url = url
        self.memory = memory
        self.client: ModelClient = endpoint.client(url)
        self.limit = Limit(endpoint.concurrency)
        self.starting = asyncio.Lock()  # one of ours is started by one call
        self.in_flight = 0
        self.tail = False
        self.down_until = 0.0
        self.answered_at: float | None = None
        self.trouble: str | None = None  # why it answers no call at the moment, and since when
        self._trouble_since = 0.0
        self._waiting: list[tuple[Waiting, asyncio.Future[None]]] = []

    @asynccontextmanager
    async def slot(self, call: Waiting) -> AsyncIterator[int]:
        """Hold a slot; yields the limit's generation, for `limit.record`."""
        if self.in_flight < self.limit.value and not self._waiting:
            self.in_flight += 1
        else:
            granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((call, granted))
            self._grant()
            try:
                await granted
            except asyncio.CancelledError:
                if granted.done() and not granted.cancelled():
                    self._release()
                else:
                    self._waiting = [pair for pair in self._waiting if pair[1] is not granted]
                raise
        try:
            yield self.limit.generation
        finally:
            self._release()

    def answered(self) -> None:
        """Note that the server has answered just now: it is up."""
        self.answered_at, self.down_until, self.trouble = time.monotonic(), 0.0, None

    def away(self, why: str) -> None:
        """Note that a call got no answer."""
        if self.trouble is None:
            self._trouble_since = time.monotonic()
        self.trouble = why

    def waiting(self) -> str | None:
        """A line for people, where the server has answered no call for a while."""
        away_s = time.monotonic() - self._trouble_since
        if self.trouble is None or away_s < AWAY_S:
            return None
        return f"{mask(self.url)} has answered no call for {away_s:.0f} s ({self.trouble}): waiting for it"

    def _release(self) -> None:
        self.in_flight -= 1
        self._grant()

    def _grant(self) -> None:
        while self._waiting and self.in_flight < self.limit.value:
            _, granted = self._waiting.pop(next_call([call for call, _ in self._waiting], self.tail))
            if not granted.done():
                self.in_flight += 1
                granted.set_result(None)


def choose(servers: Sequence[Server], sample: str, now: float) -> Server:
    """The server of a sample: always the same one (its prefix cache holds the sample), the next one while that is down.

    Rendezvous hashing: one more server moves only its own share of the samples.
    """
    if len(servers) == 1:
        return servers[0]
    up = [server for server in servers if server.down_until <= now] or list(servers)
    return max(up, key=lambda server: hashlib.sha256(f"{server.url}\x00{sample}".encode()).digest())
