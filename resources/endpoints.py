"""Where each role's calls go: an OpenAI-compatible server named by LWV_<ROLE>_*, or the embedded model in process."""

from typing import Any

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from resources.failures import EndpointUnusable
from resources.messages import ROLES, Role

EMBEDDED_URL = "http://embedded/v1"


class _EndpointSettings(BaseSettings):
    model_config = SettingsConfigDict(extra="ignore")

    base_url: str | None = None
    model: str | None = None
    api_key: SecretStr | None = None
    concurrency: int = Field(default=16, ge=1)
    timeout_s: float = Field(default=600, gt=0)


class Endpoint:
    """One role's server. `embedded` is true where no base URL is configured."""

    def __init__(self, role: Role, base_url: str | None = None, model: str | None = None,
                 api_key: SecretStr | None = None, concurrency: int = 16, timeout_s: float = 600) -> None:
        self.role = role
        self.prefix = f"LWV_{role.upper()}"
        self.embedded = base_url is None
        self.base_url = base_url or EMBEDDED_URL
        self.api_key = api_key
        self.concurrency = concurrency
        self.timeout_s = timeout_s
        if self.embedded:
            from resources.embedded import model_name

            self.model = model_name(role)
        elif model:
            self.model = model
        else:
            raise EndpointUnusable(f"{self.prefix}_MODEL is not set: name the model to ask for at {base_url}.")
        if not self.base_url.startswith(("http://", "https://")):
            raise EndpointUnusable(f"{self.prefix}_BASE_URL is '{base_url}': it must start with http:// or https://.")

    @classmethod
    def from_env(cls, role: Role) -> "Endpoint":
        """The endpoint that LWV_<ROLE>_BASE_URL, _MODEL, _API_KEY, _CONCURRENCY and _TIMEOUT_S describe.

        Raises EndpointUnusable naming the setting where they do not fit together.
        """
        try:
            found = _EndpointSettings(_env_prefix=f"LWV_{role.upper()}_")
        except ValueError as error:
            raise EndpointUnusable(f"A setting LWV_{role.upper()}_* is not usable: {_first_line(error)}") from error
        return cls(role, found.base_url or None, found.model or None, found.api_key, found.concurrency, found.timeout_s)

    def client(self) -> Any:
        """A new openai.AsyncOpenAI for the running event loop (a client belongs to one loop). Close it after use."""
        import httpx2
        import openai

        if self.embedded:
            from resources.embedded import app

            http: httpx2.AsyncClient | None = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app))
        else:
            limits = httpx2.Limits(max_connections=self.concurrency + 4, max_keepalive_connections=self.concurrency + 4)
            http = httpx2.AsyncClient(limits=limits, timeout=self.timeout_s)
        key = self.api_key.get_secret_value() if self.api_key else "none"
        return openai.AsyncOpenAI(base_url=self.base_url, api_key=key, http_client=http, timeout=self.timeout_s,
                                  max_retries=0 if self.embedded else 4)

    def __repr__(self) -> str:
        return f"{self.role}: {self.model} " + ("(embedded, in process)" if self.embedded else f"at {self.base_url}")


def endpoints_from_env() -> dict[Role, Endpoint]:
    return {role: Endpoint.from_env(role) for role in ROLES}


def _first_line(error: ValueError) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[1:3]) if len(lines) > 1 else str(error)
