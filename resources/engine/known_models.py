"""What is known of a model by its name, without asking anyone: its price, its limits, whether it reads and thinks.

The table, known_models.json, was taken from litellm's by scripts/known_models.py; docs/engine.md says what and how.
"""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

FILE = Path(__file__).with_name("known_models.json")

# Where a server's address ends -> whose list its names are in. Whatever it serves has a price, open weights too.
HOSTS = {
    "api.openai.com": "openai",
    "openai.azure.com": "openai",
    "api.anthropic.com": "anthropic",
    "generativelanguage.googleapis.com": "gemini",
    "api.mistral.ai": "mistral",
    "dashscope.aliyuncs.com": "dashscope",
    "dashscope-intl.aliyuncs.com": "dashscope",
    "dashscope-us.aliyuncs.com": "dashscope",
    "api.x.ai": "xai",
    "api.deepseek.com": "deepseek",
    "api.cohere.ai": "cohere_chat",
    "api.cohere.com": "cohere_chat",
    "api.z.ai": "zai",
    "open.bigmodel.cn": "zai",
    "api.moonshot.ai": "moonshot",
    "api.moonshot.cn": "moonshot",
    "api.minimax.io": "minimax",
    "volces.com": "volcengine",
    "api.nova.amazon.com": "amazon_nova",
    "api.groq.com": "groq",
    "api.together.xyz": "together_ai",
    "api.together.ai": "together_ai",
    "api.fireworks.ai": "fireworks_ai",
    "api.deepinfra.com": "deepinfra",
    "api.cerebras.ai": "cerebras",
    "api.sambanova.ai": "sambanova",
    "api.hyperbolic.xyz": "hyperbolic",
    "nebius.com": "nebius",
    "nebius.ai": "nebius",
    "api.novita.ai": "novita",
    "api.scaleway.ai": "scaleway",
    "amazonaws.com": "bedrock",
}
ROUTERS = ("openrouter/", "litellm_proxy/", "vercel_ai_gateway/")
# What stands before the first slash of a name -> whose lists it points to: of a provider, to all that it serves; of a
# vendor, to what nobody else serves, because people serve open weights themselves under the same names.
PROVIDER_PREFIXES = {
    **{name: name for name in set(HOSTS.values()) - {"openai", "anthropic", "gemini", "cohere_chat", "deepseek"}},
    "amazon-nova": "amazon_nova",
    "x-ai": "xai",
    "z-ai": "zai",
}
VENDOR_PREFIXES = {
    "openai": ("openai",),
    "azure": ("openai",),
    "amazon": ("amazon_nova",),
    "anthropic": ("anthropic",),
    "vertex_ai": ("gemini", "anthropic"),
    "google": ("gemini",),
    "gemini": ("gemini",),
    "models": ("gemini",),
    "mistralai": ("mistral",),
    "qwen": ("dashscope",),
    "cohere": ("cohere_chat",),
    "deepseek": ("deepseek",),
    "moonshotai": ("moonshot",),
}
VENDORS = (
    "openai",
    "anthropic",
    "gemini",
    "mistral",
    "dashscope",
    "xai",
    "deepseek",
    "cohere_chat",
    "moonshot",
    "volcengine",
    "meta",
)
OPEN = re.compile(  # names of open weights: by their size, or their family
    r"\b[ae]?\d+(\.\d+)?[bt]\b|gpt-oss|gemma|llama|mixtral|mistral-nemo|ministral|magistral-small|devstral|codestral|voxtral"
    r"|deepseek-[vr]\d|^glm|^kimi|minimax|-open\b"
)
VARIANT = re.compile(r":(free|nitro|floor|exacto|online|thinking|extended|beta)$")  # as OpenRouter marks them
DATED = re.compile(r"-(\d{4}-\d{2}-\d{2}|20\d{6}|latest|default)$")
BEDROCK = re.compile(
    r"(?:bedrock/)?(?:converse/)?(?:(?P<region>[a-z]{2}(?:-gov)?|apac|global)\.)?"
    r"(?P<name>(?P<vendor>[a-z0-9]+)\.[a-z][\w.:-]*)$"
)
CLAUDE_VERSION = re.compile(r"(-v\d+)?(:\d+)?$")


