"""Five servers as they are today: what they refuse and how they answer, each a `Quirk` for a whole lineage."""

from starlette.responses import JSONResponse, Response

from testing.quirky_server import Body, Quirk, Seen, error, events, text_of, with_message

THOUGHT = "The user shows pages. {I should} plan: first look, then write.\n\nOkay, let me write it."
THOUGHT_TOKENS = 900


def like_gpt5(body: Body, seen: Seen) -> Response | None:
    if "max_tokens" in body:
        return error(
            400,
            "Unsupported parameter: 'max_tokens' is not supported with this model. "
            "Use 'max_completion_tokens' instead.",
            type="invalid_request_error",
            param="max_tokens",
            code="unsupported_parameter",
        )
    if body.get("temperature", 1) != 1:
        return error(
            400,
            f"Unsupported value: 'temperature' does not support {body['temperature']} with this model. "
            "Only the default (1) value is supported.",
            type="invalid_request_error",
            param="temperature",
            code="unsupported_value",
        )
    return None


def like_claude(body: Body, seen: Seen) -> Response | None:
    if "temperature" in body:
        return error(400, "`temperature` is deprecated for this model.", type="invalid_request_error")
    if "seed" in body:
        return error(400, "seed: Extra inputs are not permitted", type="invalid_request_error")
    if "response_format" in body:
        return error(400, "response_format: Input tag 'json_schema' is not supported", type="invalid_request_error")
    return None


def thoughts_in_content(answer: Body, body: Body, seen: Seen) -> Response:
    return JSONResponse(thought(answer, body, lambda text: f"<think>\n{THOUGHT}\n</think>\n\n{text}"))


def thoughts_in_field(answer: Body, body: Body, seen: Seen) -> Response:
    return JSONResponse(thought(answer, body, None))


def thought(answer: Body, body: Body, wrap: object) -> Body:
    """Thoughts count against max_tokens: where they fill it, there is no text."""
    limit = body.get("max_tokens") or body.get("max_completion_tokens") or 10**6
    usage = answer["usage"]
    took = min(limit, THOUGHT_TOKENS + usage["completion_tokens"])
    usage = {**usage, "completion_tokens": took, "total_tokens": usage["prompt_tokens"] + took}
    if limit < THOUGHT_TOKENS + answer["usage"]["completion_tokens"]:
        cut: Body = {"content": f"<think>\n{THOUGHT}"} if wrap else {"content": None, "reasoning_content": THOUGHT}
        return {**with_message(answer, "length", **cut), "usage": usage}
    whole: Body = {"content": wrap(text_of(answer))} if callable(wrap) else {"reasoning_content": THOUGHT}
    return {**with_message(answer, **whole), "usage": usage}


def only_streams(body: Body, seen: Seen) -> Response | None:
    if not body.get("stream"):
        return error(
            400,
            "<400> InternalError.Algo.InvalidParameter: This model only support stream mode, please enable the stream "
            "parameter to access the model.",
            type="invalid_request_error",
            code="invalid_parameter_error",
        )
    return None


PERSONALITIES = (
    Quirk("plain"),
    Quirk("gpt-5-like", "litellm#13381", refuse=like_gpt5),
    Quirk("claude-like", "Roo-Code#12162", refuse=like_claude),
    Quirk("thinking-in-content", "vllm#26239", shape=thoughts_in_content),
    Quirk("thinking-in-field", "python-genai#811", shape=thoughts_in_field),
    Quirk(
        "streaming-only", "ragflow#8972", refuse=only_streams, shape=lambda answer, body, seen: events(answer, THOUGHT)
    ),
)
