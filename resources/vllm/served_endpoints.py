"""The servers of a factory's endpoints: what one step's engine is given, with the folder and the settings it needs."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from resources.endpoints import Endpoint
from resources.failures import EndpointError
from resources.settings import Settings
from resources.vllm.gpu_share import Share
from resources.vllm.own_servers import OWN_SERVERS
from resources.vllm.served_model import ServedModel, replica_of, require_model
from resources.vllm.server_log import why_it_ended
from resources.vllm.vllm_environment import vllm_environment


class Serving:
    """home: LWV_HOME. size: pixels of an image, as a processor's `size` has them; None: as the model's folder says."""

    def __init__(self, home: Path, settings: Settings, size: Mapping[str, int] | None = None) -> None:
        self._home, self._settings, self._size = home, settings, size
        self._asked = False

    def address(self, endpoint: Endpoint, stopped: Callable[[], bool] = lambda: False, replica: int = 1) -> str:
        """Where the API of one of its servers is, http://127.0.0.1:port/v1. Raises EndpointError, GivenUpError."""
        root = OWN_SERVERS.root(
            self._home, self._settings, _model(endpoint), self._size, f"{endpoint.prefix}_BASE_URL", stopped,
            Share(replica, len(endpoint.urls)),
        )  # fmt: skip
        if not self._asked:
            self._asked = True
            OWN_SERVERS.mark()
        return f"{root}/v1"

    def start(self, endpoint: Endpoint) -> None:
        """Start all servers of the endpoint, side by side. Raises EndpointError, GivenUpError."""
        with ThreadPoolExecutor() as pool:
            failed = threading.Event()

            def one(url: str) -> str:
                try:
                    return self.address(endpoint, failed.is_set, replica_of(url))
                except EndpointError:
                    failed.set()  # the others are not waited for
                    raise

            starting = [pool.submit(one, url) for url in endpoint.urls]
            errors = [error for each in starting if (error := each.exception()) is not None]
        if errors:
            raise next((error for error in errors if isinstance(error, EndpointError)), errors[0])

    def last_words(self, endpoint: Endpoint) -> str:
        """Why its server ended last."""
        logs = sorted((self._home / "vllm").glob("*/log.txt"), key=lambda path: path.stat().st_mtime)
        return why_it_ended(logs[-1]) + f" (its log: {logs[-1]})" if logs else f"{endpoint.model} has no log"

    def figures(self) -> dict[str, float]:
        """What the server did since its first call was sent by this object; empty where none was."""
        return OWN_SERVERS.figures() if self._asked else {}


def require_servable(endpoint: Endpoint, settings: Settings) -> None:
    """Raises EndpointError where a server of ours cannot be started for an endpoint, as far as files can tell."""
    if endpoint.served:
        vllm_environment(settings.vllm_python)
        require_model(endpoint.served, f"{endpoint.prefix}_BASE_URL")


def _model(endpoint: Endpoint) -> ServedModel:
    if endpoint.served is None:
        raise EndpointError(f"{endpoint.base_url} is no server of ours.")
    return endpoint.served
