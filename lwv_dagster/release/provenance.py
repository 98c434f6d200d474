"""Provenance of a release's rows: source documents with licences, model calls, recipe, checks."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence, Set
from dataclasses import asdict, dataclass
from typing import NamedTuple, TypedDict

from assets.derivation import upstream_contents
from assets.quality.asset_checks import check_whole
from assets.quality.outcome import WholeRules
from assets.quality.report import read_report
from assets.sft_dataset.moved_documents import document_shards
from assets.source_images.schema import SOURCE_IMAGES
from assets.steps import STEP_OF, sharded_steps
from assets.training_dataset import Manifest
from resources.identity import UNKNOWN_RECIPE
from resources.ledger import Ledger
from resources.store import Store
from resources.text.shown import in_line


@dataclass(frozen=True)
class Verdict:
    """One rule of one asset over the shards of a release."""

    asset: str
    rule: str
    passed: int  # shards
    failed: int


@dataclass(frozen=True)
class Usage:
    """Calls whose answers the rows are made of, by who was asked with which prompt."""

    role: str
    model: str
    template: str
    calls: int
    tokens: int
    usd: float


class DocumentRow(TypedDict):
    """A row of documents.jsonl. language: of its first page; images: sha256 of each page, in order."""

    document_id: str
    collection: str
    shard: str
    split: str
    kind: str
    language: str
    source_path: str
    licence: str
    images: list[str]


def read_documents(store: Store, shards: Sequence[str], wanted: Set[str]) -> Iterator[DocumentRow]:
    """The documents that rows come from, a row each, with the file and licence they were read from.

    Of a moved one those of its place now. Raises CatalogError.
    """
    homes = document_shards(store, shards)
    for shard in shards:
        document: DocumentRow | None = None
        for page in store.rows(SOURCE_IMAGES, shard):  # a document's pages stand together, in order
            if page["document_id"] not in wanted or homes[page["document_id"]] != shard:
                continue
            if document is None or page["document_id"] != document["document_id"]:
                if document is not None:
                    yield document
                document = {
                    "document_id": page["document_id"],
                    "collection": page["collection"],
                    "shard": page["shard"],
                    "split": page["split"],
                    "kind": page["kind"],
                    "language": page["language"],
                    "source_path": in_line(page["source_path"]),
                    "licence": in_line(page["licence"]),
                    "images": [],
                }
            document["images"].append(page["image_sha256"])
        if document is not None:
            yield document


def split_counts(store: Store, shards: Sequence[str]) -> dict[str, Counter[str]]:
    """Documents of these shards by split and kind, released or not."""
    seen: dict[str, tuple[str, str]] = {}
    for shard in shards:
        for page in store.rows(SOURCE_IMAGES, shard):
            seen[page["document_id"]] = (page["split"], page["kind"])
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for split, kind in seen.values():
        counts[split][kind] += 1
    return dict(counts)


class _Asked(NamedTuple):
    role: str
    model: str
    template: str


def read_usage(store: Store, samples: Set[str]) -> list[Usage]:
    """Answered calls of these samples in the ledger, most calls first."""
    if not (store.home / "calls.db").exists():
        return []
    ledger = Ledger.at(store.home)
    try:
        calls: Counter[_Asked] = Counter()
        tokens: Counter[_Asked] = Counter()
        usd: dict[_Asked, float] = defaultdict(float)
        for row in ledger.usage():
            if row.sample in samples:
                key = _Asked(row.role, row.model, row.template)
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
    """The rules of a whole data set, evaluated now, as verdicts; and what each failed blocking one says."""
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


def tables_since(store: Store, manifest: Manifest) -> list[str]:
    """The tables that are others than those that the data set was made from, so that they cannot say what made its
    rows. One that was written before 0.2 does not tell."""
    then = manifest.made_with.get("upstream", {})
    now = upstream_contents(STEP_OF[f"{manifest.gate}_dataset"], store, manifest.shards)
    return [name for name, content in then.items() if now.get(name) != content]


def recipe_text(store: Store, manifests: Sequence[Manifest]) -> str:
    """A line for each field and setting that the data was made under: `keep.length_score = 80.0`.

    They are those of the tables and data sets themselves, whatever LWV_RECIPE says by now; where shards differ, each
    value is listed. Of a path only the file's name: a card is published.
    """
    found: dict[str, set[str]] = defaultdict(set)
    unknown = 0
    for shard in sorted({shard for manifest in manifests for shard in manifest.shards}):
        for asset in sharded_steps():
            if store.has_table(asset, shard):
                identity = store.identity(asset, shard)
                unknown += identity is None
                for name, value in identity.recipe.items() if identity else ():
                    found[name].add(_public(value))
    for manifest in manifests:
        for name, value in manifest.made_with.get("recipe", {}).items():
            found[name].add(_public(value))
    lines = [f"{name} = {' or '.join(sorted(values))}" for name, values in found.items()]
    return "\n".join(
        [*lines, *([f"{UNKNOWN_RECIPE}: {unknown} tables that were written before 0.2"] if unknown else ())]
    )


def public_manifest(manifest: Manifest) -> dict[str, object]:
    """What a release says of a data set: no path of this machine and no server's address."""
    made_with = {
        **manifest.made_with,
        "recipe": {name: json.loads(_public(value)) for name, value in manifest.made_with.get("recipe", {}).items()},
        "models": {role: name.split(" at ")[0] for role, name in manifest.made_with.get("models", {}).items()},
    }
    return {name: value for name, value in asdict(manifest).items() if name != "path"} | {"made_with": made_with}


def _public(value: object) -> str:
    path = isinstance(value, str) and "/" in value
    return json.dumps(str(value).rstrip("/").rsplit("/", 1)[-1] if path else value, ensure_ascii=False)
