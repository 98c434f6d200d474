"""Servers that refuse a token limit: its name, its size, or what the context leaves for it."""

from testing.quirky_server import Quirk, error
from tests.servers.case import Case
from tests.servers.parts import (
    anthropic,
    either,
    extra_forbidden,
    gemini,
    has,
    litellm,
    over,
    page,
    pydantic,
    raw,
    text,
)

USE_OTHER = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
MOST = 700  # tokens: what a section takes fits, what is asked for does not

CASES = (
    Case(
        Quirk(
            "max_tokens refused, the field named",
            "litellm#13381",
            has("max_tokens", error(400, USE_OTHER, param="max_tokens", code="unsupported_parameter")),
        )
    ),
    Case(Quirk("max_tokens refused, in words alone", "copilot", has("max_tokens", error(400, USE_OTHER)))),
    Case(
        Quirk(
            "max_tokens refused by a proxy",
            "litellm",
            has("max_tokens", litellm("openai does not support parameters: ['max_tokens'], for model=o1")),
        )
    ),
    Case(Quirk("max_tokens is extra", "FastAPI", has("max_tokens", extra_forbidden("max_tokens")))),
    Case(
        Quirk(
            "both names of the limit refused",
            "a gateway",
            either(
                has("max_tokens", error(400, "Unknown parameter: 'max_tokens'.")),
                has("max_completion_tokens", error(400, "Unknown parameter: 'max_completion_tokens'.")),
            ),
        ),
        taught=3,
    ),
    Case(
        Quirk(
            "supports at most N",
            "repowise#987",
            over(
                MOST,
                error(
                    400,
                    f"max_tokens is too large: 4096. This model supports at most {MOST} completion tokens, whereas "
                    "you provided 4096.",
                    param="max_tokens",
                    code="invalid_value",
                ),
            ),
        )
    ),
    Case(
        Quirk(
            "range [1, N]",
            "DashScope",
            over(
                MOST,
                error(
                    400,
                    f"<400> InternalError.Algo.InvalidParameter: Range of max_tokens should be [1, {MOST}]",
                    code="invalid_parameter_error",
                ),
            ),
        )
    ),
    Case(
        Quirk(
            "the valid range is [1, N]",
            "DeepSeek",
            over(MOST, error(400, f"Invalid max_tokens value, the valid range of max_tokens is [1, {MOST}]")),
        )
    ),
    Case(
        Quirk(
            "exceeds the model limit of N",
            "crush#946",
            over(MOST, raw(400, {"message": f"The maximum tokens you requested exceeds the model limit of {MOST}"})),
        )
    ),
    Case(
        Quirk(
            "N > M",
            "Anthropic",
            over(
                MOST,
                anthropic(
                    400, f"max_tokens: 4096 > {MOST}, which is the maximum allowed number of output tokens for m"
                ),
            ),
        )
    ),
    Case(
        Quirk(
            "a range that leaves its end out",
            "Vertex AI",
            over(
                MOST,
                gemini(
                    400,
                    "Unable to submit request because it has a maxOutputTokens value of 4096 but the supported range "
                    f"is from 1 (inclusive) to {MOST + 1} (exclusive). Update the value and try again.",
                ),
            ),
        )
    ),
    Case(
        Quirk(
            "less than or equal to `N`",
            "Groq",
            over(
                MOST,
                error(
                    400,
                    f"`max_tokens` must be less than or equal to `{MOST}`, the maximum value for `max_tokens` is less "
                    "than the `context_window` for this model",
                    param="max_tokens",
                ),
            ),
        )
    ),
    Case(
        Quirk(
            "less than or equal to N, by FastAPI",
            "Mistral",
            over(
                MOST,
                pydantic(
                    422,
                    "less_than_equal",
                    ["body", "max_tokens"],
                    f"Input should be less than or equal to {MOST}",
                    input=4096,
                    ctx={"le": MOST},
                ),
            ),
        )
    ),
    Case(
        Quirk(
            "integer above maximum value",
            "Volcengine Ark",
            over(
                MOST,
                error(
                    400,
                    "The parameter max_tokens specified in the request is not valid: integer above maximum value, "
                    f"expected a value <= {MOST}, but got 4096 instead. Request id: 0",
                    code="InvalidParameter",
                    param="max_tokens",
                ),
            ),
        )
    ),
    Case(
        Quirk(
            "a limit in Chinese",
            "Zhipu GLM-4V-Flash",
            over(MOST, raw(400, {"error": {"code": "1210", "message": f"max_tokens参数非法：限制数值范围[1,{MOST}]"}})),
        )
    ),
    Case(
        Quirk(
            "too large, without a number",
            "a gateway",
            over(MOST, text(400, "max_tokens is too large for this deployment")),
        ),
        taught=3,
    ),
    Case(
        Quirk(
            "a limit in Chinese without a number",
            "Zhipu GLM-4",
            over(MOST, raw(400, {"error": {"code": "1214", "message": "max_tokens参数非法。请检查文档。"}})),
        ),
        taught=3,
    ),
    Case(
        Quirk(
            "a limit over a web page",
            "a gateway",
            over(MOST, page(400, f"max_tokens exceeds the maximum of {MOST}")),
        )
    ),
)
