"""A document that is moved to another collection is trained on from where it is now, once, as soon as a scan saw it."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from assets.benchmark_scores.items import held_out_items
from assets.long_outputs.schema import LONG_OUTPUTS
from assets.preference_pairs.schema import PREFERENCE_PAIRS
from assets.quality.quarantine import read_quarantine
from assets.sft_dataset.moved_documents import MovedDocuments
from assets.source_images.catalog import Catalog
from assets.source_images.schema import SOURCE_IMAGES
from assets.training_dataset import Manifest, current_manifest
from lwv_dagster.release.provenance import read_documents
from resources.settings import Settings
from resources.store import Store
from testing.rows import english, page, write_shard, written
from testing.told import told
from tests.conftest import Factory, draw_page, draw_unlike_decks, write_recipe

GATES = ("sft", "preference")
OLD, NEW, SIGNS = "talks-001", "vault-001", "signs-001"


def open_gates(factory: Factory) -> tuple[dict[str, Manifest], dict[str, dict[str, Any]]]:
    """Gate -> its data set, and what its materialisation said."""
    result = factory.run("training_job", assets=[f"{gate}_dataset" for gate in GATES])
    assert result.success
    said = {gate: told(result.asset_materializations_for_node(f"{gate}_dataset")[0].metadata) for gate in GATES}
    return {gate: current_manifest(factory.store, gate) for gate in GATES}, said


def rows_of(manifest: Manifest) -> list[Any]:
    rows = pq.read_table(manifest.path).to_pylist()
    return sorted(rows, key=lambda row: row["id"])


def move(factory: Factory, names: list[str], old: str, new: str) -> None:
    (factory.sources / new).mkdir(exist_ok=True)
    for name in names:
        (factory.sources / old / name).rename(factory.sources / new / name)
    factory.scan()


@pytest.mark.slow
def test_after_a_move_and_a_run_of_the_new_shard_each_example_counts_there_once_and_a_run_of_the_old_changes_nothing(
    factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LWV_RECIPE", write_recipe(factory.home.parent, "groups = []\n"))
    draw_unlike_decks(factory.sources / "talks")
    draw_page(factory.sources / "signs" / "sign.png", "A sign that stands alone")
    for shard in factory.scan():
        assert factory.run("shard_job", shard).success
    before, said = open_gates(factory)
    assert not any("note" in told for told in said.values())

    names = {row["split"]: row["source_path"] for row in factory.store.rows(SOURCE_IMAGES, OLD)}
    move(factory, [names[split].split("/")[1] for split in GATES], "talks", "vault")
    (factory.sources / "vault" / "LICENCES.csv").write_text(
        "file,licence\n" + "".join(f"{names[split].split('/')[1]}/page-1.png,CC0-1.0\n" for split in GATES)
    )
    assert factory.run("shard_job", NEW).success
    moved, said = open_gates(factory)
    for gate, table in (("sft", LONG_OUTPUTS), ("preference", PREFERENCE_PAIRS)):
        examples = {row["example_id"] for row in factory.store.rows(table, OLD) if row.get("split", gate) == gate}
        assert examples  # the old shard has them still
        assert rows_of(moved[gate]) == rows_of(before[gate])
        assert said[gate]["dropped_moved"] == len(examples)
        assert said[gate]["note"] == f"2 documents moved to another shard: materialise {OLD} again"
        assert {
            (row["example_id"], row["reason"]) for row in read_quarantine(factory.store, f"{gate}_dataset", "all")
        } == {(example, f"moved: now in shard {NEW}") for example in examples}
    shards = [NEW, SIGNS, OLD]
    everything = {row["document_id"] for shard in shards for row in factory.store.rows(SOURCE_IMAGES, shard)}
    told = list(read_documents(factory.store, shards, everything))
    assert sorted(document["document_id"] for document in told) == sorted(everything)
    assert {(document["split"], document["licence"]) for document in told if document["shard"] == NEW} == {
        (split, "CC0-1.0") for split in GATES
    }

    assert factory.run("shard_job", OLD).success
    again, said = open_gates(factory)
    assert {gate: manifest.id for gate, manifest in again.items()} == {
        gate: manifest.id for gate, manifest in moved.items()
    }
    assert not any("note" in told or told.get("dropped_moved") for told in said.values())

    move(factory, [names["sft"].split("/")[1]], "vault", "talks")  # and back, before any shard was run
    result = factory.run("training_job", assets=["sft_dataset"])
    said = result.asset_materializations_for_node("sft_dataset")[0].metadata
    assert said["note"].value == f"1 document moved to another shard: materialise {OLD}, {NEW} again"
    assert [row["id"] for row in rows_of(current_manifest(factory.store, "sft"))] == [
        row["example_id"] for row in factory.store.rows(LONG_OUTPUTS, SIGNS) if row["split"] == "sft"
    ]


def test_an_example_of_several_documents_counts_in_no_shard_once_one_of_them_is_in_another(factory: Factory) -> None:
    for name in ("kept", "moved"):
        draw_page(factory.sources / "a" / f"{name}.png", name)
    factory.scan()
    registered = Catalog(factory.home, factory.sources, Settings()).documents("a-001")
    documents = {Path(entry.path).stem: entry.document_id for entry in registered}
    move(factory, ["moved.png"], "a", "b")
    pages = [page(document, name[0] * 64) for name, document in documents.items()]
    outputs = [
        written("one", english(1, 100), documents=[documents["kept"]]),
        written("group", english(2, 100), documents=[documents["kept"], documents["moved"]]),
        written("item", english(3, 100), documents=[documents["moved"]], split="benchmark", required_words=100),
    ]
    store = Store(factory.home)
    write_shard(store, "a-001", outputs, pages)
    write_shard(store, "b-001", [outputs[-1]], pages[1:])
    found = MovedDocuments(store, ["a-001", "b-001"])
    assert {row["example_id"]: found.shard_now("a-001", row["example_id"]) for row in outputs} == {
        "one": None,
        "group": "b-001",
        "item": "b-001",
    }
    assert found.shard_now("b-001", "item") is None
    assert [item["item_id"] for item in held_out_items(store, ["a-001", "b-001"])] == ["item"]
