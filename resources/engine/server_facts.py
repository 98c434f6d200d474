"""What a server says of its models (GET /models): context, longest answer, images, price; read without trust."""

import asyncio
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from resources.endpoints import Endpoint
from resources.engine.known_models import VARIANT
from resources.json_types import Json
from resources.settings import Settings
from resources.vllm.serve_command import served_context
from resources.vllm.served_model import max_positions

if TYPE_CHECKING:
    import openai

MOST_NAMES = 50
WITHIN_S = 5.0
LEAST_LIMIT = 256  # tokens: a smaller limit stands for "not known"
# Fields that hold the context of the model as it is served, then those that hold the model's own, which is no less.
CONTEXT_FIELDS = (
    "loaded_context_length",  # LM Studio
    "max_model_len",  # vLLM, SGLang
    "context_length",  # OpenRouter, Together, Ollama, DeepInfra
    "context_window",  # Groq
    "max_input_tokens",  # Anthropic, LiteLLM's proxy
    "max_context_length",  # Mistral, LM Studio
    "max_context_window",  # Lemonade
)
ANSWER_FIELDS = ("max_completion_tokens", "max_output_tokens")  # Groq, OpenRouter; LiteLLM's proxy


class ServerFacts(NamedTuple):
    """None: the server does not say. context: tokens of prompt and answer; most_tokens: of an answer.

    models: the names that the server lists, at most MOST_NAMES. price: US dollars for a million tokens of prompt, of
    prompt from the cache, of completion.
    """

    context: int | None = None
    most_tokens: int | None = None
    vision: bool | None = None
    models: tuple[str, ...] = ()
    price: tuple[float, float, float] | None = None


NOTHING = ServerFacts()


def read_facts(body: Json, model: str) -> ServerFacts:
    """What the body of GET /models says of `model`: {"data": [...]}, {"models": [...]}, a bare list, or one model."""
    entries = list(_entries(body))
    names = tuple(name for entry in entries for name in _names(entry)[:1])[:MOST_NAMES]
    wanted = {_plain(model), _plain(VARIANT.sub("", model))}
    found = next((entry for entry in entries if wanted & set(map(_plain, _names(entry)))), None)
    if found is None and len(entries) == 1 and entries[0].get("owned_by") == "llamacpp":
        found = entries[0]  # llama.cpp answers whatever name it is asked by
    if found is None:
        return ServerFacts(models=names)
    top, meta = _object(found.get("top_provider")), _object(found.get("meta"))
    contexts = [_tokens(found.get(field)) for field in CONTEXT_FIELDS]
    context = next(filter(None, (*contexts, _tokens(meta.get("n_ctx")), _tokens(meta.get("n_ctx_train")))), None)
    routed = _tokens(top.get("context_length"))
    answers = [_tokens(source.get(field)) for source in (top, found) for field in ANSWER_FIELDS]
    return ServerFacts(
        min(context, routed) if context and routed else context or routed,
        next(filter(None, answers), None),
        _vision(found),
        names,
        _price(_object(found.get("pricing"))),
    )


def read_slot_context(body: Json) -> int | None:
    """The context of one slot, out of llama.cpp's GET /props: what it was started with, shared by the slots."""
    settings = _object(body.get("default_generation_settings") if isinstance(body, dict) else None)
    return _tokens(settings.get("n_ctx"))


async def ask_facts(client: "openai.AsyncOpenAI", model: str) -> ServerFacts:
    """What the server behind `client` says of `model`, in WITHIN_S seconds at most; any failure: nothing is known."""
    try:
        async with asyncio.timeout(WITHIN_S):
            body = await _get(client, "/models")
            facts = read_facts(body, model)
            if any("n_ctx_train" in _object(entry.get("meta")) for entry in _entries(body)):
                root = str(client.base_url).rstrip("/").removesuffix("/v1")
                return facts._replace(context=read_slot_context(await _get(client, f"{root}/props")) or facts.context)
    except TimeoutError:
        return NOTHING
    return facts


async def facts_of(endpoint: Endpoint) -> ServerFacts:
    """What an endpoint's servers say of its model; of several servers the least context and answer."""

    async def ask(url: str) -> ServerFacts:
        async with endpoint.client(url) as client:
            return await ask_facts(client, endpoint.model)

    if endpoint.embedded:
        return NOTHING
    if endpoint.served:  # it is not there before it is needed, and its context is known
        context = served_context(Settings().vllm_context, max_positions(endpoint.served))
        return ServerFacts(context, vision=True, models=(endpoint.model,))
    found = await asyncio.gather(*map(ask, endpoint.urls))
    contexts = [facts.context for facts in found if facts.context]
    answers = [facts.most_tokens for facts in found if facts.most_tokens]
    return found[0]._replace(context=min(contexts, default=None), most_tokens=min(answers, default=None))


async def _get(client: "openai.AsyncOpenAI", path: str) -> Json:
    """The JSON at `path`; None for whatever goes wrong."""
    import aiohttp
    import httpx2
    import openai

    try:
        response = await client.get(path, cast_to=httpx2.Response)
        found: Json = response.json()
    except (openai.OpenAIError, httpx2.HTTPError, aiohttp.ClientError, ValueError, RecursionError, OSError):
        return None
    return found


def _entries(body: Json) -> Iterator[dict[str, Json]]:
    """The models that a body lists."""
    found = body
    if isinstance(body, dict):
        alone: Json = [body]
        found = next((body[field] for field in ("data", "models") if isinstance(body.get(field), list)), alone)
    if isinstance(found, list):
        yield from (entry for entry in found if isinstance(entry, dict))


def _names(entry: dict[str, Json]) -> list[str]:
    """The names by which a model can be asked."""
    aliases = entry.get("aliases")
    names = [entry.get("id"), entry.get("name"), entry.get("model"), *(aliases if isinstance(aliases, list) else ())]
    return [name for name in names if isinstance(name, str) and 0 < len(name) <= 300]


def _plain(name: str) -> str:
    return name.strip().lower().removeprefix("models/")


def _object(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _tokens(value: Json) -> int | None:
    """A limit in tokens, as a number or its digits; None where it cannot be one."""
    number = _number(value)
    return int(number) if number is not None and LEAST_LIMIT <= number <= 1e9 else None


def _number(value: Json) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _vision(entry: dict[str, Json]) -> bool | None:
    """Whether the model reads images, where one of the usual fields says so."""
    modalities = _object(entry.get("architecture")).get("input_modalities") or entry.get("input_modalities")
    if isinstance(modalities, list):
        return "image" in modalities
    able = entry.get("capabilities")
    if isinstance(able, dict) and isinstance(able.get("vision"), bool):
        return able["vision"] is True
    if isinstance(able, list) and able:
        return "multimodal" in able or "vision" in able
    if isinstance(entry.get("supports_image_input"), bool):
        return entry["supports_image_input"] is True
    return {"vlm": True, "llm": False}.get(str(entry.get("type")))


def _price(pricing: dict[str, Json]) -> tuple[float, float, float] | None:
    """OpenRouter's pricing: US dollars for one token, as strings."""
    if not isinstance(pricing.get("prompt"), str):
        return None
    prompt, completion = _number(pricing["prompt"]), _number(pricing.get("completion"))
    cached = _number(pricing.get("input_cache_read"))
    if prompt is None or completion is None or min(prompt, completion) < 0:  # -1: it depends (the router `auto`)
        return None
    dollars = (prompt, prompt if cached is None or cached < 0 else cached, completion)
    return dollars[0] * 1e6, dollars[1] * 1e6, dollars[2] * 1e6
