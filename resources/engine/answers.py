"""What an HTTP answer means: a text that can be used, or the kind of failure and a one-line message."""

import math
from typing import TYPE_CHECKING, NamedTuple

import openai

from resources.endpoints import Endpoint
from resources.engine.retries import Trouble
from resources.failures import EndpointError
from resources.json_types import Json
from resources.text.refusals import begins_as_refusal

if TYPE_CHECKING:
    import httpx2


class Answer(NamedTuple):
    """What an HTTP answer means."""

    status: str  # ok, or the kind of AnswerError
    detail: str = ""  # why not, where status is not ok
    text: str = ""
    finish_reason: str = ""


class TokenUsage(NamedTuple):
    """Tokens of one call as the server counts them; `prompt` counts the cached ones too."""

    prompt: int
    cached: int
    completion: int


NO_TOKENS = TokenUsage(0, 0, 0)


def read_answer(body: Json) -> Answer:
    """The first choice of a chat completion. Raises ValueError where `body` is no chat completion."""
    choices = body.get("choices") if isinstance(body, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise ValueError("it has no choices[0].message")
    text, refusal, finish = message.get("content") or "", message.get("refusal") or "", choice.get("finish_reason")
    if not isinstance(text, str) or not isinstance(refusal, str):
        raise ValueError("the content or the refusal of its message is not a string")
    finish_reason = finish if isinstance(finish, str) else ""
    status, detail = classify(text, finish_reason, refusal)
    return Answer(status, detail, text, finish_reason)


def read_usage(body: Json) -> TokenUsage:
    """What a chat completion says it took; zeros where it does not say."""
    usage = body.get("usage") if isinstance(body, dict) else None
    if not isinstance(usage, dict):
        return NO_TOKENS
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else None
    return TokenUsage(_count(usage.get("prompt_tokens")), _count(cached), _count(usage.get("completion_tokens")))


def _count(value: Json) -> int:
    return int(value) if isinstance(value, int | float) and math.isfinite(value) else 0


def classify(text: str, finish_reason: str, refusal: str = "") -> tuple[str, str]:
    """(status, detail) of an answer that arrived: `ok`, or the kind of AnswerError and why."""
    if refusal:
        return "refused", f"the model refused: {refusal[:200]}"
    if finish_reason == "content_filter":
        return "filtered", "the server's content filter stopped the answer"
    if finish_reason == "length":
        return "truncated", "the answer was cut by max_tokens"
    if not text.strip():
        return "empty", "the answer was empty"
    if begins_as_refusal(text):
        return "refused", f"the model refused: {text.strip()[:200]}"
    return "ok", ""


def bad_request_kind(message: str) -> str:
    """The kind of AnswerError behind an HTTP 400: overflow, filtered, or rejected."""
    low = message.lower()
    if "context length" in low or "maximum context" in low or "context_length" in low or "too many tokens" in low:
        return "overflow"
    return "filtered" if "content_policy" in low or "content management policy" in low else "rejected"


def refuses_structure(message: str) -> bool:
    """Whether an HTTP 400 is about the structured output that was asked for."""
    low = message.lower()
    return any(word in low for word in ("response_format", "json_schema", "structured", "guided", "grammar"))


def trouble_of(error: openai.OpenAIError, endpoint: Endpoint) -> Trouble:
    """The failure, where another try may succeed; raises EndpointError where none can."""
    if isinstance(error, openai.RateLimitError) and error.code != "insufficient_quota":
        return Trouble("pushed_back", short(error), _retry_after(error.response))
    if isinstance(error, openai.APITimeoutError) and _timed_out(error):
        return Trouble("timeout", f"no answer in {endpoint.timeout_s:g} s")
    if isinstance(error, openai.APIConnectionError):
        return Trouble("unreachable", short(error.__cause__ or error))
    if isinstance(error, openai.APIStatusError) and (error.status_code >= 500 or error.status_code in (408, 409)):
        return Trouble("server_error", short(error), _retry_after(error.response))
    kind, says = explain(error, endpoint)
    raise EndpointError(says, kind) from error


def explain(error: openai.OpenAIError, endpoint: Endpoint) -> tuple[str, str]:
    """(kind, message): which endpoint failed, and which setting to check."""
    prefix, where = endpoint.prefix, f"{endpoint.role} at {endpoint.base_url}"
    if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
        state = "is wrong" if endpoint.api_key else "is not set"
        return "wrong_key", f"The {where} does not accept the key: {prefix}_API_KEY {state}."
    if isinstance(error, openai.NotFoundError):
        return "unknown_model", (
            f"The {where} does not know the model '{endpoint.model}': check {prefix}_MODEL and {prefix}_BASE_URL."
        )
    if isinstance(error, openai.RateLimitError):
        return "no_quota", f"The {where} has no quota left for this key: top it up, or use another {prefix}_API_KEY."
    return "failed", f"The {where} failed: {short(error)}"


def explain_trouble(trouble: Trouble, endpoint: Endpoint) -> tuple[str, str]:
    """(kind, message) of a server that answered no call for the endpoint's whole `patience_s`."""
    prefix, where = endpoint.prefix, f"{endpoint.role} at {endpoint.base_url}"
    if trouble.kind == "timeout":
        return "timeout", f"The {where} did not answer in {endpoint.timeout_s:g} s: overloaded? See {prefix}_TIMEOUT_S."
    if trouble.kind == "unreachable":
        return "unreachable", f"The {where} cannot be reached: start the server, or correct {prefix}_BASE_URL."
    if trouble.kind == "pushed_back":
        return "rate_limited", (
            f"The {where} keeps refusing for its rate limit: lower {prefix}_CONCURRENCY, or try later."
        )
    return "failed", f"The {where} failed: {trouble.detail}"


def short(error: BaseException) -> str:
    """What an error says, in one line of at most 300 characters."""
    return " ".join(str(error).split())[:300]


def _timed_out(error: BaseException | None) -> bool:
    """Whether time ran out. openai's aiohttp transport calls each lost connection a timeout; its cause tells."""
    return error is not None and (isinstance(error, TimeoutError) or _timed_out(error.__cause__))


def _retry_after(response: "httpx2.Response") -> float | None:
    try:
        return max(0.0, float(response.headers["retry-after"]))
    except (KeyError, ValueError):
        return None
