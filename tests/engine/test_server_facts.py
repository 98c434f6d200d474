"""GET /models as servers answer it: what can be known is read, from bodies that cannot be trusted."""

import asyncio
import time
from typing import Any

import httpx2
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.endpoints import Endpoint
from resources.engine import server_facts
from resources.engine.server_facts import NOTHING, ServerFacts, ask_facts, facts_of, read_facts, read_slot_context
from testing.openai_server import scripted_server

OPENROUTER = {
    "id": "qwen/qwen2.5-vl-72b-instruct",
    "canonical_slug": "qwen/qwen2.5-vl-72b-instruct",
    "name": "Qwen: Qwen2.5 VL 72B Instruct",
    "context_length": 131072,
    "architecture": {"modality": "text+image->text", "input_modalities": ["text", "image"]},
    "pricing": {"prompt": "0.00000025", "completion": "0.00000075", "image": "0"},
    "top_provider": {"context_length": 32768, "max_completion_tokens": 8192, "is_moderated": False},
}
VLLM = {"id": "m", "object": "model", "owned_by": "vllm", "root": "Qwen/Qwen2.5-VL-7B-Instruct", "max_model_len": 32768}
LLAMA = {
    "id": "models/qwen.gguf",
    "object": "model",
    "owned_by": "llamacpp",
    "meta": {"vocab_type": 2, "n_ctx_train": 128000, "n_params": 7_000_000_000},
}
BODIES: list[tuple[str, Any, str, ServerFacts]] = [
    ("vLLM", {"object": "list", "data": [VLLM]}, "m", ServerFacts(32768, None, None, ("m",))),
    (
        "SGLang",
        {"data": [{"id": "m", "owned_by": "sglang", "max_model_len": 8192}]},
        "m",
        ServerFacts(8192, None, None, ("m",)),
    ),
    (
        "OpenRouter",
        {"data": [{"id": "other"}, OPENROUTER]},
        "qwen/qwen2.5-vl-72b-instruct:nitro",
        ServerFacts(32768, 8192, True, ("other", OPENROUTER["id"]), (0.25, 0.25, 0.75)),
    ),
    (
        "OpenRouter's router, whose price depends",
        {"data": [{"id": "openrouter/auto", "pricing": {"prompt": "-1", "completion": "-1"}}]},
        "openrouter/auto",
        ServerFacts(models=("openrouter/auto",)),
    ),
    (
        "LM Studio",
        {"data": [{"id": "m", "type": "vlm", "max_context_length": 131072, "loaded_context_length": 4096}]},
        "m",
        ServerFacts(4096, None, True, ("m",)),
    ),
    (
        "llama.cpp by any name",
        {"object": "list", "data": [LLAMA]},
        "m",
        ServerFacts(128000, None, None, (LLAMA["id"],)),
    ),
    (
        "llama.cpp of late",
        {"data": [{**LLAMA, "meta": {"n_ctx": 8192, "n_ctx_train": 40960}}]},
        "m",
        ServerFacts(8192, None, None, (LLAMA["id"],)),
    ),
    (
        "Mistral",
        {
            "data": [
                {
                    "id": "mistral-large-2512",
                    "aliases": ["mistral-large-latest"],
                    "max_context_length": 262144,
                    "capabilities": {"completion_chat": True, "vision": True},
                }
            ]
        },
        "mistral-large-latest",
        ServerFacts(262144, None, True, ("mistral-large-2512",)),
    ),
    (
        "Groq",
        {"data": [{"id": "m", "context_window": 131072, "max_completion_tokens": 8192}]},
        "m",
        ServerFacts(131072, 8192, None, ("m",)),
    ),
    (
        "LiteLLM's proxy, as recorded",
        {
            "data": [
                {"id": "m", "object": "model", "mode": "chat", "max_input_tokens": 272000, "max_output_tokens": 128000}
            ]
        },
        "m",
        ServerFacts(272000, 128000, None, ("m",)),
    ),
    (
        "llama.cpp, as recorded",
        {
            "models": [{"name": "m", "model": "m", "type": "model", "capabilities": ["completion"]}],
            "data": [
                {
                    "id": "m",
                    "aliases": ["m"],
                    "architecture": {"input_modalities": ["text"]},
                    "owned_by": "llamacpp",
                    "meta": {"n_ctx": 2048, "n_ctx_train": 8192},
                }
            ],
        },
        "m",
        ServerFacts(2048, None, False, ("m",)),
    ),
    ("Together", [{"id": "M", "type": "chat", "context_length": 32768}], "m", ServerFacts(32768, None, None, ("M",))),
    (
        "one model",
        {"id": "m", "object": "model", "max_model_len": "16384"},
        "m",
        ServerFacts(16384, None, None, ("m",)),
    ),
    (
        "Gemini",
        {"data": [{"id": "models/gemini-2.5-flash", "object": "model"}]},
        "gemini-2.5-flash",
        ServerFacts(models=("models/gemini-2.5-flash",)),
    ),
    ("OpenAI", {"data": [{"id": "gpt-4o", "object": "model"}]}, "gpt-4o", ServerFacts(models=("gpt-4o",))),
    (
        "a price that is none",
        {"data": [{"id": "m", "pricing": {"prompt": "0.1", "completion": True}}]},
        "m",
        ServerFacts(models=("m",)),
    ),
    ("another model", {"data": [VLLM]}, "n", ServerFacts(models=("m",))),
    ("router mode's dummy", {"data": [{"id": "m", "meta": {"n_ctx": 0}}]}, "m", ServerFacts(models=("m",))),
    ("an error", {"error": {"message": "no"}}, "m", NOTHING),
    ("a page", "<html>", "m", NOTHING),
    ("nothing", None, "m", NOTHING),
    (
        "odd entries",
        {"data": [None, 3, "m", {"id": 4}, {"id": "m", "max_model_len": [1]}]},
        "m",
        ServerFacts(models=("m",)),
    ),
    (
        "odd limits",
        {"data": [{"id": "m", "max_model_len": True, "context_length": -1}]},
        "m",
        ServerFacts(models=("m",)),
    ),
    ("infinity", {"data": [{"id": "m", "max_model_len": float("inf")}]}, "m", ServerFacts(models=("m",))),
]


