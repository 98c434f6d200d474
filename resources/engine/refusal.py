"""What a server says when it does not answer: status, its own words, code and the field it names, of any form."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from resources.json_types import Json
from resources.secrets import mask

MOST_WORDS = 300  # characters of a server's own words in a message
_TITLE = re.compile(r"<(title|h1)[^>]{0,200}>([^<]{1,300})", re.IGNORECASE)
_TAGS = re.compile(r"<[^<>]{0,2000}>")
CODES = ("code", "status_code", "type", "status")
_WORDS = (
    "message",
    "msg",
    "status_msg",
    "error_msg",
    "detail",
    "details",
    "error",
    "errors",
    "error_message",
    "title",
    "raw",
)


@dataclass(frozen=True)
class Refusal:
    """status: of the HTTP response, or the one that the error object names. words: one line, at most MOST_WORDS
    characters. code: error code or type, lower case. fields: that the error names apart from its words."""

    status: int
    words: str
    code: str = ""
    fields: tuple[str, ...] = ()
    retry_after_s: float | None = None


def read_refusal(status: int, text: str, headers: Mapping[str, str] | None = None) -> Refusal:
    """The refusal in a response's body; its beginning where it has no form that is known.

    Forms: OpenAI's, `{"error": "text"}`, a list around it, FastAPI's `detail`, a web page, plain text.
    """
    try:
        body: Json = json.loads(text)
    except (ValueError, RecursionError):
        body = None
    after = retry_after(headers or {})
    if body is None or not isinstance(body, dict | list):
        return Refusal(status, page_words(text) if "<" in text[:200] else one_line(text), retry_after_s=after)
    return of_json(status, body, after)


def of_json(status: int, body: Json, after: float | None = None) -> Refusal:
    """The refusal in a JSON error body."""
    objects = list(_objects(body))
    words = next((found for name in _WORDS for item in objects if (found := _text(item.get(name)))), "")
    metadata = next((item["metadata"] for item in objects if isinstance(item.get("metadata"), dict)), {})
    raw = _text(metadata.get("raw")) if isinstance(metadata, dict) else ""  # OpenRouter: the provider's own words
    if raw and raw not in words:
        words = f"{words}: {raw}" if words else raw
    codes = [str(item[name]) for item in objects for name in CODES if item.get(name) is not None]
    fields = tuple(dict.fromkeys(name for item in objects for name in _named(item)))
    numbers = [int(code) for code in codes if re.fullmatch(r"[45]\d\d", code)]
    if status < 400:
        status = numbers[0] if numbers else _status_of_code(" ".join(codes).lower())
    return Refusal(status, one_line(words or as_text(body)), " ".join(codes).lower()[:200], fields, after)


def has_error(body: Json) -> bool:
    """Whether a JSON body is an error, whatever its HTTP status says: an error object, and no choices."""
    if isinstance(body, list):
        return bool(body) and all(has_error(item) for item in body)
    if not isinstance(body, dict) or body.get("choices"):
        return False
    if any(body.get(name) for name in ("error", "errors", "error_msg", "detail")) or body.get("object") == "error":
        return True
    # MiniMax keeps it apart; DashScope's own API and Zhipu have a code and words at the top
    coded = inner if isinstance(inner := body.get("base_resp"), dict) else body
    return any(coded.get(name) for name in CODES[:2]) and any(_text(coded.get(name)) for name in _WORDS[:3])


def as_text(body: Json) -> str:
    """A body as JSON for people."""
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace").decode()


def one_line(text: str) -> str:
    """A text on one line, without secrets and control characters, at most MOST_WORDS characters."""
    said = mask(text[: 8 * MOST_WORDS])[: 4 * MOST_WORDS]  # before it is cut, for a part of a secret is hard to know
    return " ".join("".join(c if c.isprintable() else " " for c in said).split())[:MOST_WORDS]


def page_words(text: str) -> str:
    """What a web page says: its title, or its text."""
    title = _TITLE.search(text[:20_000])
    return one_line("a web page: " + (title[2] if title else _TAGS.sub(" ", text[:5_000])))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait; None where it asks for none."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) * unit
        except (KeyError, ValueError):
            continue
        if 0 <= seconds < 1e6:
            return seconds
    return None


def _objects(body: Json, depth: int = 0) -> Iterator[dict[str, Json]]:
    """The error's objects, inner ones first: `error`, `detail`, and JSON that stands in a message as text."""
    if isinstance(body, list) and depth < 4:
        for item in body[:3]:
            yield from _objects(item, depth + 1)
    if isinstance(body, dict):
        for name in ("error", "errors", "detail", "details", "base_resp"):
            if depth < 4:
                yield from _objects(body.get(name), depth + 1)
        yield body


def _text(value: Json) -> str:
    return value.strip() if isinstance(value, str) else ""


def _named(item: dict[str, Json]) -> Iterator[str]:
    """Fields of the request that an error object names: OpenAI's `param`, pydantic's `loc`."""
    if isinstance(param := item.get("param"), str) and param:
        yield from re.split(r"[.\[\]]+", param)
    if isinstance(loc := item.get("loc"), list):
        yield from (str(part) for part in loc if isinstance(part, str) and part != "body")


def _status_of_code(codes: str) -> int:
    for words, status in (
        (("rate_limit", "too_many", "resource_exhausted", "overloaded"), 429),
        (("auth", "api_key", "permission"), 401),
        (("quota", "credit", "billing"), 402),
        (("not_found",), 404),
        (("invalid", "bad_request", "unsupported"), 400),
    ):
        if any(word in codes for word in words):
            return status
    return 502  # an error without a number: the server's, worth another try
