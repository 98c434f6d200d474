"""An LWV_HOME of the last version works on: what it wrote is read, checked and trained on; its recipe is unknown."""

import shutil
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import pyarrow.parquet as pq
import pytest

from assets.partitions import SHARDS
from assets.quality.asset_checks import check_shard, check_whole
from assets.quality.outcome import Outcome
from assets.quality.report import read_report
from assets.steps import STEP_OF, sharded_steps
from assets.training_dataset import current_manifest, gate_metadata, rows_of
from lwv_dagster.diff.comparing import diff
from lwv_dagster.release.write import FORMATS, write_release
from lwv_dagster.trace.walking import trace
from resources.identity import UNKNOWN_RECIPE
from resources.ledger import Ledger
from resources.store import file_hash
from testing.told import told
from tests.conftest import Factory, write_recipe

STORED = Path(__file__).parent / "stored" / "home-0.1"
OLD_HOME = "/data/lwv"  # where it was written: manifests and image files are named by their whole path
SHARD = "talks-001"
GATES: tuple[Literal["sft"], Literal["preference"]] = ("sft", "preference")
TABLES = sorted(  # what it holds: a step that is newer has none
    (path.parent.name for path in STORED.glob(f"tables/*/{SHARD}.parquet")), key=sharded_steps().index
)


@pytest.fixture
def old(factory: Factory) -> Factory:
    shutil.copytree(STORED, factory.home)
    for manifest in factory.home.glob("datasets/*/*/manifest.json"):
        manifest.write_text(manifest.read_text().replace(OLD_HOME, str(factory.home)))
    factory.instance.add_dynamic_partitions(str(SHARDS.name), [SHARD])
    return factory


def could_not(outcomes: dict[str, Outcome]) -> list[str]:
    return [outcome.description for outcome in outcomes.values() if outcome.description.startswith("could not")]


def said(factory: Factory) -> dict[str, dict[str, Any]]:
    result = factory.run("training_job", assets=[f"{gate}_dataset" for gate in GATES])
    assert result.success
    return {gate: told(result.asset_materializations_for_node(f"{gate}_dataset")[0].metadata) for gate in GATES}


def test_every_old_table_is_of_an_unknown_recipe_and_its_content_is_that_of_its_file(old: Factory) -> None:
    for name in TABLES:
        assert old.store.identity(name, SHARD) is None
        assert old.store.content(name, SHARD) == file_hash(old.store.table_path(name, SHARD))
        report = read_report(old.store, name, SHARD)
        assert report is not None and report["passed"] and report["made_with"] is None


@pytest.mark.parametrize("name", TABLES)
def test_every_rule_can_be_asked_of_an_old_table_and_no_blocking_one_fails(old: Factory, name: str) -> None:
    before, rules = read_report(old.store, name, SHARD), import_module(f"assets.{name}.checks").CHECKS
    outcomes = check_shard(old.store, name, SHARD, rules)
    assert could_not(outcomes) == []
    after = read_report(old.store, name, SHARD)
    assert before is not None and after is not None
    assert after["passed"] and after["rows"] == before["rows"]


@pytest.mark.parametrize("gate", GATES)
def test_a_training_dataset_of_the_last_version_is_read_and_every_rule_can_be_asked_of_it(
    old: Factory, gate: Literal["sft", "preference"]
) -> None:
    manifest = current_manifest(old.store, gate)
    assert (manifest.gate, manifest.shards, manifest.made_with) == (gate, [SHARD], {})
    assert manifest.rows == pq.read_metadata(manifest.path).num_rows > 0
    assert gate_metadata(manifest)["recipe"] == UNKNOWN_RECIPE
    rules = import_module(f"assets.{STEP_OF[f'{gate}_dataset'].name}.checks").CHECKS
    assert could_not(dict(check_whole(old.store, rules))) == []


def test_the_gates_open_let_the_same_rows_through_and_say_that_the_recipe_is_unknown(old: Factory) -> None:
    before = {gate: current_manifest(old.store, gate) for gate in GATES}
    told = said(old)
    for gate in GATES:
        after = current_manifest(old.store, gate)
        assert (after.id, after.rows, after.counts) == (before[gate].id, before[gate].rows, before[gate].counts)
        assert after.made_with["schema_version"] == 1
        assert told[gate]["shards_of_unknown_recipe"] == 1
        assert told[gate]["made_before"] == f"{UNKNOWN_RECIPE}: 1 shard ({SHARD}) written before 0.2"


def test_steps_that_are_run_again_on_old_tables_know_their_recipe_and_the_gates_stay_open(
    old: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LWV_RECIPE", write_recipe(tmp_path))
    again = TABLES[TABLES.index("instructions") :]
    assert old.run("shard_job", SHARD, again).success
    assert all(old.store.identity(name, SHARD) for name in again)
    assert old.store.identity("source_images", SHARD) is None
    assert all(told["shards_of_unknown_recipe"] == 1 for told in said(old).values())


def test_old_tables_have_signals_once_they_are_asked_for(old: Factory) -> None:
    assert "signals" not in TABLES
    assert old.run("shard_job", SHARD, ["signals"]).success
    report = read_report(old.store, "signals", SHARD)
    assert report is not None and report["passed"] and report["rows"] > 0


def test_rows_of_the_last_version_are_traced_and_compared_with_a_note_on_what_is_not_known(old: Factory) -> None:
    for gate in GATES:
        manifest = current_manifest(old.store, gate)
        row = next(rows_of(manifest, ["id"]))["id"]
        trail = trace(old.store, f"{manifest.id}:{row}")
        assert trail.pages and all(page.file and page.licence for page in trail.pages)
        assert [call for each in trail.examples for call in each.calls]
        assert any("written before there was provenance" in note for note in trail.notes)
        assert all(row.words is None or row.words > 0 for row in trail.rows)
    before = {gate: len(list(rows_of(current_manifest(old.store, gate), ["id"]))) for gate in GATES}
    for found in diff(old.store, str(old.home), str(STORED)):
        assert found.counts.same == before[found.a.gate] and found.counts.changed == 0  # type: ignore[index]
        assert len(found.notes) == 2
    said(old)
    for found in diff(old.store, str(old.home), str(STORED)):
        assert found.counts.same == before[found.a.gate]  # type: ignore[index]
        assert "have no doubt" in found.notes[0] and "before there was provenance" in found.notes[1]


def test_what_the_gates_let_through_is_released_and_reported_on(old: Factory, tmp_path: Path) -> None:
    told = said(old)
    release = write_release(old.store, FORMATS["hub"], tmp_path / "release")
    assert sum(release.files.values()) == sum(told[gate]["dagster/row_count"] for gate in GATES)
    assert UNKNOWN_RECIPE in (tmp_path / "release" / "README.md").read_text()
    assert old.run("report_job").success


def test_the_ledger_has_the_answers_of_the_last_version(old: Factory) -> None:
    ledger = Ledger.at(old.home)
    assert {row.role for row in ledger.usage()} == {"teacher", "critic"}
    ledger.close()
