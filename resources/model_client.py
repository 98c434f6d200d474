"""The client of one model server: openai's, with chat completions that are sent for less."""

from collections.abc import AsyncIterable
from typing import Any

import httpx2
import openai


class ModelClient(openai.AsyncOpenAI):
    """openai's `post` makes address, key and headers anew for each call, which is 0.3 of its 0.7 ms of CPU; here they
    are made once. No retries: who sends decides, for a 429 must reach the limiter."""

    def __init__(self, *, http_client: httpx2.AsyncClient, timeout: httpx2.Timeout, **more: Any) -> None:
        """more: AsyncOpenAI's."""
        super().__init__(http_client=http_client, timeout=timeout, max_retries=0, **more)
        self._connections, self._patience = http_client, {"timeout": timeout.as_dict()}
        given = {**self.auth_headers, **self.default_headers}
        self._usual = httpx2.Headers({name: value for name, value in given.items() if isinstance(value, str)})
        self._root, self._completions = httpx2.URL(), httpx2.URL()

    async def complete(self, body: bytes | AsyncIterable[bytes], size: int) -> httpx2.Response:
        """What POST /chat/completions answered to a JSON body of `size` bytes, whatever the status, read whole.

        Raises httpx2.HTTPError, aiohttp.ClientError, OSError or ValueError where there was no answer.
        """
        if self._root is not self.base_url:  # a server of our own gets its address once it is started
            self._root = self.base_url
            query = {name: str(value) for name, value in self.default_query.items()}
            address = self._root.copy_with(raw_path=self._root.raw_path + b"chat/completions")
            self._completions = address.copy_merge_params(query)
        headers = self._usual.copy()
        headers["Content-Length"] = str(size)
        request = httpx2.Request("POST", self._completions, headers=headers, content=body, extensions=self._patience)
        return await self._connections.send(request)
