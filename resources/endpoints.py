"""Where each role's calls go: an OpenAI-compatible server named by LWV_<ROLE>_*, or the embedded model in process."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from resources.failures import EndpointError
from resources.messages import ROLES, Call, Role
from resources.secret_values import secrets_in_address, secrets_in_fields, secrets_in_headers
from resources.secrets import keep_secret, know_environment, mask
from resources.settings import Settings
from resources.vllm.serve_command import PLAIN_SAMPLING
from resources.vllm.served_model import SCHEME, ServedModel, is_ours, of_path, replica_addresses, served_model
from resources.wanted import wrong_settings

if TYPE_CHECKING:
    import httpx2

    from resources.model_client import ModelClient

EMBEDDED_URL = "http://embedded/v1"
NOWHERE = "http://127.0.0.1:9/v1"  # no server: one of ours has no port before it is started
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
    startup_s: float = Field(default=5, ge=0)
    document_s: float = Field(default=6 * 3600, gt=0)
    structured: bool = True
    stream: bool = False
    reasoning_tokens: int = Field(default=0, ge=0)
    extra: str | None = None
    headers: SecretStr | None = None


@dataclass(frozen=True)
class Wire:
    """What a role's requests hold besides the call: settings of the user.

    stream: ask for streams; structured: ask for structured output; reasoning_tokens: room for thoughts on top of
    max_tokens; extra: fields merged into the body; headers: sent, and never stored or shown.
    """

    structured: bool = True
    stream: bool = False
    reasoning_tokens: int = 0
    extra: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class Endpoint:
    """One role's server, or several that serve the same model. `embedded` is true where no base URL is configured.

    base_url: one, or several with commas between them; a user name or password in it is refused. `vllm:PATH-OR-ID`: a
    server that is started here when the first call is sent (`served`, resources/vllm). concurrency: calls at
    once, for each server. window: samples open at once for each slot (`order.open_samples`). timeout_s: for one call;
    document_s: for all calls of one sample. patience_s: how long a server that has answered before may answer no call
    before the run stops; startup_s: one that never has, while it cannot be reached. wire: what its requests hold.
    replicas: servers of ours side by side.
    """

    connect_s = 10.0  # for a connection: a firewall that drops packets says nothing else

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
        startup_s: float = 5,
        wire: Wire | None = None,
        replicas: int = 1,
    ) -> None:
        self.role = role
        self.prefix = f"LWV_{role.upper()}"
        self.embedded = base_url is None
        self.served: ServedModel | None = None
        if base_url and is_ours(base_url):
            self.served = served_model(base_url, f"{self.prefix}_BASE_URL")
            base_url = f"vllm:{self.served.name}"
        self.base_url = base_url or EMBEDDED_URL
        self.api_key = usable_key(api_key, self.prefix)
        self.concurrency = concurrency
        self.timeout_s = timeout_s
        self.window = window
        self.patience_s = patience_s
        self.document_s = document_s
        self.startup_s = startup_s
        self.wire = Wire(structured=False) if self.embedded else wire or Wire()
        keep_secret(
            *([self.api_key.get_secret_value()] if self.api_key else ()),
            *secrets_in_address(self.base_url),
            *secrets_in_headers(self.wire.headers),
            *secrets_in_fields(self.wire.extra),
        )
        urls = [] if self.served else re.split(r"[,\s]+", self.base_url.strip(", \n\t"))
        if any(map(USERINFO.match, urls)):  # before any message that repeats the address
            raise EndpointError(
                f"{self.prefix}_BASE_URL holds a user name or a password: leave them out of the "
                f"address, and give the key as {self.prefix}_API_KEY."
            )
        if self.embedded:
            from resources.embedded.protocol import model_name

            self.model = model_name(role)
        elif self.served:
            if model and model != self.served.name:
                raise EndpointError(
                    f"{self.prefix}_MODEL is '{model}', and {self.prefix}_BASE_URL names the model itself "
                    f"({self.base_url}): leave {self.prefix}_MODEL out."
                )
            self.model = self.served.name
        elif model:
            self.model = model
        else:
            raise EndpointError(f"{self.prefix}_MODEL is not set: name the model to ask for at {mask(self.base_url)}.")
        if self.served:
            self.urls = replica_addresses(self.served, replicas)
            return
        if not urls or not all(url.startswith(("http://", "https://")) for url in urls):
            raise EndpointError(
                f"{self.prefix}_BASE_URL is '{mask(self.base_url)}': each address must start with http:// or https://."
            )
        self.urls = [without_route(url) for url in urls]
        self.base_url = mask(self.base_url)  # as messages, tables and the ledger name it

    @classmethod
    def from_env(cls, role: Role, base_url: str | None = None, model: str | None = None) -> "Endpoint":
        """The endpoint that LWV_<ROLE>_BASE_URL, _MODEL, _API_KEY and so on describe. base_url, model: in place of
        theirs.

        Raises EndpointError naming the setting where they do not fit together.
        """
        know_environment()  # it may have changed since this process started
        prefix = f"LWV_{role.upper()}"
        try:
            found = _EndpointSettings(_env_prefix=f"{prefix}_")
        except ValidationError as error:
            schema = _EndpointSettings.model_json_schema()
            raise EndpointError(wrong_settings(f"{prefix}_", error, schema)) from error
        headers = found.headers.get_secret_value() if found.headers else None
        return cls(
            role,
            base_url or found.base_url or None,
            model or (found.model or "").strip() or None,
            found.api_key,
            found.concurrency,
            found.timeout_s,
            found.window,
            found.patience_s,
            found.document_s,
            found.startup_s,
            Wire(
                found.structured,
                found.stream,
                found.reasoning_tokens,
                read_extra(found.extra, prefix),
                read_headers(headers, prefix),
            ),
            Settings().vllm_replicas if is_ours(base_url or found.base_url or "") else 1,
        )

    def in_full(self, call: Call) -> Call:
        """The call as a server of ours is asked it: with all of its sampling, so that no file of the model decides."""
        return replace(call, extra={**PLAIN_SAMPLING, **call.extra}) if self.served else call

    def client(self, url: str) -> "ModelClient":
        """A new client for one of `urls`, for the running event loop (a client belongs to one loop).

        Close it after use. That of a server that is started here has no address yet: its `base_url` is set once it is.
        """
        import httpx2
        import openai

        from resources.bounded_answers import bounded
        from resources.model_client import ModelClient

        if self.embedded:
            from resources.embedded.protocol import app

            http: httpx2.AsyncClient = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app))
        else:  # aiohttp: a fifth less CPU a call than httpx2's own transport
            limits = httpx2.Limits(max_connections=self.concurrency, keepalive_expiry=30)
            timeout = httpx2.Timeout(self.timeout_s, connect=min(self.connect_s, self.timeout_s))
            http = openai.DefaultAioHttpClient(limits=limits, timeout=timeout, trust_env=not self.served)
        key = self.api_key.get_secret_value() if self.api_key else "none"
        parts = urlsplit(NOWHERE if is_ours(url) else url)
        query = dict(parse_qsl(parts.query))
        http.event_hooks["response"] = [bounded]
        headers = {"Accept-Encoding": "identity", **self.wire.headers}  # a small body can unpack to a large one
        if is_azure(url) and self.api_key:  # takes the key under a name of its own, and a bearer token for another kind
            headers["api-key"] = key
            http.event_hooks["request"] = [_without_bearer]
        return ModelClient(
            base_url=urlunsplit(parts._replace(query="")),
            api_key=key,
            http_client=http,
            timeout=httpx2.Timeout(self.timeout_s, connect=min(self.connect_s, self.timeout_s)),
            default_query=query,
            default_headers=headers,
        )

    def __repr__(self) -> str:
        where = "(embedded, in process)" if self.embedded else f"at {self.base_url}"
        return f"{self.role}: {self.model} " + ("(a vLLM of our own)" if self.served else where)


async def _without_bearer(request: "httpx2.Request") -> None:
    request.headers.pop("Authorization", None)  # the client takes no default header for leaving it out


def usable_key(key: SecretStr | None, prefix: str) -> SecretStr | None:
    """A key without white space and quotes around it. Raises EndpointError where no header can hold it."""
    if key is None:
        return None
    text = key.get_secret_value().strip().strip("\"'“”‘’").strip()
    if not text:
        return None
    if not all(" " < character <= "~" for character in text):
        raise EndpointError(
            f"{prefix}_API_KEY holds a character that no key has (white space, a curly quote, a line's end): "
            "copy the key again."
        )
    return SecretStr(text)


def without_route(url: str) -> str:
    """An address up to the API's root: a pasted `/chat/completions` is taken off, its query (`?api-version=…`) kept."""
    parts = urlsplit(url)
    path = re.sub(r"(/chat)?/completions/?$", "", parts.path).rstrip("/")
    return urlunsplit(parts._replace(path=path, fragment=""))


