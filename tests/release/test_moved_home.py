"""A home that was moved works on as it is: nothing that is read from it is named by where it was."""

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from assets.preference_dataset import checks as preference_rules
from assets.quality.asset_checks import check_whole
from assets.sft_dataset import checks as sft_rules
from assets.training_dataset import Gate, bring_images_home, current_manifest, rows_of
from lwv_dagster.release.write import FORMATS, write_release
from resources.store import Store, file_hash
from resources.training.checkpoint import model_here
from testing.release_home import make_home

GATES: tuple[Gate, Gate] = ("sft", "preference")


@pytest.fixture(params=["now", "before"])
def moved(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A home after its move; `before`: its manifests name their rows by whole paths, as they did once."""
    home = tmp_path / "there" / "home"
    store = make_home(home)
    for gate in GATES:
        manifest = current_manifest(store, gate)
        path = Path(manifest.path).with_name("manifest.json")
        written = json.loads(path.read_text())
        assert written["path"] == f"datasets/{gate}/{manifest.id}/train.parquet"
        if request.param == "before":
            store.write_json(path, {**written, "path": manifest.path})
    shutil.move(home, tmp_path / "elsewhere")
    return Store(tmp_path / "elsewhere")


def test_every_rule_can_be_asked_and_a_release_has_every_image(moved: Store, tmp_path: Path) -> None:
    for rules in (sft_rules.CHECKS, preference_rules.CHECKS):
        outcomes = check_whole(moved, rules)
        assert [outcome for outcome in outcomes.values() if outcome.description.startswith("could not")] == []
        assert outcomes["images_there"].passed
    for name in ("hub", "llamafactory"):
        release = write_release(moved, FORMATS[name], tmp_path / name)
        assert sum(release.files.values()) > 0
    assert list((tmp_path / "llamafactory" / "images").rglob("*.jpg"))


@pytest.mark.parametrize("gate", GATES)
def test_before_it_is_trained_on_a_data_set_names_its_images_where_they_are_now(moved: Store, gate: Gate) -> None:
    manifest = current_manifest(moved, gate)
    before = [{**row, "images": len(row["images"])} for row in rows_of(manifest)]
    schema = pq.read_schema(manifest.path)
    bring_images_home(moved, Path(manifest.path))
    rows = list(rows_of(manifest))
    assert [{**row, "images": len(row["images"])} for row in rows] == before
    assert all(Path(image["path"]).is_file() for row in rows for image in row["images"])
    assert pq.read_schema(manifest.path) == schema
    written = file_hash(Path(manifest.path))
    bring_images_home(moved, Path(manifest.path))
    assert file_hash(Path(manifest.path)) == written


def test_the_model_that_a_checkpoint_comes_from_is_found_where_it_is_now(tmp_path: Path) -> None:
    output = tmp_path / "checkpoints" / "sft" / "abc"
    built = tmp_path / "checkpoints" / "base" / "def"
    built.mkdir(parents=True)
    assert model_here("/old/home/checkpoints/base/def", output) == str(built)
    for other in ("Qwen/Qwen2.5-VL-7B-Instruct", "/models/base/def", "/old/home/checkpoints/base/gone", "tiny"):
        assert model_here(other, output) == other
