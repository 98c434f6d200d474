"""Two recipes on the samples: `lwv diff` says what changed, by rows, distributions and lines of the recipe."""

from pathlib import Path

import pytest

from assets.training_dataset import Gate, current_manifest
from lwv_dagster.diff.comparing import diff
from lwv_dagster.diff.difference import Difference
from testing.trails import missing_back
from tests.conftest import Factory

SAMPLES = Path(__file__).resolve().parents[3] / "samples"
GATES: tuple[Gate, Gate] = ("sft", "preference")
SHORTER = "[instructions]\nwords_per_page = 120\n[pairs]\nwhole = 0.0\n[keep]\nlength_score = 70.0\n"


def let_through(factory: Factory) -> dict[Gate, str]:
    for shard in factory.scan():
        assert factory.run("shard_job", shard).success
    assert factory.run("training_job", assets=[f"{gate}_dataset" for gate in GATES]).success
    return {gate: current_manifest(factory.store, gate).id for gate in GATES}


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

    (sft,) = diff(samples.store, first["sft"], second["sft"])
    assert (sft.counts.only_a, sft.counts.only_b) == (0, 0)
    assert 0 < sft.counts.text == sft.counts.changed < sft.a.rows  # the decks, whose length is by their pages
    assert {row.id.split("-")[1] for row in sft.changed} == {"deck"}
    assert means(sft, "words")[0] > means(sft, "words")[1] > 0
    lines = {line.name: (line.a, line.b) for line in sft.recipe}
    assert {"instructions.words_per_page", "keep.length_score"} == {*lines}
    assert lines["keep.length_score"] == (["80.0"], ["70.0"])

    (pairs,) = diff(samples.store, first["preference"], second["preference"])
    assert pairs.only_a and all(name.endswith("-whole") for name in pairs.only_a if name not in pairs.only_b)
    assert "pairs.whole" in {line.name for line in pairs.recipe}
    assert pairs.weights.changed > 0
    assert missing_back(samples.store) == []
