"""Makes resources/engine/known_models.json out of a wheel of litellm: `python scripts/known_models.py WHEEL`.

The wheel holds a table of models, their prices and limits (MIT licence), and is only read here, never installed:
`pip download --no-deps litellm` fetches it. What is kept: chat models of the providers that a user of an
OpenAI-compatible server asks by name; no regional duplicates, no audio, no guards.
"""

import datetime
import json
import re
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TABLE = "litellm/model_prices_and_context_window_backup.json"
TARGET = ROOT / "resources" / "engine" / "known_models.json"
LICENCE = ROOT / "resources" / "engine" / "known_models.licence.txt"
OF_OTHER_KIND = re.compile(r"audio|tts|realtime|lyria|live|robotics|guard|embed|moderation|container|ocr|flux|rerank")
TYPICAL_PROMPT = 32_000  # tokens: where the price depends on the prompt's length, that of such a prompt

# litellm_provider -> the prefix of its names, which is dropped.
PROVIDERS = {
    "openai": "",
    "anthropic": "",
    "gemini": "gemini/",
    "mistral": "mistral/",
    "dashscope": "dashscope/",
    "xai": "xai/",
    "deepseek": "deepseek/",
    "cohere_chat": "",
    "zai": "zai/",
    "moonshot": "moonshot/",
    "minimax": "minimax/",
    "meta": "meta/",
    "amazon_nova": "amazon-nova/",
    "volcengine": "volcengine/",
    "groq": "groq/",
    "together_ai": "together_ai/",
    "fireworks_ai": "fireworks_ai/",
    "deepinfra": "deepinfra/",
    "cerebras": "cerebras/",
    "sambanova": "sambanova/",
    "hyperbolic": "hyperbolic/",
    "nebius": "nebius/",
    "novita": "novita/",
    "scaleway": "scaleway/",
    "bedrock": "",
    "bedrock_converse": "",
}
# Where else a vendor's models stand, for those that its own list has dropped: (litellm_provider, prefix, vendor).
ELSEWHERE = (
    ("vertex_ai-language-models", "", "gemini"),
    ("vertex_ai", "vertex_ai/", "gemini"),
    ("vertex_ai-mistral_models", "vertex_ai/", "mistral"),
    ("azure", "azure/", "openai"),
    ("vercel_ai_gateway", "vercel_ai_gateway/anthropic/", "anthropic"),
    ("vercel_ai_gateway", "vercel_ai_gateway/xai/", "xai"),
)
# What a vendor's names begin with; its list holds aliases and other vendors' models too.
OWN_NAMES = {
    "anthropic": re.compile(r"claude-"),
    "gemini": re.compile(r"gemini-|gemma-"),
    "openai": re.compile(r"(ft:)?(gpt-\d|o\d|chatgpt-)"),
}
CLAUDE = re.compile(r"^(?:[a-z-]+\.)?anthropic\.(claude-[\w.-]+?)(?:-v\d+)?(?::\d+)?$")
DATE = re.compile(r"-(?:\d{4}-\d{2}-\d{2}|20\d{6})$")
Row = list[float | int | None]


def main(wheel: str) -> None:
    """Read the wheel, write the table and its licence beside it."""
    with zipfile.ZipFile(wheel) as archive:
        table = json.loads(archive.read(TABLE))
        licence = next(name for name in archive.namelist() if re.search(r"dist-info/licenses/LICENSE$", name))
        LICENCE.write_text(archive.read(licence).decode())
    version = Path(wheel).name.split("-")[1]
    source = {"package": "litellm", "version": version, "licence": "MIT", "taken": datetime.date.today().isoformat()}  # noqa: DTZ011
    TARGET.write_text(as_text(source, providers(table)), encoding="utf-8")
    print(f"{TARGET.relative_to(ROOT)}: {TARGET.stat().st_size:,} bytes")


