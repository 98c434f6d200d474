"""What quirks are put together from: error bodies in the forms that servers use, and when a request gets one."""

import json
from collections.abc import Callable
from typing import Any

from starlette.responses import JSONResponse, Response

from testing.quirky_server import Body, Seen, error

Refuse = Callable[[Body, Seen], Response | None]
Shape = Callable[[Body, Body, Seen], Response]


def where(found: Callable[[Body], bool], response: Response) -> Refuse:
    """`response` to each request of which `found` holds."""
    return lambda body, seen: response if found(body) else None


def has(name: str, response: Response) -> Refuse:
    """`response` to each request with a field of that name."""
    return where(lambda body: name in body, response)


def over(most: int, response: Response, *names: str) -> Refuse:
    """`response` to each request whose token limit is above `most`."""
    fields = names or ("max_tokens", "max_completion_tokens")
    return where(lambda body: any(body.get(name, 0) > most for name in fields), response)


def in_schema(word: str, response: Response) -> Refuse:
    """`response` to each request whose structured output has a word in it."""
    return where(lambda body: word in json.dumps(body.get("response_format", "")), response)


def in_turns(role: str, response: Response) -> Refuse:
    """`response` to each request with a turn of that role."""
    return where(lambda body: any(turn["role"] == role for turn in body["messages"]), response)


def images(body: Body) -> int:
    """How many images a request has."""
    contents = [turn["content"] for turn in body["messages"] if isinstance(turn["content"], list)]
    return sum(part["type"] == "image_url" for parts in contents for part in parts)


def always(response: Response) -> Refuse:
    """`response` to each request."""
    return lambda body, seen: response


def first(times: int, response: Response) -> Refuse:
    """`response` to the first requests, so many of them."""
    return lambda body, seen: response if len(seen.requests) <= times else None


def every(nth: int, response: Response) -> Refuse:
    """`response` to each nth request."""
    return lambda body, seen: response if len(seen.requests) % nth == 0 else None


def either(*refuses: Refuse) -> Refuse:
    """The first response of several rules."""
    return lambda body, seen: next((found for rule in refuses if (found := rule(body, seen)) is not None), None)


def raw(status: int, value: Any, **headers: str) -> Response:
    """A JSON body as it stands."""
    return JSONResponse(value, status, headers=headers)


def text(status: int, words: str, **headers: str) -> Response:
    """Plain text."""
    return Response(words, status, headers=headers, media_type="text/plain")


def page(status: int, title: str) -> Response:
    """A web page, as proxies answer."""
    html = f"<html>\r\n<head><title>{title}</title></head>\r\n<body><center><h1>{title}</h1></center></body></html>"
    return Response(html, status, media_type="text/html")


def gemini(status: int, words: str, state: str = "INVALID_ARGUMENT") -> Response:
    """Google's form: a list around the error."""
    return raw(status, [{"error": {"code": status, "message": words, "status": state}}])


def anthropic(status: int, words: str, kind: str = "invalid_request_error") -> Response:
    """Anthropic's form."""
    return raw(status, {"type": "error", "error": {"type": kind, "message": words}, "request_id": "req_0"})


def vllm(status: int, words: str, kind: str = "BadRequestError") -> Response:
    """vLLM's form before 0.10, and SGLang's."""
    return raw(status, {"object": "error", "message": words, "type": kind, "param": None, "code": status})


def pydantic(status: int, kind: str, loc: list[str], words: str, **more: Any) -> Response:
    """FastAPI's form."""
    return raw(status, {"detail": [{"type": kind, "loc": loc, "msg": words, **more}]})


def extra_forbidden(name: str) -> Response:
    """FastAPI's form of a field that nobody knows."""
    return pydantic(422, "extra_forbidden", ["body", name], "Extra inputs are not permitted", input=0)


def litellm(words: str, status: int = 400) -> Response:
    """LiteLLM's proxy."""
    return error(
        status, f"litellm.BadRequestError: {words}", type="invalid_request_error", param=None, code=str(status)
    )


def openrouter(status: int, raw_words: str, provider: str = "DeepInfra") -> Response:
    """OpenRouter, which keeps its provider's words apart."""
    metadata = {"raw": raw_words, "provider_name": provider}
    return raw(status, {"error": {"message": "Provider returned error", "code": status, "metadata": metadata}})


def error_in(prefix: str, code: int | str, words: str) -> str:
    """An error object as a line of a text."""
    return f"{prefix}{json.dumps({'error': {'code': code, 'message': words}})}\n\n"
