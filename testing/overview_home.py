"""What a factory leaves beside its tables for the overview: reports, quarantine, the ledger's calls, forecasts."""

import random
from collections.abc import Iterator
from typing import Any

from assets.long_outputs.kept_forecast import KeptForecast, forecast_path
from assets.quality.outcome import Outcome, Violation
from assets.quality.quarantine import SetAside, write_quarantine
from assets.quality.report import write_report
from assets.source_images.schema import SOURCE_IMAGES
from assets.steps import sharded_steps
from resources.ledger import CALLS, Ledger
from resources.store import Store

# What fails in a made home: asset, rule, in how many of its shards, how many rows of each.
FAILING = (
    ("long_outputs", "length_near", 1.0, 3),
    ("signals", "headings_kept", 0.4, 1),
    ("signals", "faithful", 0.2, 30),
    ("source_images", "pages_differ", 0.3, 2),
    ("segments", "nothing_missing", 0.1, 1),
)
PRICE = 3e-6  # US dollars a token
KINDS = ("rejected", "truncated", "not_long", "loop")


def add_overview(store: Store) -> None:
    """To a home that has tables (testing/look_home.py)."""
    draw = random.Random(0)
    ledger = Ledger.at(store.home)
    try:
        for path in sorted((store.home / "tables" / "source_images").glob("*.parquet")):
            shard = path.stem
            pages = list(store.rows(SOURCE_IMAGES, shard, ["document_id", "page"]))
            documents: dict[str, int] = {}
            for page in pages:
                documents[page["document_id"]] = max(page["page"], documents.get(page["document_id"], 0))
            add_reports(store, shard, documents, draw)
            add_quarantine(store, shard, list(documents), draw)
            with ledger.connected() as connection:
                connection.execute(CALLS.insert(), list(calls_of(shard, documents, draw)))
            forecast: KeptForecast = {
                "documents": len(documents),
                "calls": (17.0 * len(documents), 23.0 * len(documents)),
                "tokens": (60_000.0 * len(documents), 90_000.0 * len(documents)),
                "usd": (0.18 * len(documents), 0.27 * len(documents)),
            }
            store.write_json(forecast_path(store, shard), forecast)
    finally:
        ledger.close()


def add_reports(store: Store, shard: str, documents: dict[str, int], draw: random.Random) -> None:
    """Of every asset that has a table; some rules fail."""
    from importlib import import_module

    for asset in sharded_steps():
        if not store.has_table(asset, shard):
            continue
        rules = import_module(f"assets.{asset}.checks").CHECKS.rules
        outcomes = [Outcome(rule.name, True, {"checked": 100, "bad": 0}) for rule in rules]
        for name, rule, share, rows in FAILING:
            if name == asset and draw.random() < share:
                place = next(number for number, each in enumerate(rules) if each.name == rule)
                found = [
                    Violation(identifier(asset, document, pages), "planted")
                    for document, pages in some(documents, rows)
                ]
                says = f"{rows} rows: planted"
                outcomes[place] = Outcome(rule, False, {"checked": 100, "bad": rows}, says, found)
        write_report(store, asset, shard, rules, outcomes, 100, 0)


def some(documents: dict[str, int], rows: int) -> list[tuple[str, int]]:
    """The first of them."""
    return list(documents.items())[:rows]


def identifier(asset: str, document: str, pages: int) -> str:
    """As the asset's checks name a row: a page, an example, the last segment."""
    if asset == "source_images":
        return f"{document} page {pages}"
    return f"{document}-deck" if asset == "long_outputs" else f"{document}-deck-{pages - 1:03d}"


def add_quarantine(store: Store, shard: str, documents: list[str], draw: random.Random) -> None:
    """One document in twenty, at two steps."""
    for step in ("instructions", "long_outputs"):
        aside: list[SetAside] = [
            {
                "item": "",
                "document_id": document,
                "example_id": f"{document}-deck",
                "reason": f"{draw.choice(KINDS)}: planted",
            }
            for document in documents
            if draw.random() < 0.05
        ]
        write_quarantine(store, step, shard, aside)


def calls_of(shard: str, documents: dict[str, int], draw: random.Random) -> Iterator[dict[str, Any]]:
    """A plan and a section a page, by the teacher; some sections twice, some answers of no use."""
    for document, pages in documents.items():
        for number in range(pages + 1):
            step = "plan" if not number else f"section-{number:03d}"
            again = draw.random() < 0.05
            for attempt in range(1 + again):
                tokens = draw.randint(2_000, 5_000)
                yield {
                    "call_id": f"{document}-{number}-{attempt}",
                    "role": "teacher",
                    "model": "teacher-large",
                    "endpoint": "http://127.0.0.1/v1",
                    "template": "plan@4bffc6b5" if not number else "rewrite@2160f15f" if attempt else "write@a561e8c1",
                    "sample": f"{document}-deck",
                    "step": step + "-rewritten" * attempt,
                    "status": "malformed" if draw.random() < 0.01 else "ok",
                    "text": "Text. " * 40,
                    "detail": "",
                    "finish_reason": "stop",
                    "prompt_tokens": tokens - 300,
                    "cached_tokens": 0,
                    "completion_tokens": 300,
                    "cost_usd": tokens * PRICE,
                    "latency_s": 1.0,
                    "at": 1_700_000_000.0,
                    "run": "run",
                    "sent": "",
                    "served": "",
                }