class KnownModel(NamedTuple):
    """A line of the table. price: US dollars for a million tokens of prompt, of prompt from the cache, of completion.

    context: tokens of a prompt; most_tokens: of an answer. None: the table does not say. vision: it reads images;
    reasoning: it can think before it answers (some do so only where they are asked to). False is no denial.
    """

    price: tuple[float, float, float] | None
    context: int | None
    most_tokens: int | None
    vision: bool
    reasoning: bool


def known(model: str, url: str = "") -> KnownModel | None:
    """What the table says of `model`, as a user writes it for the server at `url`; None where it holds no such model.

    Vendors' and routers' prefixes, dates, `-latest`, OpenRouter's variants and Bedrock's regions are understood. A name
    that only begins like a known one is unknown; so are open weights, unless `url` or a prefix says who serves them:
    on a server of one's own they cost nothing.
    """
    table = _table()
    free = "/" in model and model.lower().endswith(":free")
    for provider, name in _places(model.strip().lower(), url):
        if (row := table.get(provider, {}).get(name)) is not None:
            prompt, cached, completion, context, most_tokens, flags = row
            price = None if prompt is None else (prompt, cached, completion)
            return KnownModel((0, 0, 0) if free else price, context, most_tokens, bool(flags & 1), bool(flags & 2))
    return KnownModel((0, 0, 0), None, None, False, False) if free else None


def spellings(model: str) -> Iterator[str]:
    """The name, then without an OpenRouter variant, then without its date."""
    name = VARIANT.sub("", model)
    plain = name.replace("@", "-")
    return iter(dict.fromkeys((model, name, plain, DATED.sub("", plain))))


def _places(model: str, url: str) -> Iterator[tuple[str, str]]:
    """(provider, name) to look up, in order of preference. model: in lower case."""
    for router in ROUTERS:
        model = model.removeprefix(router)
    if provider := served_by(url):
        yield from ((provider, name) for name in spellings(_bare(model)))
    first, slash, rest = model.partition("/")
    if slash and first in PROVIDER_PREFIXES:
        yield from ((PROVIDER_PREFIXES[first], name) for name in spellings(_bare(rest)))
    yield from _bedrock(model)
    vendors = VENDOR_PREFIXES.get(first, ()) if slash else VENDORS
    for name in spellings(rest if slash else model):
        if name.startswith("ft:"):  # ft:<base>:<organisation>:<suffix>:<id>: a fine-tune has a price of its own
            name = ":".join(name.split(":")[:2])
        if not OPEN.search(name):
            yield from ((vendor, _dashed(name) if vendor == "anthropic" else name) for vendor in vendors)


def served_by(url: str) -> str:
    """The provider whose server stands at `url` (of several: at the first); empty: none of the table's."""
    try:
        host = urlsplit(url.split(",")[0].strip()).hostname or ""
    except ValueError:  # no address at all: `endpoints` refuses it
        return ""
    return next((provider for end, provider in HOSTS.items() if f".{host}".endswith(f".{end}")), "")


def _bare(name: str) -> str:
    return name.removeprefix("models/").removeprefix("accounts/fireworks/models/")


def _dashed(name: str) -> str:
    """claude-sonnet-4.5, as routers write it, is claude-sonnet-4-5."""
    return re.sub(r"(?<=\d)\.(?=\d)", "-", name)


def _bedrock(model: str) -> Iterator[tuple[str, str]]:
    """Names as `us.anthropic.claude-sonnet-4-5-20250929-v1:0`: the region's line, else the model's."""
    if (found := BEDROCK.match(model)) is None:
        return
    name = found["name"]
    if found["region"]:
        yield "bedrock", f"{found['region']}.{name}"
    if found["vendor"] == "anthropic":
        claude = CLAUDE_VERSION.sub("", name.removeprefix("anthropic."))
        yield from (("anthropic", spelling) for spelling in spellings(claude))
    yield "bedrock", name


@cache
def _table() -> dict[str, dict[str, list[Any]]]:
    """provider -> name -> [prompt, cached, completion, context, most tokens, flags: 1 reads images, 2 can think]."""
    found: dict[str, dict[str, list[Any]]] = json.loads(FILE.read_text(encoding="utf-8"))["providers"]
    return found