@pytest.mark.parametrize(("body", "model", "expected"), [row[1:] for row in BODIES], ids=[row[0] for row in BODIES])
def test_each_server_s_own_fields_are_read(body: Any, model: str, expected: ServerFacts) -> None:
    found = read_facts(body, model)
    assert found._replace(price=None) == expected._replace(price=None)
    assert found.price == (pytest.approx(expected.price) if expected.price else None)


def test_at_most_50_names_are_kept() -> None:
    body = {"data": [{"id": f"m{number}"} for number in range(3000)] + [{"id": "m", "context_length": 4096}]}
    found = read_facts(body, "m")
    assert len(found.models) == 50
    assert found.context == 4096


FIELDS = [
    "id",
    "name",
    "aliases",
    "data",
    "models",
    "meta",
    "top_provider",
    "pricing",
    "prompt",
    "completion",
    "architecture",
    "input_modalities",
    "capabilities",
    "vision",
    "type",
    "owned_by",
    "n_ctx",
    "max_model_len",
    "context_length",
    "max_completion_tokens",
]
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["m", "llamacpp", "vlm", "image", "1e400", "-1", "0.1", "nan"])
    | st.text(max_size=4)
)
bodies = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=6)
)


@given(bodies | st.fixed_dictionaries({"data": st.lists(st.dictionaries(st.sampled_from(FIELDS), bodies))}))
def test_any_json_is_read_into_facts_that_can_be_used(body: Any) -> None:
    found = read_facts(body, "m")
    for limit in (found.context, found.most_tokens, read_slot_context(body)):
        assert limit is None or (type(limit) is int and 256 <= limit <= 10**9)
    assert found.vision in (None, True, False)
    assert len(found.models) <= 50 and all(isinstance(name, str) for name in found.models)
    assert found.price is None or all(0 <= dollars < float("inf") for dollars in found.price)


def client(answer: Any) -> openai.AsyncOpenAI:
    http = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    return openai.AsyncOpenAI(base_url="http://server/v1", api_key="k", http_client=http, max_retries=0)


def ask(answer: Any, model: str = "m") -> ServerFacts:
    async def work() -> ServerFacts:
        async with client(answer) as asked:
            return await ask_facts(asked, model)

    return asyncio.run(work())


def refuse(request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ConnectError("refused")


@pytest.mark.parametrize(
    "answer",
    [
        refuse,
        lambda request: httpx2.Response(401, json={"error": "no"}),
        lambda request: httpx2.Response(500),
        lambda request: httpx2.Response(200, content=b""),
        lambda request: httpx2.Response(200, content=b"<html>"),
        lambda request: httpx2.Response(200, content=b"\xff\xfe"),
        lambda request: httpx2.Response(200, content=b"[" * 200_000),
    ],
)
def test_whatever_goes_wrong_nothing_is_known(answer: Any) -> None:
    assert ask(answer) == NOTHING


@given(st.binary(max_size=40), st.integers(200, 599))
def test_any_bytes_get_an_answer(content: bytes, status: int) -> None:
    assert isinstance(ask(lambda request: httpx2.Response(status, content=content)), ServerFacts)


def test_a_server_that_does_not_answer_is_left_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_facts, "WITHIN_S", 0.2)

    async def hang(request: httpx2.Request) -> httpx2.Response:
        await asyncio.sleep(60)
        raise AssertionError

    started = time.monotonic()
    assert ask(hang) == NOTHING
    assert time.monotonic() - started < 5


def test_llama_cpp_is_asked_what_one_slot_has() -> None:
    asked = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.path)
        if request.url.path == "/props":
            return httpx2.Response(200, json={"default_generation_settings": {"n_ctx": 4096}, "total_slots": 4})
        return httpx2.Response(200, json={"data": [LLAMA]})

    assert ask(answer).context == 4096
    assert asked == ["/v1/models", "/props"]


def test_of_several_servers_the_least_counts_and_the_embedded_one_says_nothing() -> None:
    rows = [{"data": [{**VLLM, "max_model_len": tokens}]} for tokens in (32768, 8192)]
    with scripted_server(lambda body: "", rows[0]) as first, scripted_server(lambda body: "", rows[1]) as second:
        endpoint = Endpoint("teacher", f"{first.url},{second.url}", "m")
        assert asyncio.run(facts_of(endpoint)) == ServerFacts(8192, None, None, ("m",))
    assert asyncio.run(facts_of(Endpoint("teacher"))) == NOTHING
