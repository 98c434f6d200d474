"""Servers of our own within a run: started when a call is about to be sent, and again where one was killed."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence

from resources.endpoints import Endpoint
from resources.engine.progress import logger
from resources.engine.server import Server
from resources.failures import EndpointError, StoppedError
from resources.vllm.asked_of_servers import GivenUpError, OwnServer
from resources.vllm.served_model import replica_of

GONE_S = 600.0  # one that cannot be started is tried again so much later, where another one answers
MOST_STARTS = 3  # of one server in a run: after that it is the calls that end it


class Starting:
    """own: starts servers; None: this run has no endpoint that is `served`."""

    def __init__(self, own: OwnServer | None) -> None:
        self._own = own
        self._starts = Counter[Server]()

    async def up(
        self, endpoint: Endpoint, server: Server, servers: Sequence[Server], stopped: Callable[[], bool]
    ) -> bool:
        """The endpoint's server lives, and its client knows where; false: it does not, and another one of `servers`
        answers in its place. Raises EndpointError, StoppedError."""
        try:
            await self._up(endpoint, server, stopped)
        except EndpointError as error:
            now = time.monotonic()
            if not any(other.answered_at and other.down_until <= now for other in servers if other is not server):
                raise
            logger.warning("%s", f"{error} The others answer in its place.")
            server.down_until = now + GONE_S
            return False
        return True

    async def _up(self, endpoint: Endpoint, server: Server, stopped: Callable[[], bool]) -> None:
        if endpoint.served is None or self._own is None:
            return
        async with server.starting:
            try:
                address = await asyncio.to_thread(self._own.address, endpoint, stopped, replica_of(server.url))
            except GivenUpError as error:
                raise StoppedError(str(error)) from error
            if str(server.client.base_url).rstrip("/") == address:
                return
            self._starts[server] += 1
            if self._starts[server] > MOST_STARTS:
                raise EndpointError(
                    f"vLLM ended {MOST_STARTS} times while it served {endpoint.model}: "
                    f"{self._own.last_words(endpoint)}.",
                    "unreachable",
                )
            server.client.base_url = address

    async def figures(self) -> dict[str, float]:
        """What the server did in this run."""
        return await asyncio.to_thread(self._own.figures) if self._own else {}
