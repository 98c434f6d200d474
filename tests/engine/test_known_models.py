"""Names of models as users write them find their own line in the table, and no other model's."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.engine.known_models import FILE, PROVIDER_PREFIXES, VENDOR_PREFIXES, known

TABLE = json.loads(FILE.read_text())["providers"]

OPENAI = "https://api.openai.com/v1"
FOUND = [
    # (as written, at this server, provider, its name there)
    ("gpt-4o", "", "openai", "gpt-4o"),
    ("GPT-4o", "", "openai", "gpt-4o"),
    (" gpt-4o ", "", "openai", "gpt-4o"),
    ("gpt-4o-mini", OPENAI, "openai", "gpt-4o-mini"),
    ("gpt-4o-2024-05-13", "", "openai", "gpt-4o-2024-05-13"),  # dearer than gpt-4o
    ("gpt-4o-2024-11-20", "", "openai", "gpt-4o-2024-11-20"),
    ("gpt-4o-2031-01-01", "", "openai", "gpt-4o"),
    ("gpt-4.1-mini-2025-04-14", "", "openai", "gpt-4.1-mini-2025-04-14"),
    ("gpt-5", "", "openai", "gpt-5"),
    ("gpt-5-mini", "", "openai", "gpt-5-mini"),
    ("gpt-5-chat-latest", "", "openai", "gpt-5-chat-latest"),
    ("gpt-5.1-latest", "", "openai", "gpt-5.1"),
    ("o3", "", "openai", "o3"),
    ("o4-mini-2025-04-16", "", "openai", "o4-mini-2025-04-16"),
    ("openai/gpt-4o", "", "openai", "gpt-4o"),
    ("openai/gpt-5.2", "https://openrouter.ai/api/v1", "openai", "gpt-5.2"),
    ("openrouter/openai/gpt-4o", "http://127.0.0.1:4000/v1", "openai", "gpt-4o"),
    ("openrouter/openai/gpt-4o-mini:nitro", "", "openai", "gpt-4o-mini"),
    ("litellm_proxy/gpt-4o", "", "openai", "gpt-4o"),
    ("openai/gpt-4.1:online", "", "openai", "gpt-4.1"),
    ("azure/gpt-4o", "", "openai", "gpt-4o"),
    ("gpt-4o", "https://mine.openai.azure.com/openai/v1", "openai", "gpt-4o"),
    ("ft:gpt-4o-2024-08-06:my-org::abc123", OPENAI, "openai", "ft:gpt-4o-2024-08-06"),
    ("ft:gpt-4o-mini-2024-07-18:my-org:script:x1", "", "openai", "ft:gpt-4o-mini-2024-07-18"),
    ("claude-sonnet-4-5", "", "anthropic", "claude-sonnet-4-5"),
    ("claude-sonnet-4-5-20250929", "https://api.anthropic.com/v1", "anthropic", "claude-sonnet-4-5-20250929"),
    ("claude-opus-4-5@20251101", "", "anthropic", "claude-opus-4-5-20251101"),
    ("claude-3-5-sonnet-20241022", "", "anthropic", "claude-3-5-sonnet-20241022"),
    ("claude-3-5-sonnet-latest", "", "anthropic", "claude-3-5-sonnet"),
    ("claude-3-7-sonnet-latest", "", "anthropic", "claude-3-7-sonnet"),
    ("anthropic/claude-3.5-sonnet", "https://openrouter.ai/api/v1", "anthropic", "claude-3-5-sonnet"),
    ("anthropic/claude-3.7-sonnet:thinking", "", "anthropic", "claude-3-7-sonnet"),
    ("anthropic/claude-sonnet-4.5", "", "anthropic", "claude-sonnet-4-5"),
    ("anthropic/claude-haiku-4-5-20251001", "", "anthropic", "claude-haiku-4-5-20251001"),
    ("vertex_ai/claude-sonnet-4-5@20250929", "", "anthropic", "claude-sonnet-4-5-20250929"),
    ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "", "bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
    ("anthropic.claude-sonnet-4-5-20250929-v1:0", "", "anthropic", "claude-sonnet-4-5-20250929"),
    ("bedrock/anthropic.claude-3-5-sonnet-20241022-v2:0", "", "anthropic", "claude-3-5-sonnet-20241022"),
    ("us.anthropic.claude-3-5-sonnet-20241022-v2:0", "", "anthropic", "claude-3-5-sonnet-20241022"),
    ("amazon.nova-pro-v1:0", "https://bedrock-runtime.us-east-1.amazonaws.com/v1", "bedrock", "amazon.nova-pro-v1:0"),
    ("amazon/nova-pro-v1", "https://openrouter.ai/api/v1", "amazon_nova", "nova-pro-v1"),
    ("us.amazon.nova-lite-v1:0", "", "bedrock", "amazon.nova-lite-v1:0"),
    ("us.meta.llama4-maverick-17b-instruct-v1:0", "", "bedrock", "meta.llama4-maverick-17b-instruct-v1:0"),
    ("gemini-2.5-flash", "", "gemini", "gemini-2.5-flash"),
    (
        "models/gemini-2.5-flash",
        "https://generativelanguage.googleapis.com/v1beta/openai/",
        "gemini",
        "gemini-2.5-flash",
    ),
    ("gemini/gemini-2.5-pro", "", "gemini", "gemini-2.5-pro"),
    ("google/gemini-2.5-pro", "https://openrouter.ai/api/v1", "gemini", "gemini-2.5-pro"),
    ("vertex_ai/gemini-2.5-pro", "", "gemini", "gemini-2.5-pro"),
    ("gemini-2.0-flash", "", "gemini", "gemini-2.0-flash"),
    ("gemini-flash-latest", "", "gemini", "gemini-flash-latest"),
    ("gemma-4-31b-it", "https://generativelanguage.googleapis.com/v1beta/openai", "gemini", "gemma-4-31b-it"),
    ("mistral-large-latest", "", "mistral", "mistral-large-latest"),
    ("pixtral-large-latest", "https://api.mistral.ai/v1", "mistral", "pixtral-large-latest"),
    ("mistral/mistral-medium-latest", "", "mistral", "mistral-medium-latest"),
    ("mistralai/mistral-large-2512", "", "mistral", "mistral-large-2512"),
    ("magistral-small-latest", "https://api.mistral.ai/v1", "mistral", "magistral-small-latest"),
    ("qwen-plus", "https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "dashscope", "qwen-plus"),
    ("qwen3-vl-plus", "", "dashscope", "qwen3-vl-plus"),
    ("qwen3-vl-plus-2025-09-23", "", "dashscope", "qwen3-vl-plus"),
    ("qwen/qwen3-max", "", "dashscope", "qwen3-max"),
    ("dashscope/qwen3-vl-32b-instruct", "", "dashscope", "qwen3-vl-32b-instruct"),
    (
        "qwen3-vl-32b-instruct",
        "https://dashscope.aliyuncs.com/compatible-mode/v1",
        "dashscope",
        "qwen3-vl-32b-instruct",
    ),
    ("grok-4", "https://api.x.ai/v1", "xai", "grok-4"),
    ("x-ai/grok-4.3", "", "xai", "grok-4.3"),
    ("deepseek-chat", "https://api.deepseek.com", "deepseek", "deepseek-chat"),
    ("deepseek/deepseek-reasoner", "", "deepseek", "deepseek-reasoner"),
    ("z-ai/glm-4.6", "https://openrouter.ai/api/v1", "zai", "glm-4.6"),
    ("glm-4.5v", "https://api.z.ai/api/paas/v4", "zai", "glm-4.5v"),
    ("kimi-k2.5", "https://api.moonshot.ai/v1", "moonshot", "kimi-k2.5"),
    ("openai/gpt-oss-120b", "https://api.groq.com/openai/v1", "groq", "openai/gpt-oss-120b"),
    ("groq/openai/gpt-oss-120b", "", "groq", "openai/gpt-oss-120b"),
    ("Qwen/Qwen2.5-VL-72B-Instruct", "https://api.together.xyz/v1", "together_ai", "qwen/qwen2.5-vl-72b-instruct"),
    ("together_ai/Qwen/Qwen3-VL-8B-Instruct", "", "together_ai", "qwen/qwen3-vl-8b-instruct"),
    (
        "Qwen/Qwen2.5-VL-32B-Instruct",
        "https://api.deepinfra.com/v1/openai",
        "deepinfra",
        "qwen/qwen2.5-vl-32b-instruct",
    ),
    ("google/gemini-2.5-flash", "https://api.deepinfra.com/v1/openai", "deepinfra", "google/gemini-2.5-flash"),
    ("accounts/fireworks/models/gpt-oss-120b", "https://api.fireworks.ai/inference/v1", "fireworks_ai", "gpt-oss-120b"),
    ("fireworks_ai/accounts/fireworks/models/glm-4p6", "", "fireworks_ai", "glm-4p6"),
]

OWN = "http://127.0.0.1:8000/v1"
UNKNOWN = [
    ("", ""),
    ("m", OWN),
    ("default", OWN),
    ("gpt", ""),
    ("gpt-4o-my-own", ""),
    ("my-gpt-4o", ""),
    ("gpt-4o:latest", OWN),
    ("gpt-4o2", ""),
    ("gpt-4o-2024-11", ""),
    ("ft:gpt-4o:org", OPENAI),
    ("ft:gpt-4o:org::id", ""),
    ("ft:llama:org", ""),
    ("my-org/gpt-4o", ""),
    ("anthropic/gpt-4o", ""),
    ("openai/claude-sonnet-4-5", ""),
    ("google/claude-sonnet-4-5", ""),
    ("claude-sonnet-4-5-mine", ""),
    ("claude-sonnet-4-55", ""),
    ("gemini-2.5-flash-tuned", ""),
    ("tunedModels/gemini-2.5-flash", ""),
    ("Qwen/Qwen2.5-VL-7B-Instruct", OWN),
    ("Qwen/Qwen2.5-VL-72B-Instruct", OWN),
    ("qwen/qwen2.5-vl-72b-instruct", "https://openrouter.ai/api/v1"),
    ("Qwen/Qwen3-VL-32B-Instruct", OWN),
    ("qwen3-vl-32b-instruct", OWN),
    ("qwen3-vl:8b", "http://localhost:11434/v1"),
    ("qwen2.5vl:7b", "http://localhost:11434/v1"),
    ("llama3.2-vision", "http://localhost:11434/v1"),
    ("gpt-oss:20b", "http://localhost:11434/v1"),
    ("openai/gpt-oss-120b", OWN),
    ("openai/gpt-oss-120b", "https://openrouter.ai/api/v1"),
    ("gpt-oss-120b", OWN),
    ("google/gemma-3-27b-it", OWN),
    ("gemma-4-31b-it", OWN),
    ("deepseek-ai/DeepSeek-V3.2", OWN),
    ("deepseek-v3.2", OWN),
    ("moonshotai/Kimi-K2.5", OWN),
    ("zai-org/GLM-4.6", OWN),
    ("glm-4.6", OWN),
    ("mistralai/Magistral-Small-2506", OWN),
    ("mistralai/Mistral-Small-3.2-24B-Instruct-2506", OWN),
    ("mistralai/Pixtral-12B-2409", OWN),
    ("OpenGVLab/InternVL3-78B", OWN),
    ("/models/qwen", OWN),
    ("models/llama.gguf", OWN),
    ("meta-llama/Llama-4-Scout-17B-16E-Instruct", OWN),
    ("gpt-4o\n-x", ""),
    ("Qwen/Qwen2.5-VL-72B-Instruct", "https://api.together.xyz.evil.example/v1"),
]


@pytest.mark.parametrize(("model", "url", "provider", "name"), FOUND)
def test_a_model_is_found_however_its_name_is_written(model: str, url: str, provider: str, name: str) -> None:
    prompt, cached, completion, context, most_tokens, flags = TABLE[provider][name]
    found = known(model, url)
    assert found is not None
    assert found.price == (None if prompt is None else (prompt, cached, completion))
    assert (found.context, found.most_tokens) == (context, most_tokens)
    assert (found.vision, found.reasoning) == (bool(flags & 1), bool(flags & 2))


@pytest.mark.parametrize(("model", "url"), UNKNOWN)
def test_no_model_gets_what_is_known_of_another(model: str, url: str) -> None:
    assert known(model, url) is None


def test_what_openrouter_gives_away_costs_nothing() -> None:
    found = known("qwen/qwen2.5-vl-72b-instruct:free")
    assert found is not None and found.price == (0, 0, 0)
    found = known("google/gemini-2.5-flash:free")
    assert found is not None and found.price == (0, 0, 0) and found.context == 1_048_576


@given(
    st.sampled_from(["gpt-4o", "claude-sonnet-4-5", "gemini-2.5-flash", "qwen-plus"]), st.text(min_size=1, max_size=12)
)
def test_a_name_with_anything_behind_it_is_another_models(name: str, behind: str) -> None:
    family = {other for names in TABLE.values() for other in names}
    written = f"{name}-x{behind}"
    assert known(written) is None or written.strip().lower() in family


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_name_and_address_get_an_answer(model: str, url: str) -> None:
    known(model, f"https://{url}")


def test_the_table_is_one_that_can_be_used() -> None:
    assert {
        *PROVIDER_PREFIXES.values(),
        *(name for names in VENDOR_PREFIXES.values() for name in names),
    } <= TABLE.keys()
    for names in TABLE.values():
        for name, (prompt, cached, completion, context, most_tokens, flags) in names.items():
            assert name == name.lower()
            assert (prompt is None) == (completion is None) == (cached is None)
            assert prompt is None or (0 < prompt < 1000 and 0 <= cached <= prompt and 0 < completion < 5000), name
            assert context is None or 256 <= context <= 20_000_000, name
            assert most_tokens is None or 256 <= most_tokens <= 20_000_000, name
            assert flags in (0, 1, 2, 3)
