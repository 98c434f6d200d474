"""Servers of our own within a run: started when a call is about to be sent, and again where one was killed."""

import asyncio
from collections import Counter
from collections.abc import Callable

from resources.endpoints import Endpoint
from resources.engine.server import Server
from resources.failures import EndpointError, StoppedError
from resources.vllm.asked_of_servers import GivenUpError, OwnServer
from resources.vllm.served_model import replica_of

MOST_STARTS = 3  # of one server in a run: after that it is the calls that end it


class Starting:
    """own: starts servers; None: this run has no endpoint that is `served`."""

    def __init__(self, own: OwnServer | None) -> None:
        self._own = own
        self._starts = Counter[Server]()

    async def up(self, endpoint: Endpoint, server: Server, stopped: Callable[[], bool]) -> None:
        """The endpoint's server lives, and its client knows where. Raises EndpointError, StoppedError."""
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
