"""The rules that the preference data set must keep before anything is trained on it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from assets.door import current_manifest
from assets.preference_dataset.weights import kind_shares
from assets.quality.bridge import whole_checks
from assets.quality.outcome import Outcome, Rule, offenders
from assets.recipe import read_recipe
from assets.sft_dataset.contamination import none_in_benchmark
from resources.store import Store

RULES = (
    Rule("ids_unique", "No two rows have the same id."),
    Rule("images_there", "Every image file of every row is there."),
    Rule("sides_differ", "Chosen and rejected both have text and differ."),
    Rule("shares_kept", "The kinds weigh as the recipe has it, and a pair weighs 1 on average."),
    Rule("not_in_sft", "No pair comes from a document whose text is in the SFT data set.", blocking=True),
    Rule("not_in_benchmark", "No image and no text of the benchmark split stands in a pair."),
)


def evaluate(store: Store) -> dict[str, Outcome]:
    manifest = current_manifest(store, "preference")
    rows = pq.read_table(manifest.path, columns=["id", "images", "chosen", "rejected", "kind", "weight"]).to_pylist()
    ids = [row["id"] for row in rows]
    doubled = sorted({name for name in ids if ids.count(name) > 1})
    lost = [row["id"] for row in rows if not all(Path(image["path"]).is_file() for image in row["images"])]
    equal = [row["id"] for row in rows if not row["chosen"] or not row["rejected"] or row["chosen"] == row["rejected"]]
    pairs = [row for shard in manifest.shards for row in store.rows("preference_pairs", shard)]
    trained = set(pq.read_table(current_manifest(store, "sft").path, columns=["id"]).column("id").to_pylist())
    documents = {row["example_id"]: row["documents"] for shard in manifest.shards
                 for row in store.rows("long_outputs", shard)}
    learnt = {document for example in trained for document in documents.get(example, [])}
    shared = {row["example_id"] for row in pairs if learnt & set(documents[row["example_id"]])}
    found = (offenders("ids_unique", doubled, len(ids), "ids stand twice"),
             offenders("images_there", lost, len(ids), "rows lack an image file"),
             offenders("sides_differ", equal, len(ids), "rows have equal or empty sides"),
             shares_kept(rows, kind_shares(read_recipe().pairs)),
             offenders("not_in_sft", sorted(shared), len(ids), "examples are of documents in the SFT data set"),
             none_in_benchmark(store, manifest))
    return {outcome.rule: outcome for outcome in found}


def shares_kept(rows: list[dict[str, Any]], shares: Mapping[str, float]) -> Outcome:
    """rows: {kind, weight} of each pair. shares: as the recipe has them; they count among the kinds that have pairs."""
    kinds = sorted({row["kind"] for row in rows})
    wanted = sum(shares[kind] for kind in kinds)
    bad = [kind for kind in kinds if not shares[kind] or abs(
        sum(row["weight"] for row in rows if row["kind"] == kind) / len(rows) - shares[kind] / wanted) > 1e-3]
    return offenders("shares_kept", bad, len(kinds), "kinds have another weight than the recipe's")


preference_dataset_checks = whole_checks("preference_dataset", RULES, evaluate)
