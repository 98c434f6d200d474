"""Two recipes on the samples: `lwv diff` says what changed, by rows, distributions and lines of the recipe."""

from pathlib import Path

import pytest

from assets.training_dataset import Gate, current_manifest, read_manifest, rows_of
from lwv_dagster.diff.comparing import diff
from lwv_dagster.diff.difference import Difference
from testing.trails import missing_back
from tests.conftest import Factory

SAMPLES = Path(__file__).resolve().parents[3] / "samples"
GATES: tuple[Gate, Gate] = ("sft", "preference")
SHORTER = """
[instructions]
words = { single = [400, 500, 600], multi = [600, 800] }  # as the preset of the embedded model
chapter_pages = 6
words_per_page = 120
[pairs]
whole = 0.0
[keep]
length_score = 70.0
"""


def let_through(factory: Factory) -> dict[Gate, str]:
    for shard in factory.scan():
        assert factory.run("shard_job", shard).success
    assert factory.run("training_job", assets=[f"{gate}_dataset" for gate in GATES]).success
    return {gate: current_manifest(factory.store, gate).id for gate in GATES}


def texts_of(factory: Factory, gate: Gate, data_set: str) -> dict[str, tuple[str, ...]]:
    """id -> all texts of a row, and its images."""
    found = dict[str, tuple[str, ...]]()
    for row in rows_of(read_manifest(factory.store, gate, data_set)):
        said = [turn["content"] for turn in row.get("messages", ())]
        pair = [row[name] for name in ("prompt", "prefix", "chosen", "rejected") if name in row]
        found[row["id"]] = (*said, *pair, *(image["path"] for image in row["images"]))
    return found


def means(found: Difference, what: str) -> tuple[float, float]:
    spread = next(each for each in found.spreads if each.what == what)
    return spread.mean_a or 0.0, spread.mean_b or 0.0


def test_what_another_recipe_changes_on_the_samples_is_named(
    factory: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LWV_SOURCES", str(SAMPLES))
    samples = Factory(factory.home, SAMPLES, factory.instance)
    monkeypatch.delenv("LWV_RECIPE", raising=False)
    first = let_through(samples)
    (tmp_path / "shorter.toml").write_text(SHORTER)
    monkeypatch.setenv("LWV_RECIPE", str(tmp_path / "shorter.toml"))
    second = let_through(samples)

    for gate in GATES:
        (found,) = diff(samples.store, first[gate], second[gate])
        before, after = (texts_of(samples, gate, name) for name in (first[gate], second[gate]))
        assert {*found.only_a} == before.keys() - after.keys()
        assert {*found.only_b} == after.keys() - before.keys()
        both = before.keys() & after.keys()
        assert {row.id for row in found.changed} == {name for name in both if before[name] != after[name]}
        assert found.counts.changed + found.counts.same == len(both) > 0
        assert found.counts.changed > 0

    (sft,) = diff(samples.store, first["sft"], second["sft"])
    assert means(sft, "words")[0] > means(sft, "words")[1] > 0
    lines = {line.name: (line.a, line.b) for line in sft.recipe}
    assert lines == {"instructions.words_per_page": (["200"], ["120"]), "keep.length_score": (["80.0"], ["70.0"])}
    (pairs,) = diff(samples.store, first["preference"], second["preference"])
    assert {line.name for line in pairs.recipe} == {"instructions.words_per_page", "pairs.whole"}
    assert [name for name in pairs.only_a if name.endswith("-whole")] and pairs.weights.changed > 0
    assert missing_back(samples.store) == []
