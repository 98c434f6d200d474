"""Servers whose context is small: they count the prompt, and refuse what it leaves no room for, each in its words."""

from collections.abc import Callable

from starlette.responses import Response

from testing.quirky_server import Body, Quirk, Seen, error
from tests.servers.case import Case
from tests.servers.parts import anthropic, raw, vllm

CONTEXT = 3000  # tokens: the first plan fits, sections do not with all the room that they ask for
Words = Callable[[int, int], Response]


def prompt_tokens(body: Body) -> int:
    """Of a request, roughly as a tokenizer counts them: four characters each, and 300 an image."""
    tokens = 0
    for message in body["messages"]:
        parts = message["content"] if isinstance(message["content"], list) else [{"text": message["content"]}]
        tokens += sum(len(part["text"]) // 4 if "text" in part else 300 for part in parts)
    return tokens


def beyond(words: Words) -> Callable[[Body, Seen], Response | None]:
    """Refuses a request whose prompt and room are more than the context. words: of the prompt's and the room's tokens."""

    def refuse(body: Body, seen: Seen) -> Response | None:
        prompt, room = prompt_tokens(body), body["max_tokens"]
        return words(prompt, room) if prompt + room > CONTEXT else None

    return refuse


def leaves_less(name: str, source: str, words: Words) -> Case:
    """The first refusal says what a prompt leaves; the room of all others follows from it."""
    return Case(Quirk(f"the context leaves less, {name}", source, beyond(words)), taught=4)


CASES = (
    leaves_less(
        "as vLLM said it",
        "vllm#13260",
        lambda prompt, room: vllm(
            400,
            f"This model's maximum context length is {CONTEXT} tokens. However, you requested {prompt + room} tokens "
            f"({prompt} in the messages, {room} in the completion). Please reduce the length of the messages or "
            "completion.",
        ),
    ),
    leaves_less(
        "as vLLM says it",
        "vLLM 0.11",
        lambda prompt, room: error(
            400,
            f"'max_tokens' or 'max_completion_tokens' is too large: {room}. This model's maximum context length is "
            f"{CONTEXT} tokens and your request has {prompt} input tokens ({room} > {CONTEXT} - {prompt}). "
            f"(parameter=max_tokens, value={room})",
            type="BadRequestError",
            param="max_tokens",
            code=400,
        ),
    ),
    leaves_less(
        "input and max_tokens apart",
        "vLLM 0.19",
        lambda prompt, room: error(
            400,
            f"This model's maximum context length is {CONTEXT} tokens. However, your request has {prompt} input tokens "
            f"plus {room} 'max_tokens'. Please reduce one or the other. (parameter=input_tokens, max_tokens, "
            f"value=({prompt}, {room}))",
            type="BadRequestError",
            param="input_tokens",
            code=400,
        ),
    ),
    leaves_less(
        "of text input",
        "OpenRouter",
        lambda prompt, room: error(
            400,
            f"This endpoint's maximum context length is {CONTEXT} tokens. However, you requested about {prompt + room} "
            f"tokens ({prompt} of text input, {room} in the output). Please reduce the length of either one.",
            code=400,
        ),
    ),
    leaves_less(
        "by sums",
        "Anthropic",
        lambda prompt, room: anthropic(
            400,
            f"input length and `max_tokens` exceed context limit: {prompt} + {room} > {CONTEXT}, decrease input length "
            "or `max_tokens` and try again",
        ),
    ),
    leaves_less(
        "at least so many input tokens",
        "cloudflare-docs#29731",
        lambda prompt, room: raw(
            400,
            {
                "success": False,
                "errors": [
                    {
                        "code": 8007,
                        "message": f"AiError: This model's maximum context length is {CONTEXT} tokens. However, you "
                        f"requested {room} output tokens and your prompt contains at least {prompt} input tokens, for a "
                        f"total of at least {prompt + room} tokens. Please reduce the length of the input prompt or "
                        "reduce max_tokens.",
                    }
                ],
            },
        ),
    ),
    leaves_less(
        "a total of tokens",
        "models.dev#4422",
        lambda prompt, room: vllm(
            400,
            f"Requested token count exceeds the model's maximum context length of {CONTEXT} tokens. You requested a "
            f"total of {prompt + room} tokens: {prompt} tokens from the input messages and {room} tokens for the "
            "completion.",
        ),
    ),
    leaves_less(
        "by tokens given",
        "TGI",
        lambda prompt, room: raw(
            422,
            {
                "error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= "
                f"{CONTEXT}. Given: {prompt} `inputs` tokens and {room} `max_new_tokens`",
                "error_type": "validation",
            },
        ),
    ),
)
