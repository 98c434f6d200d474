"""Where each role's calls go: an OpenAI-compatible server named by LWV_<ROLE>_*, or the embedded model in process."""

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from resources.failures import EndpointError
from resources.messages import ROLES, Role

if TYPE_CHECKING:
    import openai

EMBEDDED_URL = "http://embedded/v1"
LOCAL_HOSTS = ("localhost", "::1", "0.0.0.0")
USERINFO = re.compile(r"(\w+://)?[^/]*@")  # addresses are in the ledger and in messages, so they hold no secret


class _EndpointSettings(BaseSettings):
    model_config = SettingsConfigDict(extra="ignore")

    base_url: str | None = None
    model: str | None = None
    api_key: SecretStr | None = None
    concurrency: int = Field(default=16, ge=1)
    timeout_s: float = Field(default=600, gt=0)
    window: float = Field(default=1.5, ge=1)
    patience_s: float = Field(default=600, ge=0)
    document_s: float = Field(default=6 * 3600, gt=0)
    structured: bool = True


class Endpoint:
    """One role's server, or several that serve the same model. `embedded` is true where no base URL is configured.

    base_url: one, or several with commas between them; a user name or password in it is refused. concurrency: calls at
    once, for each server. window: samples open at once for each slot (`order.open_samples`). timeout_s: for one call;
    document_s: for all calls of one sample. patience_s: how long a server that has answered before may answer no call
    before the run stops; first_answer_s: one that never has.
    structured: ask for structured output (`response_format`); a server that refuses it is asked without.
    """

    first_answer_s = 5.0

    def __init__(
        self,
        role: Role,
        base_url: str | None = None,
        model: str | None = None,
        api_key: SecretStr | None = None,
        concurrency: int = 16,
        timeout_s: float = 600,
        window: float = 1.5,
        patience_s: float = 600,
        document_s: float = 6 * 3600,
        structured: bool = True,
    ) -> None:
        self.role = role
        self.prefix = f"LWV_{role.upper()}"
        self.embedded = base_url is None
        self.base_url = base_url or EMBEDDED_URL
        self.api_key = api_key
        self.concurrency = concurrency
        self.timeout_s = timeout_s
        self.window = window
        self.patience_s = patience_s
        self.document_s = document_s
        self.structured = structured and not self.embedded
        self.urls = [url.strip() for url in self.base_url.split(",") if url.strip()]
        if any(map(USERINFO.match, self.urls)):  # before any message that repeats the address
            raise EndpointError(
                f"{self.prefix}_BASE_URL holds a user name or a password: leave them out of the "
                f"address, and give the key as {self.prefix}_API_KEY."
            )
        if self.embedded:
            from resources.embedded.protocol import model_name

            self.model = model_name(role)
        elif model:
            self.model = model
        else:
            raise EndpointError(f"{self.prefix}_MODEL is not set: name the model to ask for at {base_url}.")
        if not self.urls or not all(url.startswith(("http://", "https://")) for url in self.urls):
            raise EndpointError(
                f"{self.prefix}_BASE_URL is '{base_url}': each address must start with http:// or https://."
            )

    @classmethod
    def from_env(cls, role: Role) -> "Endpoint":
        """The endpoint that LWV_<ROLE>_BASE_URL, _MODEL, _API_KEY and so on describe.

        Raises EndpointError naming the setting where they do not fit together.
        """
        try:
            found = _EndpointSettings(_env_prefix=f"LWV_{role.upper()}_")
        except ValueError as error:
            raise EndpointError(f"A setting LWV_{role.upper()}_* is not usable: {_first_line(error)}") from error
        return cls(
            role,
            found.base_url or None,
            found.model or None,
            found.api_key,
            found.concurrency,
            found.timeout_s,
            found.window,
            found.patience_s,
            found.document_s,
            found.structured,
        )

    def client(self, url: str) -> "openai.AsyncOpenAI":
        """A new client for one of `urls`, for the running event loop (a client belongs to one loop).

        Close it after use.
        """
        import httpx2
        import openai

        if self.embedded:
            from resources.embedded.protocol import app

            http: httpx2.AsyncClient | None = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app))
        else:  # aiohttp: a fifth less CPU a call than httpx2's own transport
            limits = httpx2.Limits(max_connections=self.concurrency, keepalive_expiry=30)
            http = openai.DefaultAioHttpClient(limits=limits, timeout=self.timeout_s)
        key = self.api_key.get_secret_value() if self.api_key else "none"
        return openai.AsyncOpenAI(
            base_url=url, api_key=key, http_client=http, timeout=self.timeout_s, max_retries=0
        )  # `engine.retries` decides: a 429 must reach the limiter

    def __repr__(self) -> str:
        return f"{self.role}: {self.model} " + ("(embedded, in process)" if self.embedded else f"at {self.base_url}")


def asks_local_server(role: Role) -> bool:
    """Whether a role's calls go to a server on this machine; false where its settings cannot be used."""
    try:
        endpoint = Endpoint.from_env(role)
    except EndpointError:
        return False
    hosts = (urlsplit(url).hostname or "" for url in endpoint.urls)
    return not endpoint.embedded and any(host in LOCAL_HOSTS or host.startswith("127.") for host in hosts)


def endpoints_from_env() -> dict[Role, Endpoint]:
    """Every role's endpoint. Raises EndpointError as `Endpoint.from_env` does."""
    return {role: Endpoint.from_env(role) for role in ROLES}


def _first_line(error: ValueError) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[1:3]) if len(lines) > 1 else str(error)
