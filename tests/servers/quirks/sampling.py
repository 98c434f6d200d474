"""Servers that refuse the temperature or the seed, in the many ways in which they say so."""

from testing.quirky_server import Quirk, error
from tests.servers.case import Case
from tests.servers.parts import (
    anthropic,
    either,
    extra_forbidden,
    gemini,
    has,
    litellm,
    openrouter,
    raw,
    text,
    vllm,
    where,
)

DEPRECATED = "`temperature` is deprecated for this model."

CASES = (
    Case(
        Quirk(
            "only the default temperature",
            "litellm#13381",
            where(
                lambda body: body.get("temperature", 1) != 1,
                error(
                    400,
                    "Unsupported value: 'temperature' does not support 0.7 with this model. Only the default (1) value "
                    "is supported.",
                    param="temperature",
                    code="unsupported_value",
                ),
            ),
        )
    ),
    Case(Quirk("temperature deprecated", "Roo-Code#12162", has("temperature", anthropic(400, DEPRECATED)))),
    Case(
        Quirk(
            "temperature deprecated, JSON within JSON",
            "litellm",
            has(
                "temperature",
                litellm(
                    'AnthropicException - {"type": "error", "error": {"type": "invalid_request_error", "message": '
                    f'"{DEPRECATED}"}}, "request_id": "req_0"}}'
                ),
            ),
        )
    ),
    Case(
        Quirk(
            "only 1 is allowed",
            "Moonshot",
            where(
                lambda body: body.get("temperature", 1) != 1,
                error(400, "invalid temperature: only 1 is allowed for this model", type="invalid_request_error"),
            ),
        )
    ),
    Case(
        Quirk(
            "temperature at most 0.5",
            "a gateway",
            where(
                lambda body: body.get("temperature", 0) > 0.5,
                error(400, "temperature must be in the range [0, 0.5]", param="temperature"),
            ),
        )
    ),
    Case(
        Quirk(
            "temperature refused in Chinese",
            "Zhipu GLM-4",
            has("temperature", raw(400, {"error": {"code": "1214", "message": "temperature参数非法。请检查文档。"}})),
        )
    ),
    Case(
        Quirk(
            "temperature may only be 1 while thinking",
            "Anthropic",
            where(
                lambda body: body.get("temperature", 1) != 1,
                anthropic(
                    400,
                    "`temperature` may only be set to 1 when thinking is enabled or in adaptive mode. Please consult "
                    "our documentation at https://platform.claude.com/docs/en/build-with-claude/extended-thinking",
                ),
            ),
        )
    ),
    Case(Quirk("seed is extra, by FastAPI", "langchain-azure#82", has("seed", extra_forbidden("seed")))),
    Case(
        Quirk(
            "seed is extra, the list in a message",
            "Mistral",
            has(
                "seed",
                raw(
                    422,
                    {
                        "object": "error",
                        "message": {
                            "detail": [
                                {
                                    "type": "extra_forbidden",
                                    "loc": ["body", "seed"],
                                    "msg": "Extra inputs are not permitted",
                                    "input": 0,
                                }
                            ]
                        },
                        "type": "invalid_request_error",
                    },
                ),
            ),
        )
    ),
    Case(
        Quirk(
            "seed unknown, a list around the error",
            "langchain-azure#82",
            has("seed", gemini(400, 'Invalid JSON payload received. Unknown name "seed": Cannot find field.')),
        )
    ),
    Case(
        Quirk(
            "seed is extra, in words", "Anthropic", has("seed", anthropic(400, "seed: Extra inputs are not permitted"))
        )
    ),
    Case(
        Quirk(
            "seed is extra, a Python list in a string",
            "NVIDIA NIM",
            has(
                "seed",
                raw(
                    400,
                    {
                        "error": "[{'type': 'extra_forbidden', 'loc': ('body', 'seed'), 'msg': 'Extra inputs are not "
                        "permitted', 'input': 0}]"
                    },
                ),
            ),
        )
    ),
    Case(
        Quirk(
            "seed is extra, problem details",
            "NVIDIA NIM",
            has(
                "seed",
                raw(
                    422,
                    {
                        "type": "urn:inference-service:problem-details:unprocessable-entity",
                        "title": "Unprocessable Entity",
                        "status": 422,
                        "detail": "body -> seed\n  Extra inputs are not permitted (type=extra_forbidden)",
                        "requestId": "0",
                    },
                ),
            ),
        )
    ),
    Case(
        Quirk(
            "seed is an unexpected keyword, HTTP 500",
            "llama-cpp-python",
            has("seed", text(500, "TypeError: create_chat_completion() got an unexpected keyword argument 'seed'")),
        )
    ),
    Case(
        Quirk("extraneous key", "Bedrock", has("seed", raw(400, {"message": "extraneous key [seed] is not permitted"})))
    ),
    Case(
        Quirk(
            "argument not supported, the error is a string",
            "xAI",
            has(
                "seed",
                raw(
                    400,
                    {
                        "code": "Client specified an invalid argument",
                        "error": "Argument not supported on this model: seed",
                    },
                ),
            ),
        )
    ),
    Case(
        Quirk(
            "seed refused by the provider behind the router",
            "OpenRouter",
            has("seed", openrouter(400, '{"detail":"Unsupported parameter: seed"}')),
        )
    ),
    Case(
        Quirk(
            "seed is extra, field and value named",
            "Flowise#2866",
            has("seed", error(400, "Extra inputs are not permitted, field: 'seed', value: 0")),
        )
    ),
    Case(
        Quirk(
            "several fields in one refusal",
            "litellm",
            either(
                *(
                    has(name, litellm("m does not support parameters: ['seed', 'temperature'], for model=m"))
                    for name in ("seed", "temperature")
                )
            ),
        ),
        taught=4,
    ),
    Case(
        Quirk(
            "one field after another",
            "a gateway",
            either(
                has("max_tokens", error(400, "Unrecognized request argument supplied: max_tokens")),
                has("temperature", error(400, "Unrecognized request argument supplied: temperature")),
                has("seed", error(400, "Unrecognized request argument supplied: seed")),
                has("response_format", error(400, "Unrecognized request argument supplied: response_format")),
            ),
        ),
        taught=5,
    ),
    Case(
        Quirk(
            "a validation error as vLLM writes it",
            "vLLM",
            has(
                "seed",
                vllm(
                    400,
                    "1 validation error for ChatCompletionRequest\nseed\n  Extra inputs are not permitted "
                    "[type=extra_forbidden, input_value=0, input_type=int]\n    For further information visit "
                    "https://errors.pydantic.dev/2.9/v/extra_forbidden",
                ),
            ),
        )
    ),
)