def is_azure(url: str) -> bool:
    """Whether an address is Azure's, by its host or its api-version."""
    parts = urlsplit(url)
    azure = (parts.hostname or "").endswith((".openai.azure.com", ".cognitiveservices.azure.com", ".ai.azure.com"))
    return azure or "api-version=" in parts.query


RESERVED = ("messages", "model", "stream", "stream_options", "n", "max_tokens", "max_completion_tokens")


def read_extra(text: str | None, prefix: str) -> dict[str, object]:
    """LWV_<ROLE>_EXTRA. Raises EndpointError where it is no JSON object, or sets a field that the engine fills."""
    found = _json_object(text, f"{prefix}_EXTRA", '{"reasoning_effort": "low"}')
    for name in RESERVED:
        if name in found:
            setting = {"stream": f": set {prefix}_STREAM", "model": f": set {prefix}_MODEL"}.get(name, "")
            if name.startswith("max_"):
                setting = f": set {prefix}_REASONING_TOKENS for more room"
            raise EndpointError(f"{prefix}_EXTRA sets `{name}`, which the engine fills itself{setting}.")
    return found


def read_headers(text: str | None, prefix: str) -> dict[str, str]:
    """LWV_<ROLE>_HEADERS. Raises EndpointError where it is no JSON object of texts; its values are never repeated."""
    found = _json_object(text, f"{prefix}_HEADERS", '{"HTTP-Referer": "https://example.org"}', secret=True)
    for name, value in found.items():
        usable = isinstance(value, str) and value.isascii() and value.isprintable()
        if not usable or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
            raise EndpointError(f"{prefix}_HEADERS: the header {name[:60]!r} has no value that a header can hold.")
    return {name: str(value) for name, value in found.items()}


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def _json_object(text: str | None, setting: str, example: str, secret: bool = False) -> dict[str, object]:
    if not (text or "").strip():
        return {}
    try:
        found: object = json.loads(text or "", parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        shown = "" if secret else f" ({error})"
        raise EndpointError(f"{setting} is no JSON{shown}: write it as in '{example}'.") from error
    if not isinstance(found, dict):
        raise EndpointError(f"{setting} is no JSON object: write it as in '{example}'.")
    return found


def asks_local_server(role: Role) -> bool:
    """Whether a role's calls go to a server on this machine; false where its settings cannot be used."""
    try:
        endpoint = Endpoint.from_env(role)
    except EndpointError:
        return False
    if endpoint.served:
        return True
    hosts = (urlsplit(url).hostname or "" for url in endpoint.urls)
    return not endpoint.embedded and any(host in LOCAL_HOSTS or host.startswith("127.") for host in hosts)


def endpoints_from_env() -> dict[Role, Endpoint]:
    """Every role's endpoint. Raises EndpointError as `Endpoint.from_env` does, for all roles at once."""
    found: dict[Role, Endpoint] = {}
    wrong: list[str] = []
    for role in ROLES:
        try:
            found[role] = Endpoint.from_env(role)
        except EndpointError as error:
            wrong.append(str(error))
    if wrong:
        raise EndpointError(" ".join(wrong))
    return found


def student_endpoint(model: str) -> Endpoint | None:
    """Where the checkpoint in the folder `model` (or hub id) is asked: LWV_STUDENT_BASE_URL is `vllm:`, and a server is
    started for it, or the address of one that serves it by the name `ServedModel.name`. None: no server writes.

    Raises EndpointError.
    """
    if served_students():
        return Endpoint.from_env("student", f"{SCHEME}{model}")
    asked = os.environ.get("LWV_STUDENT_BASE_URL", "").strip()
    return Endpoint.from_env("student", model=of_path(model).name) if asked else None


def served_students() -> bool:
    """Whether servers are started for the checkpoints that write. Raises EndpointError."""
    address = os.environ.get("LWV_STUDENT_BASE_URL", "").strip()
    if is_ours(address) and address != SCHEME:
        raise EndpointError(
            f"LWV_STUDENT_BASE_URL is '{address}': write `{SCHEME}` alone, for it serves the checkpoints."
        )
    return is_ours(address)


def endpoint_names() -> list[str]:
    """The names of every role's settings in the environment."""
    return [f"LWV_{role}_{name}".upper() for role in (*ROLES, "student") for name in _EndpointSettings.model_fields]
