"""What an HTTP answer means, whatever its form: a text that can be used, a refusal, or a one-line reason why not."""

import json
import math
from typing import NamedTuple

from resources.engine.refusal import Refusal, as_text, has_error, of_json, one_line, page_words, read_refusal
from resources.engine.sse import is_stream, read_stream
from resources.json_types import Json
from resources.text.refusals import begins_as_refusal
from resources.text.shown import clean_text
from resources.text.thoughts import without_thoughts

STOPPED = {"length", "max_tokens", "model_length", "max_output_tokens", "max_new_tokens", "token_limit", "max_length"}
FILTERED = {
    "content_filter",
    "safety",
    "sensitive",
    "recitation",
    "prohibited_content",
    "blocklist",
    "spii",
    "filtered",
}
BROKEN = {
    "abort",
    "aborted",
    "error",
    "cancelled",
    "canceled",
    "network_error",
    "insufficient_system_resource",
    "other",
}
CALLS = {"tool_calls", "function_call", "tool_use", "malformed_function_call"}
MOST_BLANKS = 100  # characters of white space at the end of an answer that ends by itself
MANY_BLANKS = 40  # characters of white space: the model ran on in it, which is no thought
REASONING = ("reasoning_content", "reasoning", "thinking", "reasoning_details", "thinking_blocks")


class TokenUsage(NamedTuple):
    """Tokens of one call as the server counts them, `prompt` with the cached ones. usd: None where it says none."""

    prompt: int
    cached: int
    completion: int
    usd: float | None = None


NO_TOKENS = TokenUsage(0, 0, 0)


class Answer(NamedTuple):
    """What an HTTP answer means.

    status: ok, or the kind of AnswerError: refused, filtered, truncated (the text is a part), empty, no_room
    (max_tokens ended it before any text: it thought), failed. served: the model that the server says answered.
    """

    status: str
    detail: str = ""  # why not, where status is not ok
    text: str = ""
    finish_reason: str = ""
    usage: TokenUsage = NO_TOKENS
    served: str = ""
    thought: bool = False  # part of its tokens went to thoughts
    blank: bool = False  # its end is white space, until max_tokens ended it


class Lost(NamedTuple):
    """An answer that is worth another try: nothing in it, or broken off by the server. detail: why."""

    detail: str


def read_answer(body: str, status: int = 200) -> Answer | Refusal | Lost:
    """What the body of a successful HTTP response means; never raises."""
    found: Json
    if is_stream(body):
        found = read_stream(body)
        if found is None:
            return Lost("the stream ended before its answer did")
    else:
        try:
            found = json.loads(_after_comments(body))
        except (ValueError, RecursionError):
            return _no_json(body)
    if has_error(found):
        return of_json(200, found)
    return read_completion(found)


def _after_comments(body: str) -> str:
    """Without the lines that gateways send to keep a connection open."""
    lines = body.lstrip("\ufeff \t\r\n").split("\n") if body[:200].lstrip("\ufeff \t\r\n").startswith(":") else []
    return "\n".join(line for line in lines if not line.startswith(":")) if lines else body.lstrip("\ufeff")


def _no_json(body: str) -> Answer | Lost:
    if not body.strip():
        return Lost("the server's answer had no body")
    if body.lstrip().startswith("<"):
        return Answer("failed", f"the answer is no chat completion but {page_words(body)}")
    if body.lstrip()[:1] in "{[":
        return Lost(f"the server's answer was broken off: {one_line(body)[:120]}")
    return Answer("failed", f"the answer is no chat completion: {read_refusal(200, body).words}")


def read_completion(body: Json) -> Answer | Lost:
    """The first choice of a chat completion."""
    if not isinstance(body, dict):
        return Answer("failed", f"the answer is no chat completion: {one_line(as_text(body))}")
    usage, served = read_usage(body), _line(body.get("model"))[:200]
    choices = body.get("choices")
    if choices == [] or (choices is None and "choices" in body):
        return Lost("the server answered without a choice")
    choice = choices[0] if isinstance(choices, list) else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        return Answer("failed", f"the answer is no chat completion: {one_line(as_text(body))}", usage=usage)
    if isinstance(error := choice.get("error"), dict | str) and error:  # OpenRouter: the provider broke off
        return Lost(of_json(502, {"error": error}).words)
    text, thoughts = read_content(message.get("content"))
    thoughts = thoughts or next((found for name in REASONING if (found := _line(message.get(name)))), "")
    finish = _line(choice.get("finish_reason"))[:40]
    refusal = _line(message.get("refusal"))
    unwrapped = without_thoughts(clean_text(text))
    answer = classify(unwrapped.text, finish, refusal, bool(thoughts or unwrapped.thoughts), unwrapped.open, usage)
    if isinstance(answer, Lost):
        return answer
    blank = finish.lower() in STOPPED and len(text) - len(text.rstrip()) >= MOST_BLANKS
    return answer._replace(usage=usage, served=served, thought=bool(thoughts or unwrapped.thoughts), blank=blank)


