"""What follows from a refusal that teaches nothing, or a lost connection: another try, or the end of what."""

import re

from resources.endpoints import Endpoint
from resources.engine.answers import Answer
from resources.engine.learning import blames
from resources.engine.refusal import Refusal, one_line
from resources.engine.refusal_kinds import (
    FILTERED,
    NO_IMAGES,
    NO_QUOTA,
    OVERFLOW,
    OVERLOADED,
    REGION,
    UNKNOWN_MODEL,
    UNREADABLE,
    WRONG_KEY,
)
from resources.engine.retries import Trouble
from resources.failures import EndpointError

TOO_LARGE = re.compile(r"request too large|tokens must be reduced")
BUSY = (429, 503, 529)  # answered at once by a server that is there: it asks for time


def verdict(refusal: Refusal, endpoint: Endpoint, extra: frozenset[str] = frozenset()) -> Answer | Trouble:
    """What a refusal means. extra: the fields that LWV_<ROLE>_EXTRA adds.

    Raises EndpointError where no call is served.
    """
    words, status, says = f"{refusal.words} {refusal.code}".lower(), refusal.status, refusal.words
    where, prefix = f"The {endpoint.role} at {endpoint.base_url}", endpoint.prefix
    it_says = f' It says: "{says}"' if says else ""
    if status == 402 or (status in (400, 401, 403, 429) and NO_QUOTA.search(words)):
        raise EndpointError(
            f"{where} has no quota left for this key: top it up, or use another {prefix}_API_KEY.{it_says}", "no_quota"
        )
    if status in (400, 403, 422, 451) and FILTERED.search(words):
        return Answer("filtered", f"the server's content filter refused the request: {says}")
    if status == 401 or (status in (400, 403) and WRONG_KEY.search(words)) or status == 407:
        state = "is wrong" if endpoint.api_key else "is not set"
        raise EndpointError(f"{where} does not accept the key: {prefix}_API_KEY {state}.{it_says}", "wrong_key")
    if status == 403 or (status == 400 and REGION.search(words)):
        raise EndpointError(
            f"{where} forbids the call (HTTP {status}): see {prefix}_API_KEY and the account.{it_says}", "forbidden"
        )
    if NO_IMAGES.search(words) and not UNREADABLE.search(words):
        raise EndpointError(
            f"{where} takes no images with the model '{endpoint.model}': name a vision model in {prefix}_MODEL, or "
            f"start the server with its vision part.{it_says}",
            "no_images",
        )
    if status == 404 or (status < 500 and UNKNOWN_MODEL.search(words)):
        root = "" if re.search(r"/v\d", endpoint.base_url) else " (most servers want /v1 at its end)"
        raise EndpointError(
            f"{where} does not know the model '{endpoint.model}': check {prefix}_MODEL and {prefix}_BASE_URL{root}."
            f"{it_says}",
            "unknown_model",
        )
    if status == 429 and TOO_LARGE.search(words):  # no time will do: one request asks for more than a minute gives
        return Answer("overflow", f"the request is too long for the account's rate limit: {says}")
    if status in BUSY or (status >= 500 and OVERLOADED.search(words)):
        return Trouble("pushed_back", _words(refusal, says), refusal.retry_after_s)
    if status >= 500 or status in (408, 409, 421, 425):
        return Trouble("server_error", _words(refusal, says), refusal.retry_after_s)
    if OVERFLOW.search(words):
        return Answer("overflow", f"the request is too long for the server: {says}")
    if culprit := next((name for name in sorted(extra) if blames(name, refusal, words)), None):
        raise EndpointError(
            f"{where} refuses `{culprit}`, which {prefix}_EXTRA adds: correct it, or take it out.{it_says}", "setting"
        )
    return Answer("rejected", _words(refusal, says))


def _words(refusal: Refusal, says: str) -> str:
    return f"HTTP {refusal.status}: {says}" if says else f"HTTP {refusal.status} without a word"


def lost_connection(error: BaseException, endpoint: Endpoint) -> Trouble:
    """Why a call got no answer, by the causes of the exception: time, or a connection that was not there or broke."""
    chain = causes(error)
    if any(isinstance(cause, TimeoutError) for cause in chain):
        if any(type(cause).__name__ == "ConnectionTimeoutError" for cause in chain):  # aiohttp's, of a connection
            return Trouble("unreachable", f"no connection in {endpoint.connect_s:g} s")
        return Trouble("timeout", f"no answer in {endpoint.timeout_s:g} s")
    return Trouble("unreachable", cause_words(chain))


def causes(error: BaseException) -> list[BaseException]:
    """An exception and what it comes from, outermost first."""
    chain: list[BaseException] = []
    seen: BaseException | None = error
    while seen is not None and seen not in chain and len(chain) < 12:
        chain.append(seen)
        seen = seen.__cause__ or seen.__context__
    return chain


def cause_words(chain: list[BaseException]) -> str:
    """The innermost words of a chain of exceptions: those of the operating system, or of TLS."""
    return next((said for cause in reversed(chain) if (said := one_line(str(cause)))), type(chain[-1]).__name__)


def explain_trouble(trouble: Trouble, endpoint: Endpoint) -> tuple[str, str]:
    """(kind, message) of a server that answered no call for as long as it is waited for."""
    prefix, where = endpoint.prefix, f"The {endpoint.role} at {endpoint.base_url}"
    if trouble.kind == "timeout":
        return "timeout", f"{where} did not answer in {endpoint.timeout_s:g} s: overloaded? See {prefix}_TIMEOUT_S."
    if trouble.kind == "unreachable":
        advice = f"start the server, or correct {prefix}_BASE_URL"
        if "certificate" in trouble.detail.lower():
            advice = "its certificate is not trusted: set SSL_CERT_FILE to the authority that signed it"
        if "WRONG_VERSION_NUMBER" in trouble.detail:
            advice = f"it speaks no TLS: write http:// in {prefix}_BASE_URL"
        return "unreachable", (
            f"{where} cannot be reached: {advice} ({trouble.detail}). One that is still loading gets more time by "
            f"{prefix}_STARTUP_S (now {endpoint.startup_s:g})."
        )
    if trouble.kind == "pushed_back" and re.search(r"loading|starting|warming", trouble.detail.lower()):
        return "loading", f"{where} is still loading: try again in a moment ({trouble.detail})."
    if trouble.kind == "pushed_back":
        return "rate_limited", (
            f"{where} keeps refusing for its rate limit or load: lower {prefix}_CONCURRENCY, or try later "
            f"({trouble.detail})."
        )
    return "failed", f"{where} failed: {trouble.detail}. See its log, and {prefix}_BASE_URL."
