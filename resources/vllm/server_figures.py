"""What a vLLM server counts of itself (GET /metrics), and what of it came about while it was used."""

import re
import urllib.error
import urllib.request
from collections.abc import Mapping

NAMES = {
    "vllm:prompt_tokens_total": "prompt",
    "vllm:generation_tokens_total": "generated",
    "vllm:prefix_cache_queries_total": "looked_up",
    "vllm:prefix_cache_hits_total": "hits",
    "vllm:num_preemptions_total": "preemptions",
    "vllm:mm_cache_queries_total": "images_looked_up",
    "vllm:mm_cache_hits_total": "image_hits",
    "vllm:kv_cache_usage_perc": "cache_use",
}
LINE = re.compile(r"^([\w:]+)(?:\{[^\n]*\})?\s+(-?[\d.]+(?:[eE][+-]?\d+)?)\s*$", re.MULTILINE)
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # the server is on this machine
WITHIN_S = 5.0


def read_figures(text: str) -> dict[str, float]:
    """Our name -> the sum of its lines in a page of metrics; names that are not there are left out."""
    found: dict[str, float] = {}
    for name, value in LINE.findall(text):
        if (ours := NAMES.get(name)) is not None:
            found[ours] = found.get(ours, 0.0) + float(value)
    return found


def ask_figures(root: str) -> dict[str, float]:
    """Of the server at `root`, http://host:port; empty where it does not answer."""
    try:
        with DIRECT.open(f"{root}/metrics", timeout=WITHIN_S) as answer:
            return read_figures(answer.read(2_000_000).decode("utf-8", "replace"))
    except (OSError, ValueError, urllib.error.URLError):
        return {}


def figures_since(before: Mapping[str, float], after: Mapping[str, float], seconds: float) -> dict[str, float]:
    """For an asset's metadata: what came about between two pages, which are `seconds` apart."""
    if not after:
        return {}
    grown = {name: value - before.get(name, 0.0) for name, value in after.items() if name != "cache_use"}
    found = {
        "vllm_prompt_tokens": grown.get("prompt", 0.0),
        "vllm_generated_tokens": grown.get("generated", 0.0),
        "vllm_preemptions": grown.get("preemptions", 0.0),
        "vllm_tokens_per_second": round(grown.get("generated", 0.0) / max(seconds, 1e-9), 1),
    }
    if grown.get("looked_up"):
        found["vllm_prefix_hit_share"] = round(grown.get("hits", 0.0) / grown["looked_up"], 4)
    if grown.get("images_looked_up"):
        found["vllm_image_hit_share"] = round(grown.get("image_hits", 0.0) / grown["images_looked_up"], 4)
    return found
