"""What stands behind the rows of a release: source documents with licences, model calls, recipe, checks."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from typing import Any

from assets.quality.asset_checks import check_whole
from assets.quality.outcome import WholeRules
from assets.quality.report import read_report
from assets.source_images.schema import SOURCE_IMAGES
from assets.steps import sharded_steps
from resources.ledger import Ledger
from resources.recipe.model import Recipe
from resources.store import Store


@dataclass(frozen=True)
class Verdict:
    """One rule of one asset over the shards of a release."""

    asset: str
    rule: str
    passed: int  # shards
    failed: int


@dataclass(frozen=True)
class Usage:
    """Calls whose answers stand behind the rows, by who was asked with which prompt."""

    role: str
    model: str
    template: str
    calls: int
    tokens: int
    usd: float


def read_documents(store: Store, shards: Sequence[str], wanted: Set[str]) -> Iterator[dict[str, Any]]:
    """The documents that rows come from, a row each, with the file and licence they were read from."""
    for shard in shards:
        document: dict[str, Any] = {}
        for page in store.rows(SOURCE_IMAGES, shard):  # a document's pages stand together, in order
            if page["document_id"] not in wanted:
                continue
            if page["document_id"] != document.get("document_id"):
                if document:
                    yield document
                document = {
                    **{
                        name: page[name]
                        for name in (
                            "document_id",
                            "collection",
                            "shard",
                            "split",
                            "kind",
                            "language",
                            "source_path",
                            "licence",
                        )
                    },
                    "images": [],
                }
            document["images"].append(page["image_sha256"])
        if document:
            yield document


def split_counts(store: Store, shards: Sequence[str]) -> dict[str, Counter[str]]:
    """Documents of these shards by split and kind, handed out or not."""
    seen: dict[str, tuple[str, str]] = {}
    for shard in shards:
        for page in store.rows(SOURCE_IMAGES, shard):
            seen[page["document_id"]] = (page["split"], page["kind"])
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for split, kind in seen.values():
        counts[split][kind] += 1
    return dict(counts)


def read_usage(store: Store, samples: Set[str]) -> list[Usage]:
    """Answered calls of these samples in the ledger, most calls first."""
    if not (store.home / "calls.db").exists():
        return []
    ledger = Ledger.at(store.home)
    try:
        calls: Counter[tuple[str, str, str]] = Counter()
        tokens: Counter[tuple[str, str, str]] = Counter()
        usd: dict[tuple[str, str, str], float] = defaultdict(float)
        for row in ledger.usage():
            if row.sample in samples:
                key = (row.role, row.model, row.template)
                calls[key] += row.calls
                tokens[key] += row.tokens
                usd[key] += row.usd
    finally:
        ledger.close()
    return [Usage(*key, count, tokens[key], usd[key]) for key, count in calls.most_common()]


def read_verdicts(store: Store, shards: Sequence[str]) -> list[Verdict]:
    """Each rule of the shards' quality reports."""
    found: dict[tuple[str, str], Counter[bool]] = defaultdict(Counter)
    for asset in sharded_steps():
        for shard in shards:
            report = read_report(store, asset, shard)
            for outcome in report["outcomes"] if report else ():
                found[asset, outcome["rule"]][outcome["passed"]] += 1
    return [Verdict(asset, rule, counts[True], counts[False]) for (asset, rule), counts in found.items()]


def gate_verdicts(
    store: Store,
    asset: str,
    rules: WholeRules,
) -> tuple[list[Verdict], list[str]]:
    """The rules of a whole data set, asked now, as verdicts; and what each failed blocking one says."""
    outcomes = check_whole(store, rules)
    verdicts = [
        Verdict(asset, rule.name, int(outcomes[rule.name].passed), int(not outcomes[rule.name].passed))
        for rule in rules.rules
    ]
    said: dict[str, list[str]] = defaultdict(list)  # rules by reason: one error can fail them all
    for rule in rules.rules:
        if rule.blocking and not outcomes[rule.name].passed:
            said[outcomes[rule.name].description or rule.description].append(rule.name)
    return verdicts, [f"{asset}.{', '.join(names)}: {reason}" for reason, names in said.items()]


def recipe_text(recipe: Recipe) -> str:
    """A line for each field: `keep.length_score = 80.0`. Of a path only the file's name: a card is published."""
    return "\n".join(
        f"{part}.{name} = {json.dumps(value, ensure_ascii=False, default=lambda path: path.name)}"
        for part, fields in recipe.model_dump().items()
        for name, value in fields.items()
    )
