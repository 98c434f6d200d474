"""A server's answer is read no further than a bound: no server fills the memory."""

from collections.abc import AsyncIterator

import httpx2

MOST_ANSWER_BYTES = 64_000_000


class _Bounded(httpx2.AsyncByteStream):
    """A body up to MOST_ANSWER_BYTES: reading on raises httpx2.ReadError."""

    def __init__(self, body: httpx2.AsyncByteStream) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = 0
        async for piece in self._body:
            read += len(piece)
            if read > MOST_ANSWER_BYTES:
                raise httpx2.ReadError(f"the answer has more than {MOST_ANSWER_BYTES / 1e6:.0f} MB")
            yield piece

    async def aclose(self) -> None:
        await self._body.aclose()


async def bounded(response: httpx2.Response) -> None:
    """Bound the body of an asynchronous client's response."""
    if isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = _Bounded(response.stream)
