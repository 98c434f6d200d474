"""The recipe or a prompt is changed while a run goes on: its tables are known to be of what they were made under."""

import shutil
from pathlib import Path

import dagster as dg
import pytest

from assets import derivation
from assets.derivation import loaded_templates, template_hashes
from assets.shard_table import Shard
from assets.steps import STEP_OF
from lwv_dagster.definitions import defs
from lwv_dagster.refresh import stale_tables
from tests.conftest import Factory, draw_page, write_recipe
from tests.identity.test_stale import look


@pytest.fixture
def shard(factory: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """One shard that is made, as far as its instructions."""
    monkeypatch.setenv("LWV_RECIPE", write_recipe(tmp_path))
    draw_page(factory.sources / "signs" / "sign.png", "A sign that stands alone")
    (shard,) = factory.scan()
    assert factory.run("shard_job", shard, ["source_images"]).success
    return shard


def stale_of(factory: Factory) -> set[str]:
    look(factory)
    return {table.asset_key.to_user_string() for table in stale_tables(factory.instance, defs.resolve_asset_graph())}


def test_a_recipe_that_was_edited_after_a_run_began_makes_its_tables_stale(
    shard: str, factory: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Shard.write

    def write_and_edit(self: Shard, *arguments: object) -> int:
        count = real(self, *arguments)
        if self.table.name == "source_images":  # the first step of the run is done; the sensor looks before the next
            write_recipe(tmp_path, words_per_page=60)
            look(factory)
        return count

    with monkeypatch.context() as patch:
        patch.setattr(Shard, "write", write_and_edit)
        assert factory.run("shard_job", shard, ["source_images", "instructions"]).success
    found = factory.store.identity("instructions", shard)
    assert found is not None and found.recipe["instructions.words_per_page"] == 30
    assert stale_of(factory) == {"instructions"}
    write_recipe(tmp_path, words_per_page=30)
    assert stale_of(factory) == set()


def test_a_prompt_that_was_edited_after_a_process_read_it_makes_what_the_process_writes_stale(
    shard: str, factory: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "assets"
    shutil.copytree(derivation.FOLDER, copy)
    monkeypatch.setattr(derivation, "FOLDER", copy)
    prompt = copy / "instructions" / "prompts" / "single.txt"
    prompt.write_text(prompt.read_text() + "\nBe kind.\n")
    look(factory)
    assert factory.run("shard_job", shard, ["instructions"]).success
    found, step = factory.store.identity("instructions", shard), STEP_OF["instructions"]
    assert found is not None and found.templates == loaded_templates(step) != template_hashes(step)
    assert stale_of(factory) == {"instructions"}
    monkeypatch.undo()


def test_the_tags_say_what_dagster_would_have_said_where_nothing_changed(shard: str, factory: Factory) -> None:
    record = factory.instance.get_latest_data_version_record(
        dg.AssetKey("source_images"), is_source=False, partition_key=shard
    )
    assert record is not None and record.asset_materialization is not None
    tags = record.asset_materialization.tags or {}
    observed = factory.instance.get_latest_data_version_record(dg.AssetKey(["recipe", "source_images"]), is_source=True)
    assert observed is not None and observed.asset_observation is not None
    assert (
        tags["dagster/input_data_version/recipe/source_images"]
        == observed.asset_observation.tags["dagster/data_version"]
    )