def read_content(content: Json) -> tuple[str, str]:
    """(text, thoughts) of a message's content: a string, or a list of parts."""
    if isinstance(content, str):
        return content, ""
    if isinstance(content, dict):
        content = [content]
    text, thoughts = [], []
    for part in content if isinstance(content, list) else []:
        if isinstance(part, str):
            text.append(part)
        elif isinstance(part, dict):
            kind = _line(part.get("type"))
            if kind in ("thinking", "reasoning", "redacted_thinking"):
                thoughts.append(json.dumps(part))
            elif isinstance(said := part.get("text"), str):
                text.append(said)
            elif isinstance(said, dict) and isinstance(value := said.get("value"), str):
                text.append(value)
    return "".join(text), "".join(thoughts)


def classify(
    text: str, finish_reason: str, refusal: str, thought: bool, thinking: bool, usage: TokenUsage
) -> Answer | Lost:
    """What an answer that arrived means. thought: there were thoughts; thinking: the text ends inside one."""
    finish = finish_reason.lower()
    if refusal:
        return Answer("refused", f"the model refused: {refusal[:200]}", "", finish_reason)
    if finish in FILTERED:
        return Answer(
            "filtered", f"the server's content filter stopped the answer ({finish_reason})", "", finish_reason
        )
    if finish in BROKEN:
        return Lost(f"the server broke the answer off (finish_reason {finish_reason})")
    if finish in CALLS:
        return Answer("failed", "the model called a tool and wrote no text", "", finish_reason)
    if finish in STOPPED:
        if (text.strip() or len(text) > MANY_BLANKS) and not thinking:
            return Answer("truncated", "the answer was cut by max_tokens", text, finish_reason)
        took = f" ({usage.completion:,} tokens)" if usage.completion else ""
        return Answer("no_room", f"max_tokens ended it before any text{took}: it was still thinking", "", finish_reason)
    if not text.strip():
        why = "the answer was empty"
        if thought:
            why += ": all of it stands in the model's reasoning"
        return Answer("empty", why, "", finish_reason)
    if begins_as_refusal(text):
        return Answer("refused", f"the model refused: {text.strip()[:200]}", "", finish_reason)
    return Answer("ok", "", text, finish_reason)


def read_usage(body: Json) -> TokenUsage:
    """What a chat completion says it took; zeros where it does not say."""
    usage = body.get("usage") if isinstance(body, dict) else None
    if isinstance(usage, list):
        usage = next((item for item in usage if isinstance(item, dict)), None)
    if not isinstance(usage, dict):
        return NO_TOKENS
    details = usage.get("prompt_tokens_details")
    cached = next(
        (
            count
            for value in (
                details.get("cached_tokens") if isinstance(details, dict) else None,
                usage.get("prompt_cache_hit_tokens"),
                usage.get("cache_read_input_tokens"),
                usage.get("cached_tokens"),
            )
            if (count := _count(value))
        ),
        0,
    )
    prompt = _count(usage.get("prompt_tokens")) or _count(usage.get("input_tokens"))
    completion = _count(usage.get("completion_tokens")) or _count(usage.get("output_tokens"))
    total = _count(usage.get("total_tokens"))
    if not completion and total > prompt:
        completion = total - prompt  # a server that says no more than a total: the dearer kind
    cost = _number(usage.get("cost"))
    return TokenUsage(prompt, min(cached, prompt) if prompt else cached, completion, cost)


def _number(value: Json) -> float | None:
    """A number that is none below zero, also where it stands as a text; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) and 0 <= found < 1e9 else None


def _count(value: Json) -> int:
    return int(_number(value) or 0)


def _line(value: Json) -> str:
    """A text of a server on one line; any other value as JSON, nothing as the empty string."""
    if not value:
        return ""
    return one_line(clean_text(value if isinstance(value, str) else json.dumps(value)))
