"""Servers that take no system turn."""

from starlette.responses import Response

from testing.quirky_server import Quirk, error
from tests.servers.case import Case
from tests.servers.parts import gemini, in_turns, litellm, raw, text, vllm


def no_system(name: str, source: str, response: Response) -> Case:
    """A server whose template has no place for the system turn."""
    return Case(Quirk(name, source, in_turns("system", response)), taught=1)


CASES = (
    no_system("no system role", "vLLM, gemma", vllm(400, "System role not supported")),
    no_system("no system role, HTTP 500", "llama.cpp", error(500, "Jinja Exception: System role not supported")),
    no_system(
        "a role of a message does not support 'system'",
        "OpenAI o1",
        error(
            400,
            "Unsupported value: 'messages[0].role' does not support 'system' with this model.",
            param="messages[0].role",
            code="unsupported_value",
        ),
    ),
    no_system(
        "developer instruction is not enabled",
        "Gemini, gemma",
        gemini(400, "Developer instruction is not enabled for models/gemma-3-27b-it"),
    ),
    no_system(
        "roles must alternate",
        "autogen#1037",
        vllm(400, "Conversation roles must alternate user/assistant/user/assistant/..."),
    ),
    no_system(
        "invalid message role",
        "MiniMax",
        raw(
            400,
            {
                "type": "error",
                "error": {
                    "type": "bad_request_error",
                    "message": "invalid params, chat content has invalid message role: system (2013)",
                    "http_code": "400",
                },
            },
        ),
    ),
    no_system(
        "only user and assistant roles", "vLLM, Mistral", vllm(400, "Only user and assistant roles are supported!")
    ),
    no_system(
        "system messages unsupported by the provider", "litellm", litellm("This model doesn't support system messages")
    ),
    no_system(
        "role in FastAPI's words",
        "a gateway",
        raw(
            422,
            {
                "detail": [
                    {
                        "type": "enum",
                        "loc": ["body", "messages", 0, "role"],
                        "msg": "Input should be 'user' or 'assistant'",
                        "input": "system",
                    }
                ]
            },
        ),
    ),
    no_system(
        "the template fails, in plain text",
        "SGLang",
        text(400, "TemplateError: system role is not supported by this chat template"),
    ),
)
