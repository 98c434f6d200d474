"""The gate to SFT as Dagster runs it: what is left out is counted and recorded, the mix is told, the rest written."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from PIL import Image

from assets.long_outputs.schema import LONG_OUTPUTS
from assets.partitions import SHARDS
from assets.quality.quarantine import read_quarantine
from assets.sft_dataset.checks import evaluate
from assets.source_images.schema import SOURCE_IMAGES
from assets.training_dataset import current_manifest
from resources.store import Store
from testing.rows import english, page, write_shard, written
from testing.told import told
from tests.conftest import Factory

LENGTHS = (300, 900, 1700, 2500, 4500)


def image(store, name: str) -> str:
    return store.put_image(name.encode())


def fill(factory: Factory) -> None:
    """Two shards: 40 good examples, and one for each reason to leave one out."""
    store = factory.store
    shared = image(store, "shared")
    good = [
        written(
            f"good-{number:02d}",
            english(number, LENGTHS[number % 5]),
            [image(store, f"good-{number}")],
            kind=("single", "multi", "deck")[number % 3],
            required_words=LENGTHS[number % 5] if number % 2 else None,
        )
        for number in range(40)
    ]
    first, second = good[:20], good[20:]
    text = english("held", 1500)
    second += [
        written("held", text, [shared], split="benchmark"),
        written("pairs", english("pairs", 500), [image(store, "pairs")], split="preference"),
        written("same-image", english("si", 500), [shared]),
        written("same-text", f"{english('st', 300)} {text[:6000]}", [image(store, "st")]),
        written("twice", good[3]["output"], [image(store, "twice")]),
        written("nearly", english(4, 4500) + " " + english("end", 40), [image(store, "nearly")]),
        written("off", english("off", 500), [image(store, "off")], required_words=2000),
        written("chinese", english("chinese", 500), [image(store, "chinese")], language="zh"),
        first[0],  # the same example in a second shard
    ]
    for shard, rows in (("a-001", first), ("b-001", second)):
        pages = [page(row["document_id"], row["images"][0], row["split"], phash=row["images"][0][:16]) for row in rows]
        for entry in pages:  # text on a page, so that it is not blank
            entry["ocr_text"] = english(entry["document_id"] if entry["image_sha256"] != shared else "held", 30)
        write_shard(store, shard, rows, pages)
    factory.instance.add_dynamic_partitions(str(SHARDS.name), ["a-001", "b-001"])


def make(factory: Factory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, recipe: str) -> dict[str, Any]:
    path = tmp_path / "recipe.toml"
    path.write_text(recipe)
    monkeypatch.setenv("LWV_RECIPE", str(path))
    result = factory.run("training_job", assets=["sft_dataset"])
    if not result.success:
        failure = next(event for event in result.all_events if event.is_step_failure)
        return {"failure": failure.step_failure_data.user_failure_data.description}
    metadata = result.asset_materializations_for_node("sft_dataset")[0].metadata
    return told(metadata)


def test_every_example_left_out_is_counted_and_recorded_with_its_reason(
    factory: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(factory)
    told = make(factory, monkeypatch, tmp_path, "")
    assert (told["read"], told["kept"], told["chosen"], told["dagster/row_count"]) == (47, 40, 40, 40)
    assert {name: value for name, value in told.items() if name.startswith("dropped_")} == {
        "dropped_in_benchmark": 2,
        "dropped_duplicate": 2,
        "dropped_near_duplicate": 1,
        "dropped_length": 1,
        "dropped_language": 1,
    }
    reasons = {row["example_id"]: row["reason"] for row in read_quarantine(factory.store, "sft_dataset", "all")}
    assert reasons == {
        "same-image": "in_benchmark: an image is that of held page 1",
        "same-text": reasons["same-text"],
        "twice": "duplicate: the same text as good-03",
        "nearly": reasons["nearly"],
        "off": "length: 500 words for 2000 that are asked: length score 0",
        "chinese": "language: asked for in zh, written in en",
        "good-00": "duplicate: the same example stands in shard a-001",
    }
    assert reasons["nearly"].startswith("near_duplicate: ")
    assert reasons["nearly"].endswith("like good-04")
    assert "| over 4,000 words | 20.0% | 20.0% | 20.0% |  | 21.0% |" in told["mix"]
    assert all(outcome.passed for outcome in evaluate(factory.store).values())


def test_what_the_student_cannot_take_in_one_pass_is_left_out_and_counted(
    factory: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from resources.training.students.tiny import build_tiny

    student = tmp_path / "student"
    student.mkdir()
    build_tiny([english("tiny", 500)], student)
    monkeypatch.setenv("LWV_STUDENT", str(student))
    fill(factory)
    for path in factory.store.home.glob("images/**/*.jpg"):
        Image.new("RGB", (56, 56)).save(path)
    told = make(factory, monkeypatch, tmp_path, "[training]\nmax_tokens = 4000\n")
    assert (told["dropped_over_budget"], told["chosen"]) == (9, 32)  # eight of 4,500 words and the one nearly alike
    reasons = [row["reason"] for row in read_quarantine(factory.store, "sft_dataset", "all")]
    assert (
        sum(
            reason.startswith("over_budget: ") and reason.endswith(" of 1 images), max_tokens is 4000")
            for reason in reasons
        )
        == 9
    )


def test_the_mix_is_drawn_told_beside_the_paper_and_kept_in_the_manifest(
    factory: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(factory)
    told = make(
        factory,
        monkeypatch,
        tmp_path,
        "[mix]\nsize = 20\nlong_share = 0.25\nshort_share = 0.3\nkinds = { single = 0.5, multi = 0.25, deck = 0.25 }\n",
    )
    assert (told["kept"], told["chosen"], told["off_target"]) == (40, 20, 0)
    manifest = current_manifest(factory.store, "sft")
    assert manifest.counts == {"single": 10, "multi": 5, "deck": 5}
    assert manifest.report["trained_on"]["long"] >= 0.25
    assert manifest.report["trained_on"]["short"] >= 0.3
    assert manifest.report["dropped"]["in_benchmark"] == 2
    rows = pq.read_table(manifest.path).to_pylist()
    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)
    assert sum(row["words"] > 4000 for row in rows) == manifest.report["trained_on"]["long"] * 20


def test_too_few_long_texts_are_told_with_the_size_that_would_do(
    factory: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(factory)
    told = make(factory, monkeypatch, tmp_path, "[mix]\nlong_share = 0.4\nshort_share = 0.1\n")
    assert told["off_target"] == pytest.approx(0.2)  # 8 of 40 are over 4,000 words
    outcome = evaluate(factory.store)["enough_long_texts"]
    assert not outcome.passed
    assert outcome.description == ("20.0% over 4,000 words instead of 40.0%; mix.size = 20 would meet every share")
    make(factory, monkeypatch, tmp_path, "[mix]\nsize = 20\nlong_share = 0.4\nshort_share = 0.1\n")
    assert evaluate(factory.store)["enough_long_texts"].passed


def test_chat_rows_come_on_top_and_pass_the_checks(
    factory: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(factory)
    chat = tmp_path / "chat.jsonl"
    lines = [
        json.dumps({"messages": [{"role": "user", "content": f"Hi {number}"}, {"role": "assistant", "content": "Ho"}]})
        for number in range(9)
    ]
    chat.write_text("\n".join([*lines, "broken"]))
    told = make(factory, monkeypatch, tmp_path, f'[mix]\nsize = 10\nlong_share = 0\nchat = "{chat}"\nchat_rows = 5\n')
    assert (told["chosen"], told["rows_chat"], told["dagster/row_count"]) == (10, 5, 15)
    assert (told["chat_bad_lines"], told["chat_bad_line_numbers"]) == (1, [10])
    assert all(outcome.passed for outcome in evaluate(factory.store).values())


def test_made_again_in_a_moved_home_the_same_data_set_names_the_images_where_they_lie_now(
    factory: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(factory)
    make(factory, monkeypatch, tmp_path, "")
    before, moved = current_manifest(factory.store, "sft"), Store(tmp_path / "moved")
    factory.home.rename(moved.home)
    monkeypatch.setenv("LWV_HOME", str(moved.home))
    make(factory, monkeypatch, tmp_path, "")
    after = current_manifest(moved, "sft")
    assert (after.id, after.rows) == (before.id, before.rows)
    assert all(outcome.passed for outcome in evaluate(moved).values())
    paths = [image["path"] for row in pq.read_table(after.path).to_pylist() for image in row["images"]]
    assert all(path.startswith(str(moved.home)) for path in paths)
    assert Path(after.path).parent.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize(
    ("recipe", "says"),
    [
        ('[mix]\nchat = "/nowhere/chat.jsonl"\nchat_rows = 5\n', "mix.chat of the recipe"),
        ("[mix]\nlong_share = 0.7\nshort_share = 0.5\n", "add up to more than 1"),
        ("[mix]\nkinds = { single = -1 }\n", "positive"),
        ("[keep]\nnear_duplicate = 0\n", "[keep]: `near_duplicate`"),
    ],
)
def test_a_recipe_that_cannot_be_followed_is_one_clear_sentence(
    factory: Factory, tmp_path: Path, recipe: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(factory)
    assert says in make(factory, monkeypatch, tmp_path, recipe)["failure"]


def test_where_nothing_may_be_trained_on_the_gate_says_why(
    factory: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_shard(factory.store, "a-001", [written("off", english(1, 100), required_words=1000)])
    factory.instance.add_dynamic_partitions(str(SHARDS.name), ["a-001"])
    failure = make(factory, monkeypatch, tmp_path, "")["failure"]
    assert failure.startswith("None of the 1 written examples may be trained on (length 1)")


def test_the_order_of_shards_and_rows_does_not_change_the_data_set(
    factory: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(factory)
    recipe = "[mix]\nsize = 20\n"
    make(factory, monkeypatch, tmp_path, recipe)
    before = set(pq.read_table(current_manifest(factory.store, "sft").path, columns=["id"]).column("id").to_pylist())
    for shard in ("a-001", "b-001"):
        rows = list(factory.store.rows(LONG_OUTPUTS, shard))
        write_shard(factory.store, shard, rows[::-1], list(factory.store.rows(SOURCE_IMAGES, shard)))
    make(factory, monkeypatch, tmp_path, recipe)
    after = set(pq.read_table(current_manifest(factory.store, "sft").path, columns=["id"]).column("id").to_pylist())
    assert before == after