def providers(table: Mapping[str, Any]) -> dict[str, dict[str, Row]]:
    """provider -> name in lower case -> row [prompt, cached, completion, context, most tokens, flags]."""
    found: dict[str, dict[str, Row]] = {}
    chat = {name: entry for name, entry in table.items() if is_chat(name, entry)}
    for name, entry in chat.items():
        provider = entry["litellm_provider"]
        prefix = PROVIDERS.get(provider)
        if prefix is None or ("/" in name.removeprefix(prefix) and provider.startswith("bedrock")):
            continue
        short = name.removeprefix(prefix).removeprefix("accounts/fireworks/models/").lower()
        found.setdefault(provider.removesuffix("_converse"), {}).setdefault(short, row(entry))
    claude_of_bedrock(found)
    for provider, prefix, vendor in ELSEWHERE:
        for name, entry in chat.items():
            short = name.removeprefix(prefix).lower()
            if entry["litellm_provider"] == provider and name.startswith(prefix) and not re.search("[/@]", short):
                found[vendor].setdefault(short.replace(".", "-") if vendor == "anthropic" else short, row(entry))
    for vendor, own in OWN_NAMES.items():
        found[vendor] = {name: line for name, line in found[vendor].items() if own.match(name)}
    for names in found.values():
        names.update(undated(names))
    return found


def is_chat(name: str, entry: Mapping[str, Any]) -> bool:
    """Whether a line of the table is of a model that answers /chat/completions with text."""
    asked_so = entry.get("mode") == "chat" or (
        entry.get("mode") == "responses" and "/v1/chat/completions" in entry.get("supported_endpoints", ())
    )
    return asked_so and not OF_OTHER_KIND.search(name.lower()) and row(entry)[:5] != [None] * 5


def row(entry: Mapping[str, Any]) -> Row:
    """US dollars for a million tokens, tokens, flags (1 reads images, 2 can think); null where the table is silent."""
    tiers = [tier for tier in entry.get("tiered_pricing", ()) if tier["range"][0] < TYPICAL_PROMPT]
    priced = {**entry, **tiers[-1]} if tiers else entry
    prompt, completion = priced.get("input_cost_per_token"), priced.get("output_cost_per_token")
    cached = priced.get("cache_read_input_token_cost", priced.get("input_cost_per_token_cache_hit"))
    price: Row = [None, None, None]
    if prompt and completion:  # zeros stand there for "not known" as well
        price = [million(cost) for cost in (prompt, prompt if cached is None else cached, completion)]
    flags = bool(entry.get("supports_vision")) + 2 * bool(entry.get("supports_reasoning"))
    return [*price, tokens(entry.get("max_input_tokens")), tokens(entry.get("max_output_tokens")), flags]


def million(cost: float) -> float | int:
    """US dollars for a million tokens."""
    dollars = round(cost * 1e6, 6)
    return int(dollars) if dollars == int(dollars) else dollars


def tokens(value: object) -> int | None:
    """A limit in tokens."""
    return int(value) if isinstance(value, int | float) and value > 0 else None


def claude_of_bedrock(found: dict[str, dict[str, Row]]) -> None:
    """Bedrock's list holds older Claude models too; only where its price is another one its line is kept as well."""
    own, bedrock = found["anthropic"], found["bedrock"]
    for name in sorted(bedrock, key=lambda name: not name.startswith("anthropic.")):  # those without a surcharge first
        match = CLAUDE.match(name.replace("@", "-"))
        if match and own.setdefault(match[1], bedrock[name])[:3] == bedrock[name][:3]:
            del bedrock[name]
    for name in list(bedrock):
        base = name.split(".", 1)[1] if re.match(r"(us|eu|apac|au|jp|ca|in|global|us-gov)\.", name) else None
        if base in bedrock and not base.startswith("anthropic.") and bedrock[base] == bedrock[name]:
            del bedrock[name]


def undated(names: Mapping[str, Row]) -> Iterator[tuple[str, Row]]:
    """The names without their dates, where all dates agree on the price and no line has the name."""
    dated: dict[str, list[Row]] = {}
    for name, found in names.items():
        if DATE.search(name) and not name.startswith("ft:"):
            dated.setdefault(DATE.sub("", name), []).append(found)
    return (
        (name, rows[-1])
        for name, rows in dated.items()
        if name not in names and all(found[:3] == rows[0][:3] for found in rows)
    )


def as_text(source: Mapping[str, str], found: Mapping[str, Mapping[str, Row]]) -> str:
    """JSON, sorted, a line for each model."""
    blocks = []
    for provider, names in sorted(found.items()):
        lines = ",\n".join(
            f"{json.dumps(name)}:{json.dumps(names[name], separators=(',', ':'))}" for name in sorted(names)
        )
        blocks.append(f"{json.dumps(provider)}:{{\n{lines}}}")
    return f'{{"source":{json.dumps(source)},\n"providers":{{\n' + ",\n".join(blocks) + "}}\n"


if __name__ == "__main__":
    main(*sys.argv[1:])
