"""Errors in a 200, and servers that have no time: 429, 503, 529 and the gateways before them."""

from starlette.responses import Response

from testing.quirky_server import Quirk, error
from tests.servers.case import Case
from tests.servers.parts import always, anthropic, every, first, gemini, openrouter, page, raw, text

SOON = {"retry-after": "0.02"}
HASTY = {"PATIENCE_S": "0.2", "STARTUP_S": "0.2"}


def passes(name: str, source: str, response: Response, times: int = 3) -> Case:
    """A fault that passes: the calls are made again, and nothing is lost.

    A server that asks for time is there: it has the full patience, not that of one that cannot be reached.
    """
    return Case(Quirk(name, source, first(times, response)), taught=times, env={"STARTUP_S": "0"} if times > 2 else {})


def stays(name: str, source: str, response: Response, *says: str, kind: str = "") -> Case:
    """A fault that stays: the run stops with the server's words."""
    return Case(Quirk(name, source, always(response)), "stop", kind, says, taught=40, env=HASTY)


CASES = (
    passes("429 in a 200", "inspect_ai#1534", raw(200, {"error": {"code": 429, "message": "Rate limit exceeded"}}, **SOON)),
    passes("502 in a 200", "dify#9249", raw(200, {"error": {"code": 502, "message": "Provider returned error"}}), 1),
    passes("a string as error in a 200", "a gateway", raw(200, {"error": "upstream connect error"}), 1),
    passes("an object of the type error in a 200", "SGLang", raw(200, {"object": "error", "message": "busy", "type": "InternalServerError", "code": 503}), 1),
    passes("an empty body in a 200", "a gateway", text(200, ""), 1),
    passes("half a body in a 200", "a gateway", text(200, '{"id": "1", "choices": [{"mess'), 1),
    stays("the key refused in a 200", "a gateway", raw(200, {"error": {"code": 401, "message": "invalid api key"}}), "invalid api key", "LWV_TEACHER_API_KEY", kind="wrong_key"),
    stays("no credit in a 200", "a gateway", raw(200, {"error": {"code": "insufficient_quota", "message": "out of credits"}}), "out of credits", kind="no_quota"),
    stays("a web page in a 200", "a captive portal", page(200, "Sign in to the network"), "Sign in to the network", "LWV_TEACHER_BASE_URL"),
    stays("some other JSON in a 200", "a web server", raw(200, {"status": "ok"}), "no chat completion", "LWV_TEACHER_BASE_URL"),
    stays("plain text in a 200", "a web server", text(200, "It works!"), "It works!", "LWV_TEACHER_BASE_URL"),
    stays("null in a 200", "a web server", raw(200, None), "no chat completion", "LWV_TEACHER_BASE_URL"),
    stays("a code and a message in a 200", "a gateway", raw(200, {"code": 1113, "msg": "余额不足或无可用资源包,请充值。"}), "余额不足"),
    stays("a code of its own in a 200", "MiniMax", raw(200, {"choices": None, "base_resp": {"status_code": 1004, "status_msg": "login fail: Please carry the API secret key in the 'Authorization' field"}}), "login fail"),
    stays("a code in words in a 200", "DashScope", raw(200, {"code": "InvalidApiKey", "message": "Invalid API-key provided.", "request_id": "0"}), "Invalid API-key", "LWV_TEACHER_API_KEY", kind="wrong_key"),
    stays("no credit in Chinese", "Zhipu GLM", raw(429, {"error": {"code": "1113", "message": "您的账户已欠费，请充值后重试。"}}), "您的账户已欠费", kind="no_quota"),
    passes("429 with Retry-After", "claude-code#3633", error(429, "slow down")),
    passes("429 for a while", "huggingface_hub#1605", raw(429, {"error": "Model too busy"}, **SOON), 6),
    passes("429 by a list", "Gemini", gemini(429, "Resource has been exhausted (e.g. check quota).", "RESOURCE_EXHAUSTED"), 1),
    passes("429 of the provider behind the router", "OpenRouter", openrouter(429, "m is temporarily rate-limited upstream. Please retry shortly"), 1),
    passes("Retry-After in milliseconds", "Azure OpenAI", raw(429, {"error": {"message": "slow"}}, **{"retry-after-ms": "20"}), 4),
    passes("Retry-After as a date", "a gateway", raw(429, {"error": {"message": "slow"}}, **{"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}), 1),
    passes("still loading", "DataDesigner#551", raw(503, {"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}}, **SOON), 6),
    passes("overloaded", "claude-code#3633", raw(529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, **SOON), 6),
    passes("overloaded in words alone", "litellm", error(500, "geminiException - The model is overloaded. Please try again later."), 1),
    Case(Quirk("overloaded every other time", "claude-code#3633", every(2, raw(503, {"error": "server busy"}, **SOON))), taught=40),
    passes("502 with a page", "nginx", page(502, "502 Bad Gateway"), 1),
    passes("504 with a page", "nginx", page(504, "504 Gateway Time-out"), 1),
    passes("524 with a page", "Cloudflare", page(524, "m.example | 524: A timeout occurred"), 1),
    passes("500 once", "a gateway", text(500, "Internal Server Error"), 1),
    passes("408 once", "a gateway", text(408, "Request Timeout"), 1),
    passes("409 once", "OpenAI", error(409, "The resource was modified, retry"), 1),
    stays("429 for ever", "OpenAI", error(429, "Rate limit reached for m on requests per min"), "Rate limit reached", "LWV_TEACHER_CONCURRENCY", kind="rate_limited"),
    stays("503 for ever", "a gateway", page(503, "Service Temporarily Unavailable"), "Service Temporarily Unavailable"),
    stays("500 for ever", "vLLM", error(500, "EngineCore encountered an issue. See stack trace (above) for the root cause."), "EngineCore"),
    stays("502 for ever", "nginx", page(502, "502 Bad Gateway"), "502 Bad Gateway"),
    stays("a quota of the day", "OpenAI", error(429, "You exceeded your current quota, please check your plan and billing details.", code="insufficient_quota"), "exceeded your current quota", kind="no_quota"),
    stays("overloaded for ever", "Anthropic", anthropic(529, "Overloaded", "overloaded_error"), "Overloaded", kind="rate_limited"),
)  # fmt: skip
