"""A pair with more tokens than a forward pass may have is left out at the gate; the count is training's own."""

import io
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageDraw

from assets.corrected_segments.critic import corrected_row
from assets.corrected_segments.schema import CORRECTED_SEGMENTS
from assets.partitions import SHARDS
from assets.preference_dataset.checks import evaluate
from assets.quality.quarantine import read_quarantine
from assets.quality.report import write_report
from assets.segments.schema import SEGMENTS
from assets.segments.splitter import split_output
from assets.training_dataset import current_manifest
from resources.training.dpo.documents import by_document, plan_documents
from resources.training.dpo.pair_sizes import pair_sizes
from resources.training.rows.processor import load_processor
from resources.training.rows.sequence import RowError, Size
from resources.training.students.student_files import BUILT
from resources.training.students.tiny import build_tiny
from testing.rows import english, page, write_shard, written
from testing.told import told
from tests.conftest import Factory

SHARD = "a-001"
PAGES = {"short": 2, "long": 4}


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("student") / "base"
    folder.mkdir()
    build_tiny([english("tiny", 500)], folder)
    return folder


@pytest.fixture
def decks(factory: Factory) -> Factory:
    """A shard of two decks, every page of which the critic edited."""
    outputs, pages, segments = [], [], []
    for name, count in PAGES.items():
        images = [image(factory, f"{name} {number}") for number in range(count)]
        text = "\n\n".join(f"## Slide {number + 1}\n\n{english((name, number), 200)}" for number in range(count))
        outputs.append(written(name, text, images, kind="deck", split="preference"))
        pages += [
            page(name, sha256, "preference", sha256[:16], number=number) for number, sha256 in enumerate(images, 1)
        ]
        segments += split_output(outputs[-1])
    write_shard(factory.store, SHARD, outputs, pages)
    factory.store.write_table(SEGMENTS, SHARD, segments)
    corrected = [
        corrected_row(
            segment,
            {"text": f"{segment['text']} Indeed.", "errors": ["incoherent"], "reason": "It ends too soon."},
            "critic",
            "call",
        )
        for segment in segments
    ]
    factory.store.write_table(CORRECTED_SEGMENTS, SHARD, corrected)
    factory.instance.add_dynamic_partitions(str(SHARDS.name), [SHARD])
    assert factory.run("shard_job", SHARD, ["preference_pairs"]).success
    for asset in ("segments", "corrected_segments", "preference_pairs"):
        write_report(factory.store, asset, SHARD, [], [], 0, 0)
    return factory


def image(factory: Factory, text: str) -> str:
    picture, data = Image.new("RGB", (320, 200), "white"), io.BytesIO()
    ImageDraw.Draw(picture).text((20, 20), text, fill="black", font_size=30)
    picture.save(data, "JPEG")
    return factory.store.put_image(data.getvalue())


def gate(factory: Factory, monkeypatch: pytest.MonkeyPatch, student: object, recipe: str) -> dict[str, Any]:
    path = factory.home.parent / "recipe.toml"
    path.write_text(recipe)
    monkeypatch.setenv("LWV_RECIPE", str(path))
    monkeypatch.setenv("LWV_STUDENT", str(student))
    result = factory.run("training_job", assets=["preference_dataset"])
    made = result.asset_materializations_for_node("preference_dataset")  # its check not_in_sft fails: nothing is there
    if not made:
        failure = next(event for event in result.all_events if event.is_step_failure)
        return {"failure": failure.step_failure_data.user_failure_data.description}
    return told(made[0].metadata)


def rows_of(factory: Factory) -> list[dict[str, Any]]:
    return pq.read_table(current_manifest(factory.store, "preference").path).to_pylist()


def sizes_of(rows: list[dict[str, Any]], student: Path, layout: Any) -> dict[str, Size]:
    processor, sizes = load_processor(str(student), None), dict[str, Size]()
    for group in by_document([row["example_id"] for row in rows]):
        document = [rows[number] for number in group]
        sizes |= zip((row["id"] for row in document), pair_sizes(document, processor, layout), strict=True)
    return sizes


@pytest.mark.parametrize("layout", ["images_first", "interleaved", "paper"])
def test_exactly_what_preference_training_would_refuse_is_left_out_counted_and_set_aside(
    decks: Factory, student: Path, layout: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = f'[pairs]\nshared_prefix = 0\n[training]\nlayout = "{layout}"\nmax_tokens = '
    assert gate(decks, monkeypatch, student, f"{recipe}32_768")["dropped_over_budget"] == 0
    everything, processor = rows_of(decks), load_processor(str(student), None)
    assert {row["kind"] for row in everything} == {"cumulative", "whole"}
    sizes = sizes_of(everything, student, layout)
    for limit in sorted({size.tokens for size in sizes.values()})[1:]:
        over = {name: size for name, size in sizes.items() if size.tokens >= limit}
        told = gate(decks, monkeypatch, student, f"{recipe}{limit - 1}")
        assert told["dropped_over_budget"] == len(over) > 0
        assert sorted(row["reason"] for row in read_quarantine(decks.store, "preference_dataset", "all")) == sorted(
            f"over_budget: {size}, max_tokens is {limit - 1}" for size in over.values()
        )
        left = rows_of(decks)
        assert {row["id"] for row in left} == sizes.keys() - over.keys()
        for rows, refused in ((left, False), (everything, True)):
            groups = by_document([row["example_id"] for row in rows])
            if refused:
                with pytest.raises(RowError, match=f"more than max_tokens = {limit - 1}"):
                    plan_documents(rows, groups, processor, layout, limit - 1)
            else:
                assert all(one["tokens"] < limit for one in plan_documents(rows, groups, processor, layout, limit - 1))
        assert evaluate(decks.store)["shares_kept"].passed


def test_where_every_pair_is_over_the_budget_the_gate_says_what_to_change(
    decks: Factory, student: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert gate(decks, monkeypatch, student, "[training]\nmax_tokens = 256\n")["failure"].startswith(
        "None of the 14 preference pairs may be trained on (over_budget 14, in_benchmark 0; "
        "tables/quarantine/preference_dataset says which): raise training.max_tokens"
    )


@pytest.mark.parametrize("student", BUILT)
def test_a_student_that_is_built_later_leaves_no_pair_out_here(
    decks: Factory, student: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = gate(decks, monkeypatch, student, "[training]\nmax_tokens = 256\n")
    assert (told["dropped_over_budget"], told["dagster/row_count"]) == (0, 14)


def test_nothing_is_loaded_where_no_pair_can_be_over(decks: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    assert gate(decks, monkeypatch, "/nowhere/model", "")["dropped_over_budget"] == 0
    failure = gate(decks, monkeypatch, "/nowhere/model", "[training]\nmax_tokens = 256\n")["failure"]
    assert failure.startswith("The tokenizer of the student /nowhere/model (LWV_STUDENT) is needed")
