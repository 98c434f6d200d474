"""Servers that refuse structured output, a part of a schema, or that answer it with nothing of use."""

import json

from starlette.responses import JSONResponse, Response

from testing.quirky_server import Body, Quirk, Seen, error, text_of, with_message
from tests.servers.case import Case
from tests.servers.parts import (
    anthropic,
    either,
    first,
    gemini,
    has,
    in_schema,
    litellm,
    openrouter,
    page,
    pydantic,
    raw,
    text,
    vllm,
    where,
)


def refused(name: str, source: str, response: Response) -> Case:
    """A server that takes no structured output at all."""
    return Case(Quirk(name, source, has("response_format", response)))


def bounds(name: str, source: str, response: Response, word: str = "additionalProperties") -> Case:
    """A server that takes a schema, but not all of its words."""
    return Case(Quirk(name, source, in_schema(word, response)))


def spaces(answer: Body, body: Body, seen: Seen) -> Response:
    """Guided JSON as weak models write it: white space until max_tokens."""
    if "response_format" not in body:
        return JSONResponse(answer)
    return JSONResponse(with_message(answer, "length", content='{\n  "sections":' + " \n" * 900))


def spaced(answer: Body, body: Body, seen: Seen) -> Response:
    """The plan with white space around it, on many lines."""
    if "response_format" not in body:
        return JSONResponse(answer)
    return JSONResponse(with_message(answer, content=f"\n\n  {json.dumps(json.loads(text_of(answer)), indent=2)}\n"))


CASES = (
    refused("response_format in five words", "new-api#1037", error(400, "response_format is not supported")),
    refused(
        "this type is unavailable now",
        "DeepSeek",
        error(400, "This response_format type is unavailable now", type="invalid_request_error"),
    ),
    refused(
        "the schema is looked for elsewhere",
        "koharu#1128",
        error(
            400,
            "invalid request: response_format validation: invalid 'json_schema' provided: missing required field 'type'",
        ),
    ),
    refused(
        "json_schema unavailable, as text",
        "DeepSeek",
        text(
            422,
            "Failed to deserialize the JSON body into the target type: response_format: response_format.type "
            "`json_schema` is unavailable now at line 1 column 12440",
        ),
    ),
    refused(
        "json_schema unknown to the model",
        "OpenAI gpt-4",
        error(
            400,
            "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model. Learn more "
            "about supported models at the Structured Outputs guide",
            param=None,
        ),
    ),
    refused(
        "only for later API versions",
        "Azure OpenAI",
        error(
            400, "response_format value as json_schema is enabled only for api versions 2024-08-01-preview and later"
        ),
    ),
    refused(
        "no endpoint takes all parameters",
        "OpenRouter",
        error(
            404,
            "No endpoints found that can handle the requested parameters. To learn more about provider routing, visit: https://openrouter.ai/docs/provider-routing",
            code=404,
        ),
    ),
    refused("not implemented", "a gateway", text(501, "Not Implemented")),
    refused("500 without words", "a gateway", text(500, "Internal Server Error")),
    refused("the error is a string", "a gateway", raw(400, {"error": "structured outputs are not available for m"})),
    refused("404 with a page", "a gateway", page(404, "404 Not Found")),
    refused(
        "one of two types",
        "LM Studio",
        raw(400, {"error": "'response_format.type' must be 'json_schema' or 'text'"}),
    ),
    bounds(
        "a literal error, by FastAPI",
        "a gateway",
        pydantic(422, "literal_error", ["body", "response_format", "type"], "Input should be 'text' or 'json_object'"),
        "json_schema",
    ),
    refused(
        "generation did not validate",
        "PromptFuzz#42",
        error(
            400,
            "Failed to generate JSON. Please adjust your prompt. See 'failed_generation' for more details.",
            code="json_validate_failed",
            failed_generation="```json\n{",
        ),
    ),
    refused(
        "the guided backend fails, HTTP 500",
        "vLLM",
        vllm(500, "Grammar error: failed to compile the json schema", "InternalServerError"),
    ),
    refused(
        "the parameter is unsupported by the provider",
        "litellm",
        litellm("ollama does not support parameters: ['response_format'], for model=m"),
    ),
    refused(
        "input tag not supported",
        "Anthropic",
        anthropic(400, "response_format: Input tag 'json_schema' is not supported"),
    ),
    refused(
        "provider returned error",
        "OpenRouter",
        openrouter(400, '{"error":{"message":"json_schema is not supported by this engine"}}'),
    ),
    refused(
        "the word is camel case",
        "Gemini",
        gemini(400, "Json mode is not enabled for models/m; responseSchema is unavailable"),
    ),
    refused(
        "invalid parameters and no field",
        "Zhipu GLM",
        raw(400, {"error": {"code": "1210", "message": "API 调用参数有误，请检查文档。"}}),
    ),
    bounds(
        "a schema's features unknown",
        "vllm#16880",
        vllm(400, "The provided JSON schema contains features not supported by xgrammar."),
    ),
    bounds(
        "additionalProperties unknown",
        "new-api#1037",
        gemini(
            400,
            'Invalid JSON payload received. Unknown name "additionalProperties" at '
            "'generation_config.response_schema': Cannot find field.",
        ),
    ),
    bounds(
        "unsupported field in a schema, HTTP 501",
        "Vertex AI",
        gemini(
            501,
            "Unable to submit request because one or more response schemas specified unsupported field "
            "additionalProperties. Learn more: https://cloud.google.com/vertex-ai/generative-ai/docs",
        ),
    ),
    bounds(
        "strict unknown",
        "a gateway",
        error(400, "Invalid schema for response_format 'plan': 'strict' is not permitted.", param="response_format"),
        "strict",
    ),
    Case(
        Quirk(
            "json_object alone",
            "llama.cpp",
            in_schema(
                "json_schema",
                error(400, 'response_format type must be one of "text" or "json_object", but got: json_schema'),
            ),
        )
    ),
    Case(
        Quirk(
            "json_object, and the prompt must have the word json",
            "DashScope",
            either(
                in_schema("json_schema", error(400, "response_format.type must be 'text' or 'json_object'")),
                where(
                    lambda body: "response_format" in body and "json" not in str(body["messages"]).lower(),
                    error(
                        400,
                        "'messages' must contain the word 'json' in some form, to use 'response_format' of type "
                        "'json_object'.",
                        param="messages",
                    ),
                ),
            ),
        ),
        taught=3,
    ),
    Case(Quirk("JSON with white space before it", "docs/servers.md", shape=spaced), same=False),
    Case(Quirk("white space without an end", "vllm#13260", shape=spaces), made=2),
    Case(Quirk("refused once, by a passing fault", "a load balancer", first(1, error(500, "Internal Server Error")))),
)
