"""What the engine asks of whoever starts servers: an address, last words, figures."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from resources.endpoints import Endpoint


class GivenUpError(RuntimeError):
    """The process was asked to end while a server was waited for."""


class OwnServer(Protocol):
    """Starts the server of an endpoint that is `served`; its methods wait, so they are called in a thread."""

    def address(self, endpoint: "Endpoint", stopped: Callable[[], bool], replica: int = 1) -> str:
        """Where the API of one of its servers is, http://127.0.0.1:port/v1. Raises EndpointError, GivenUpError."""
        ...

    def last_words(self, endpoint: "Endpoint") -> str:
        """Why it ended, as its log says."""
        ...

    def figures(self) -> dict[str, float]:
        """What it did since this object was made, for metadata; empty where it was not asked."""
        ...
