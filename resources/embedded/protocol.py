"""OpenAI's chat-completions protocol as an ASGI application: routing to the steps, errors, token counts.

Tokens are counted by a stated rule, not by a tokenizer: one per CJK character, 1.3 per run of Latin letters or digits,
one per 28 x 28 pixels of an image.
"""

import asyncio
import hashlib
import json
import logging
import math
import re
import time
from typing import Literal, TypedDict

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from resources.embedded import critic_answers, judge_answers, planning, request_answers, teacher_answers
from resources.embedded.reading import RequestError, Sight, UnknownModelError, read_request
from resources.json_types import Json
from resources.text.content import CJK

VERSION = 1
MODELS = tuple(f"embedded-{role}-{VERSION}" for role in ("teacher", "critic", "judge"))
_log = logging.getLogger(__name__)
_TOKEN = re.compile(f"[{CJK}]|[A-Za-z0-9]+")


class ReplyMessage(TypedDict):
    """The answer itself."""

    role: Literal["assistant"]
    content: str
    refusal: None


class Choice(TypedDict):
    """One answer of a completion; there is always one."""

    index: int
    message: ReplyMessage
    logprobs: None
    finish_reason: Literal["stop", "length"]


class CachedTokens(TypedDict):
    """How many prompt tokens a prefix cache held: none here."""

    cached_tokens: int


class Usage(TypedDict):
    """Tokens by the module's rule."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: CachedTokens


class Completion(TypedDict):
    """A `chat.completion` object."""

    id: str
    object: Literal["chat.completion"]
    created: int  # Unix time, seconds
    model: str
    choices: list[Choice]
    usage: Usage


def model_name(role: str) -> str:
    """The embedded model of a role: `embedded-teacher-1`, …; raises KeyError for an unknown role."""
    name = f"embedded-{role}-{VERSION}"
    if name not in MODELS:
        raise KeyError(role)
    return name


def answer(sight: Sight) -> str:
    """The text for what the request asks, whichever of the models is named."""
    steps = {
        "request": request_answers.request,
        "rewrite": request_answers.rewrite,
        "decide": request_answers.decide,
        "rephrase": request_answers.rephrase,
        "plan": planning.plan,
        "write": teacher_answers.section,
        "correct": critic_answers.answer,
        "judge": judge_answers.answer,
    }
    return steps.get(sight.step, _plain_reply)(sight)


def count_tokens(text: str) -> int:
    """Tokens of a text by the module's rule, rounded up."""
    return math.ceil(sum(_cost(match.group()) for match in _TOKEN.finditer(text)) - 1e-9)


def cut(text: str, limit: int) -> str:
    """The longest beginning of the text that costs at most `limit` tokens, ending behind a word."""
    spent = 0.0
    for match in _TOKEN.finditer(text):
        spent += _cost(match.group())
        if spent > limit + 1e-9:
            return text[: match.start()].rstrip()
    return text


def _cost(token: str) -> float:
    return 1.3 if token.isascii() else 1.0


def complete(body: Json) -> Completion:
    """The chat.completion object for a decoded body. Raises RequestError or UnknownModelError."""
    if not isinstance(body, dict):
        raise RequestError("The body must be a JSON object.", "body")
    model = body.get("model")
    if not isinstance(model, str):
        raise RequestError("model must be a string.", "model")
    if model not in MODELS:
        raise UnknownModelError(model)
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise RequestError("messages must be a non-empty list.")
    if body.get("stream"):
        raise RequestError("The embedded model does not stream: send stream=false.", "stream")
    if body.get("n") not in (None, 1):
        raise RequestError("The embedded model gives one answer: n must be 1.", "n")
    limit = _limit(body)
    sight = read_request(messages)
    whole = answer(sight)
    text = whole if limit is None else cut(whole, limit)
    seen = sum(count_tokens(said) for _, said in sight.turns)
    seen += sum(math.ceil(page.width / 28) * math.ceil(page.height / 28) for page in sight.pages)
    wrote = count_tokens(text)
    return {
        "id": "chatcmpl-" + hashlib.sha256(f"{model}\x00{seen}\x00{text}".encode()).hexdigest()[:24],
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, "refusal": None},
                "logprobs": None,
                "finish_reason": "stop" if text == whole else "length",
            }
        ],
        "usage": {
            "prompt_tokens": seen,
            "completion_tokens": wrote,
            "total_tokens": seen + wrote,
            "prompt_tokens_details": {"cached_tokens": 0},
        },
    }


def _limit(body: dict[str, Json]) -> int | None:
    """Tokens that the answer may have; None where the request sets no limit. Raises RequestError."""
    limits = []
    for name in ("max_tokens", "max_completion_tokens"):
        value = body.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise RequestError(f"{name} must be a whole number of at least 1.", name)
        limits.append(value)
    return min(limits, default=None)


def _plain_reply(sight: Sight) -> str:
    seen = len(sight.pages)
    said = next((page.title for page in sight.pages if page.title), None)
    if sight.language == "zh":
        looked = f"收到图片{seen}张" + (f"，读到的第一行文字是“{said}”。" if said else "。") if seen else ""
        return (
            f"这里是 lwv_dagster 的内置模型，它由规则构成，不是神经网络，只回答数据工厂的五个步骤。{looked}"
            "要得到自由的回答，请用 LWV_TEACHER_BASE_URL 指定一个真正的模型。"
        )
    looked = (
        f" It was sent {seen} image(s)" + (f"; the first line that it reads is “{said}”." if said else ".")
        if seen
        else ""
    )
    return (
        "This is the embedded model of lwv_dagster: rules, not a neural network, made for the factory's own steps "
        f"(request, plan, write, correct, judge).{looked} For a free answer, name a real model with "
        "LWV_TEACHER_BASE_URL."
    )


# -- routes -----------------------------------------------------------------------------------------------------------
def _error(status: int, message: str, param: str | None, code: str | None) -> JSONResponse:
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return JSONResponse({"error": {"message": message, "type": kind, "param": param, "code": code}}, status)


async def _completions(request: Request) -> JSONResponse:
    raw = await request.body()
    try:
        body: Json = json.loads(raw)
    except ValueError:
        return _error(400, "The body is not valid JSON.", None, None)
    try:
        return JSONResponse(await asyncio.to_thread(complete, body))
    except RequestError as error:
        return _error(400, str(error), error.param, None)
    except UnknownModelError as error:
        message = f"The model {error.args[0]!r} does not exist here: there are {', '.join(MODELS)}."
        return _error(404, message, "model", "model_not_found")
    except Exception as error:  # a fault of ours: reported as such, and logged with its traceback
        _log.exception("the embedded model failed")
        return _error(500, f"The embedded model failed: {type(error).__name__}: {error}", None, "internal_error")


async def _models(_: Request) -> JSONResponse:
    data = [{"id": name, "object": "model", "created": 0, "owned_by": "lwv_dagster"} for name in MODELS]
    return JSONResponse({"object": "list", "data": data})


app = Starlette(routes=[Route("/v1/chat/completions", _completions, methods=["POST"]), Route("/v1/models", _models)])
