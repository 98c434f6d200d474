"""The rules that the preference data set must keep before anything is trained on it."""

from collections import Counter
from collections.abc import Mapping
from typing import cast

import pyarrow.parquet as pq

from assets.long_outputs.schema import LONG_OUTPUTS
from assets.preference_dataset.schema import PreferenceReport
from assets.preference_pairs.schema import PREFERENCE_PAIRS
from assets.quality.gate import GateClosedError
from assets.quality.model_markup import NO_MODEL_MARKUP, markup_in
from assets.quality.outcome import Outcome, Rule, WholeRules, violations
from assets.sft_dataset.contamination import none_in_benchmark
from assets.training_dataset import current_manifest, image_here, rows_of
from resources.store import Store

RULES = (
    Rule("ids_unique", "No two rows have the same id."),
    Rule("images_there", "Every image file of every row is there."),
    Rule("sides_differ", "Chosen and rejected both have text and differ."),
    Rule("shares_kept", "The kinds weigh as the recipe had it at the gate, and a pair weighs 1 on average."),
    Rule("not_in_sft", "No pair comes from a document whose text is in the SFT data set.", blocking=True),
    NO_MODEL_MARKUP,
    Rule("not_in_benchmark", "No image and no text of the benchmark split stands in a pair."),
)


def evaluate(store: Store) -> dict[str, Outcome]:
    """The outcome of every rule on what the asset wrote last."""
    manifest = current_manifest(store, "preference")
    report = cast(PreferenceReport, manifest.report)
    ids, weights = Counter[str](), Counter[str]()
    lost, equal = list[str](), list[str]()
    for row in rows_of(manifest, ["id", "images", "chosen", "rejected", "kind", "weight"]):
        ids[row["id"]] += 1
        weights[row["kind"]] += row["weight"]
        if not all(image_here(store, image).is_file() for image in row["images"]):
            lost.append(row["id"])
        if not row["chosen"] or not row["rejected"] or row["chosen"] == row["rejected"]:
            equal.append(row["id"])
    rows = ids.total()
    found = (
        violations(
            "ids_unique",
            sorted(name for name, count in ids.items() if count > 1),
            rows,
            "ids are not unique",
            "several rows have this id",
        ),
        violations("images_there", lost, rows, "rows lack an image file", "an image file of it is gone"),
        violations(
            "sides_differ", equal, rows, "rows have equal or empty sides", "a side is empty, or both are the same"
        ),
        shares_kept({kind: weight / rows for kind, weight in weights.items()}, report["kind_shares"]),
        not_in_sft(store, manifest.shards),
        markup_in(rows_of(manifest), "id"),
        none_in_benchmark(store, manifest),
    )
    return {outcome.rule: outcome for outcome in found}


def shares_kept(found: Mapping[str, float], wanted: Mapping[str, float]) -> Outcome:
    """found: weight of a kind over the number of all rows; wanted: the shares that the gate aimed at."""
    bad = {
        kind: f"{found.get(kind, 0):.1%} of the weight instead of {wanted.get(kind, 0):.1%}"
        for kind in sorted({*found, *wanted})
        if abs(found.get(kind, 0) - wanted.get(kind, 0)) > 1e-3
    }
    return violations("shares_kept", bad, len(wanted), "kinds have another weight than the recipe gave them")


def not_in_sft(store: Store, shards: list[str]) -> Outcome:
    """By document: another example of it counts too."""
    try:
        sft = current_manifest(store, "sft")
    except GateClosedError as error:
        return Outcome("not_in_sft", False, {"checked": 0}, f"it cannot be told yet: {error}")
    trained = set(pq.read_table(sft.path, columns=["id"]).column("id").to_pylist())
    documents = {
        row["example_id"]: row["documents"]
        for shard in sorted({*shards, *sft.shards})
        for row in store.rows(LONG_OUTPUTS, shard, ["example_id", "documents"])
    }
    paired = {row["example_id"] for shard in shards for row in store.rows(PREFERENCE_PAIRS, shard, ["example_id"])}
    learnt = {document for example in trained for document in documents.get(example, [])}
    shared = sorted(example for example in paired if example in trained or learnt & set(documents[example]))
    return violations(
        "not_in_sft",
        shared,
        len(paired),
        "examples are of documents in the SFT data set",
        "its document is in the SFT data set",
    )


CHECKS = WholeRules(RULES, evaluate, also_reads=("sft_dataset",))
