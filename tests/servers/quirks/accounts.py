"""Servers that serve nobody: the key, the credit, the region, the model, the address, or a setting of the user's own."""

from collections.abc import Mapping

from starlette.responses import Response

from testing.quirky_server import Quirk, error
from tests.servers.case import Case
from tests.servers.parts import always, anthropic, gemini, has, litellm, openrouter, page, pydantic, raw, text


def stays(
    name: str, source: str, response: Response, kind: str, *says: str, env: Mapping[str, str] | None = None
) -> Case:
    """The same answer to everything: a few calls, and a stop that names the setting."""
    return Case(Quirk(name, source, always(response)), "stop", kind, says, taught=6, env=env or {})


KEY, MODEL, URL = "LWV_TEACHER_API_KEY", "LWV_TEACHER_MODEL", "LWV_TEACHER_BASE_URL"

CASES = (
    stays("a wrong key", "OpenAI", error(401, "Incorrect API key provided: sk-a***b. You can find your API key at https://platform.openai.com/account/api-keys.", code="invalid_api_key"), "wrong_key", KEY, "is wrong", "Incorrect API key", env={"API_KEY": "sk-abc"}),
    stays("no key", "vLLM", raw(401, {"error": "Unauthorized"}), "wrong_key", KEY, "is not set", "Unauthorized"),
    stays("a key that is not valid, HTTP 400", "Gemini", gemini(400, "API key not valid. Please pass a valid API key."), "wrong_key", KEY, "API key not valid"),
    stays("no cookie auth credentials", "OpenRouter", error(401, "No cookie auth credentials found", code=401), "wrong_key", KEY),
    stays("a key in a page", "a gateway", page(401, "401 Authorization Required"), "wrong_key", KEY, "401 Authorization Required"),
    stays("a LiteLLM proxy with a key of its own", "litellm", error(400, "No connected db.", type="no_db_connection", code="400"), "wrong_key", KEY),
    stays("payment required", "DeepSeek", error(402, "Insufficient Balance"), "no_quota", "Insufficient Balance"),
    stays("more credits, or fewer tokens", "OpenRouter", error(402, "This request requires more credits, or fewer max_tokens. You requested up to 4096 tokens, but can only afford 134.", code=402), "no_quota", "requires more credits"),
    stays("the credit balance is too low, HTTP 400", "Anthropic", anthropic(400, "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits."), "no_quota", "credit balance is too low"),
    stays("in arrears", "DashScope", error(400, "Access denied, please make sure your account is in good standing.", code="Arrearage"), "no_quota", "good standing"),
    stays("another region", "OpenAI", error(403, "Country, region, or territory not supported", code="unsupported_country_region_territory"), "forbidden", "Country, region, or territory not supported"),
    stays("another region, HTTP 400", "Gemini", gemini(400, "User location is not supported for the API use.", "FAILED_PRECONDITION"), "forbidden", "User location"),
    stays("a firewall's page", "Cloudflare", page(403, "Attention Required! | Cloudflare"), "forbidden", "Attention Required", KEY),
    stays("no such model", "vLLM", error(404, "The model `m` does not exist.", type="NotFoundError", code=404), "unknown_model", MODEL, "does not exist"),
    stays("no such model, HTTP 400", "OpenRouter", error(400, "m is not a valid model ID", code=400), "unknown_model", MODEL, "not a valid model ID"),
    stays("no such model, try pulling it", "Ollama", error(404, 'model "m" not found, try pulling it first', type="api_error"), "unknown_model", MODEL, "try pulling it first"),
    stays("no model loaded", "LM Studio", raw(400, {"error": "No models loaded. Please load a model in the developer page or use the 'lms load' command."}), "unknown_model", MODEL, "No models loaded"),
    stays("no such deployment", "Azure OpenAI", error(404, "The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, please wait a moment and try again.", code="DeploymentNotFound"), "unknown_model", "API deployment", URL),
    stays("an unknown model of the proxy", "litellm", litellm("/chat/completions: Invalid model name passed in model=m. Call `/v1/models` to view available models for your key."), "unknown_model", MODEL, "Invalid model name"),
    stays("no endpoint for the data policy", "OpenRouter", error(404, "No endpoints found matching your data policy (Free model publication).", code=404), "unknown_model", "data policy"),
    stays("no such model, in a list of errors", "Cloudflare", raw(400, {"success": False, "errors": [{"code": 5007, "message": "No such model @cf/m or task"}], "result": {}, "messages": []}), "unknown_model", MODEL, "No such model"),
    stays("not supported by any provider", "Hugging Face", raw(400, {"error": {"message": "The requested model 'm' is not supported by any provider you have enabled.", "type": "invalid_request_error", "param": "model", "code": "model_not_supported"}}), "unknown_model", MODEL, "not supported by any provider"),
    stays("the month's credits are used up", "Hugging Face", raw(402, {"error": "You have exceeded your monthly included credits for Inference Providers. Subscribe to PRO to get 20x more monthly included credits."}), "no_quota", "monthly included credits"),
    stays("a wrong path", "FastAPI", raw(404, {"detail": "Not Found"}), "unknown_model", URL, "Not Found"),
    stays("a wrong path, with a page", "nginx", page(404, "404 Not Found"), "unknown_model", URL, "404 Not Found"),
    stays("a wrong method", "a web server", text(405, "Method Not Allowed"), "", "Method Not Allowed"),
    stays("moved to another address", "a proxy", Response(status_code=301, headers={"location": "/v2/chat/completions"}), "", URL),
    stays("a code and no field", "Zhipu GLM", raw(400, {"error": {"code": "1210", "message": "API 调用参数有误，请检查文档。"}}), "", "API 调用参数有误"),
    stays("400 without a word", "a gateway", text(400, ""), "", "without a word"),
    stays("turns that the template does not take", "vllm#6862", error(400, "After the optional system message, conversation roles must alternate user/assistant/user/assistant/..."), "", "roles must alternate"),
    *(
        Case(Quirk(name, source, has(field, response)), "stop", "setting", (f"`{field}`", "LWV_TEACHER_EXTRA", words), taught=6, env={"EXTRA": extra})
        for name, source, field, response, words, extra in (
            ("a field of EXTRA refused", "xAI", "presence_penalty", raw(400, {"code": "Client specified an invalid argument", "error": "Argument not supported on this model: presencePenalty"}), "presencePenalty", '{"presence_penalty": 0.1}'),
            ("a field of EXTRA is extra", "Mistral", "top_k", pydantic(422, "extra_forbidden", ["body", "top_k"], "Extra inputs are not permitted"), "Extra inputs", '{"top_k": 20}'),
            ("a field of EXTRA has no such value", "OpenAI", "reasoning_effort", error(400, "Unsupported value: 'reasoning_effort' does not support 'none' with this model.", param="reasoning_effort", code="unsupported_value"), "does not support 'none'", '{"reasoning_effort": "none"}'),
            ("a field of EXTRA refused by the provider", "OpenRouter", "chat_template_kwargs", openrouter(400, "chat_template_kwargs is not supported"), "not supported", '{"chat_template_kwargs": {"enable_thinking": false}}'),
        )
    ),
)  # fmt: skip
