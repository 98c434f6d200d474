"""What follows from a refusal or a lost connection that teaches nothing: another try, this document's end, or the run's."""

import re

from resources.endpoints import Endpoint
from resources.engine.answers import Answer
from resources.engine.refusal import Refusal, one_line
from resources.engine.retries import Trouble
from resources.failures import EndpointError

OVERFLOW = re.compile(
    r"context.?(length|window|size|limit)|maximum context|prompt (is|was) too long|too many (input )?tokens"
    r"|input (is )?too long|input length|input tokens? (count|exceed)|exceeds? the (available )?context|n_ctx"
    r"|maximum (number of )?(input )?tokens|maximum (allowed )?(input|prompt) length|max_model_len|longer than the model"
    r"|string too long|please reduce (the )?(length|your prompt)|exceeds? (the )?(model'?s? )?max(imum)?[ _](seq|sequence|input|total|model)"
    r"|(entity|payload|body|request|content)[\w ]{0,20}too large|request_too_large"
)
FILTERED = re.compile(
    r"content.?(policy|management|filter|safety|moderation)|moderation|data_inspection|inappropriate|safety (system|filter|setting)"
    r"|responsible.?ai|flagged|sensitive (content|words)|prohibited|risk.?control|usage policies"
)
NO_QUOTA = re.compile(
    r"insufficient.?(quota|balance|credit|funds)|credit balance|out of credits|billing|payment required|arrearage"
    r"|requires more credits|exceeded your current quota|no credit|add (more )?credits|account.{0,20}(suspended|overdue)"
)
WRONG_KEY = re.compile(
    r"(api.?key|access.?token|bearer|authorization|credential).{0,40}(invalid|incorrect|not valid|missing|required|expired|wrong|unauthorized)"
    r"|(invalid|incorrect|missing|no|wrong|expired) (api.?key|access.?token|bearer|authorization|credential)"
)
UNKNOWN_MODEL = re.compile(
    r"model.{0,80}(does ?n.t exist|not exist|not found|not supported|unknown|is not available|not a valid|no access|not loaded)"
    r"|(unknown|invalid|no such|unrecognized) model|no models? (is )?loaded|model_not_found|is not a valid model"
    r"|no endpoints found|no allowed providers|deployment.{0,40}not (exist|found)"
)
UNREADABLE = re.compile(r"format|mime|media.?type|decode|corrupt|dimension|pixel|too (large|small)|size|download|fetch")
OVERLOADED = re.compile(r"overload|capacity|loading|starting|warming|busy|temporarily|high (load|demand|traffic)|rate.?limit|throttl|too many requests")
NO_IMAGES = re.compile(
    r"(not|n't|no|unable to)[\w ]{0,30}(support|accept|process|allow|enabled?)[\w ]{0,30}(images?\b|image.?(url|input)|multi-?modal|vision)"
    r"|not a (multi-?modal|vision)|(images?|image.?(url|input)s?|multi-?modal|vision)[\w\" ]{0,40}(not|n't|un)[\w ]{0,12}(support|allowed|enabled|available)"
    r"|support image input|text.?only model|mmproj"
)
BUSY = (429, 503, 529)  # answered at once by a server that is there: it asks for time


def verdict(refusal: Refusal, endpoint: Endpoint, extra: frozenset[str] = frozenset()) -> Answer | Trouble:
    """What a refusal means. extra: the fields that LWV_<ROLE>_EXTRA adds. Raises EndpointError where no call is served."""
    words, status, says = f"{refusal.words} {refusal.code}".lower(), refusal.status, endpoint.redacted(refusal.words)
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
    if status == 403:
        raise EndpointError(f"{where} forbids the call (HTTP 403): see {prefix}_API_KEY and the account.{it_says}", "forbidden")
    if status < 500 and NO_IMAGES.search(words) and not UNREADABLE.search(words):
        raise EndpointError(
            f"{where} takes no images with the model '{endpoint.model}': name a vision model in {prefix}_MODEL, or start "
            f"the server with its vision part.{it_says}",
            "no_images",
        )
    if status == 404 or (status < 500 and UNKNOWN_MODEL.search(words)):
        raise EndpointError(
            f"{where} does not know the model '{endpoint.model}': check {prefix}_MODEL and {prefix}_BASE_URL.{it_says}",
            "unknown_model",
        )
    if status in BUSY or (status >= 500 and OVERLOADED.search(words)):
        return Trouble("pushed_back", _words(refusal, says), refusal.retry_after_s)
    if status >= 500 or status in (408, 409, 421, 425):
        return Trouble("server_error", _words(refusal, says), refusal.retry_after_s)
    if OVERFLOW.search(words):
        return Answer("overflow", f"the request is too long for the server: {says}")
    if culprit := next((name for name in sorted(extra) if name.lower() in words or name in refusal.fields), None):
        raise EndpointError(f"{where} refuses `{culprit}`, which {prefix}_EXTRA adds: take it out.{it_says}", "setting")
    return Answer("rejected", _words(refusal, says))


def _words(refusal: Refusal, says: str) -> str:
    return f"HTTP {refusal.status}: {says}" if says else f"HTTP {refusal.status} without a word"


def lost_connection(error: BaseException, endpoint: Endpoint) -> Trouble:
    """Why a call got no answer, by the causes of the exception: time, or a connection that was not there or broke."""
    chain = list(causes(error))
    names = " ".join(type(cause).__name__ for cause in chain)
    why = endpoint.redacted(cause_words(chain))
    if re.search(r"ConnectTimeout|ConnectionTimeout|PoolTimeout", names):
        return Trouble("unreachable", f"no connection in {endpoint.connect_s:g} s")
    if any(isinstance(cause, TimeoutError) for cause in chain):
        return Trouble("timeout", f"no answer in {endpoint.timeout_s:g} s")
    return Trouble("unreachable", why)


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
        return "unreachable", (
            f"{where} cannot be reached: {advice} ({trouble.detail}). One that is still loading gets more time by "
            f"{prefix}_STARTUP_S (now {endpoint.startup_s:g})."
        )
    if trouble.kind == "pushed_back":
        return "rate_limited", (
            f"{where} keeps refusing for its rate limit or load: lower {prefix}_CONCURRENCY, or try later "
            f'({trouble.detail}).'
        )
    return "failed", f"{where} failed: {trouble.detail}"
