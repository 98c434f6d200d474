"""The benchmark's catalogue, small: every planted fault is found, nothing else is left out, the targets are met."""

from collections import Counter

import pytest

from assets.partitions import SHARDS
from assets.training_dataset import current_manifest
from testing.recipe.catalogue import documents, shards, write_sources
from testing.recipe.recipe import write_recipe
from testing.recipe.texts import pool_words
from testing.recipe.written import write_outputs
from tests.conftest import Factory

COUNT = 620


def test_the_lengths_of_the_pool_are_the_papers() -> None:
    lengths = sorted(pool_words((index + 0.5) / 20_000) for index in range(20_000))
    assert sum(lengths) / len(lengths) == pytest.approx(2037, rel=0.02)
    assert lengths[len(lengths) // 2] == pytest.approx(1732, rel=0.02)
    assert lengths[-1] == 10_000


def test_the_gate_leaves_out_what_was_planted_and_the_mix_meets_its_targets(
    factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = documents(COUNT)
    monkeypatch.setenv("LWV_RECIPE", str(write_recipe(factory.home.parent, COUNT)))
    write_sources(factory.store, shards(found))
    write_outputs(factory.store, shards(found))
    factory.instance.add_dynamic_partitions(str(SHARDS.name), list(shards(found)))
    result = factory.run("training_job", assets=["sft_dataset"])
    assert result.success
    assert all(check.passed for check in result.get_asset_check_evaluations())
    planted = Counter(document.plant.removesuffix("_text") for document in found if document.plant)
    report = current_manifest(factory.store, "sft").report
    assert report["dropped"] == dict(planted)
    assert set(planted) == {
        "in_benchmark",
        "duplicate",
        "near_duplicate",
        "length",
        "language",
        "repetition",
        "refusal",
    }
    assert report["trained_on"]["examples"] == 10_000 * COUNT // 22_158
    for name, share in report["aim"].items():
        if name != "examples":
            assert report["trained_on"][name] >= share - 0.02
            assert name in ("long", "short") or report["trained_on"][name] <= share + 0.02
