"""Requests by the teacher: asked once, rewritten for groups, rejected where no long text is needed, lengths kept."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets.instructions.asset import instructions
from assets.instructions.requests import REWRITE, REWRITE_DECK, SINGLE, read_request
from assets.instructions.schema import INSTRUCTIONS
from assets.partitions import SHARDS
from assets.quality.asset_checks import check_shard
from assets.quality.quarantine import read_quarantine
from assets.source_images.schema import SOURCE_IMAGES
from lwv_dagster.definitions import default_resources
from resources.failures import AnswerError
from resources.store import Store
from testing.openai_server import scripted_server
from testing.told import told

SHARD = "photos-001"


def page(document: str, number: int, image: str, kind: str = "single") -> dict[str, Any]:
    return {
        "document_id": document,
        "page": number,
        "collection": "photos",
        "shard": SHARD,
        "split": "sft",
        "kind": kind,
        "image_sha256": image,
        "width": 28,
        "height": 28,
        "phash": "0" * 16,
        "ocr_text": "",
        "language": "en",
        "source_path": document,
        "licence": "CC0-1.0",
        "reader": "pillow",
    }


def ask_for(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    pages: list[dict[str, Any]],
    answer: Any,
    recipe: str = "",
) -> tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    """(metadata, rows, quarantine rows, requests that arrived) of the asset on these source_images rows."""
    store = Store(home)
    names = {image: store.put_image(image.encode()) for image in {row["image_sha256"] for row in pages}}
    store.write_table(SOURCE_IMAGES, SHARD, [{**row, "image_sha256": names[row["image_sha256"]]} for row in pages])
    (home / "recipe.toml").write_text(recipe)
    with scripted_server(answer) as server, dg.DagsterInstance.ephemeral() as instance:
        for name, value in {
            "HOME": str(home),
            "TEACHER_BASE_URL": server.url,
            "TEACHER_MODEL": "m",
            "RECIPE": str(home / "recipe.toml"),
        }.items():
            monkeypatch.setenv(f"LWV_{name}", value)
        instance.add_dynamic_partitions(str(SHARDS.name), [SHARD])
        result = dg.materialize(
            [instructions], partition_key=SHARD, instance=instance, resources=dict(default_resources)
        )
    metadata = result.asset_materializations_for_node("instructions")[0].metadata
    from assets.instructions.checks import CHECKS

    outcomes = check_shard(store, "instructions", SHARD, CHECKS)
    empty = store.read_table("instructions", SHARD).num_rows == 0
    failed = {name for name, outcome in outcomes.items() if not outcome.passed}
    assert failed == ({"quarantine_share"} if empty else set())
    return (
        told(metadata),
        list(store.rows(INSTRUCTIONS, SHARD)),
        read_quarantine(store, "instructions", SHARD),
        server.requests,
    )


def teacher(body: dict[str, Any]) -> str:
    said = body["messages"][-1]["content"][-1]["text"]
    if said.startswith("# Step: decide"):
        return '{"relevant": true, "long": true, "reason": "it asks for an essay"}'
    return "Write an essay on all of them." if said.startswith("# Step: rewrite") else "Write an essay on this."


def last_text(body: dict[str, Any]) -> str:
    return str(body["messages"][-1]["content"][-1]["text"])


def test_a_group_asks_for_its_first_image_once_and_has_it_rewritten_for_all(tmp_path: Path, monkeypatch) -> None:
    pages = [page(f"d{number}", 1, f"image {number}") for number in range(4)]
    metadata, rows, aside, requests = ask_for(
        tmp_path, monkeypatch, pages, teacher, "[instructions]\ngroups = [4]\ngroup_share = 1.0\n"
    )
    assert not aside
    steps = [last_text(body).split("\n")[0] for body in requests]
    assert (steps.count("# Step: request"), steps.count("# Step: decide"), steps.count("# Step: rewrite")) == (4, 4, 1)
    group = next(row for row in rows if row["origin"] == "group")
    rewritten = next(body for body in requests if last_text(body).startswith("# Step: rewrite"))
    assert sum(part["type"] == "image_url" for part in rewritten["messages"][-1]["content"]) == 4
    assert "Write an essay on this." in last_text(rewritten) and "Three examples" in last_text(rewritten)
    assert (group["request"], len(group["documents"]), len(group["images"])) == ("Write an essay on all of them.", 4, 4)
    assert (metadata["origin_single"], metadata["origin_group"]) == (4, 1)


@pytest.mark.parametrize(
    ("decision", "kind"),
    [
        ('{"relevant": true, "long": false, "reason": "a word answers it"}', "not_long"),
        ('{"relevant": false, "long": true, "reason": "the image is empty"}', "irrelevant"),
        ("Perhaps.", "malformed"),
    ],
)
def test_what_needs_no_long_text_or_has_an_irrelevant_image_is_rejected_with_the_teachers_reason(
    tmp_path: Path, monkeypatch, decision: str, kind: str
) -> None:
    metadata, rows, aside, _ = ask_for(
        tmp_path,
        monkeypatch,
        [page("d", 1, "image")],
        lambda body: decision if last_text(body).startswith("# Step: decide") else teacher(body),
    )
    assert not rows
    assert aside[0]["reason"].startswith(f"{kind}: ")
    assert metadata[f"rejected_{kind}"] == 1
    _, kept, _, _ = ask_for(
        tmp_path, monkeypatch, [page("d", 1, "image")], teacher, "[instructions]\nneed_long = false\n"
    )
    assert len(kept) == 1


def test_a_request_for_50000_words_is_set_aside_and_a_smaller_one_of_its_own_is_taken_at_its_word(
    tmp_path: Path, monkeypatch
) -> None:
    def wants(words: str) -> Any:
        return lambda body: f"Write {words} words on this." if "Step: request" in last_text(body) else teacher(body)

    _, rows, aside, _ = ask_for(tmp_path / "a", monkeypatch, [page("d", 1, "image")], wants("50,000"))
    assert not rows and aside[0]["reason"].startswith("too_long: the request asks for 50,000 words")
    _, rows, _, _ = ask_for(tmp_path / "b", monkeypatch, [page("d", 1, "image")], wants("3,000"))
    assert rows[0]["instruction"] == rows[0]["request"] == "Write 3,000 words on this."
    assert (rows[0]["required_words"], rows[0]["target_words"], rows[0]["length_from"]) == (3000, 3000, "stated")


def test_a_short_chinese_request_is_one_and_what_is_none_is_set_aside_alone(tmp_path: Path, monkeypatch) -> None:
    def asks(body: dict[str, Any]) -> str:
        return requests.pop() if "Step: request" in last_text(body) else teacher(body)

    requests = ["请写影评。", "Go."]
    _, rows, aside, _ = ask_for(
        tmp_path,
        monkeypatch,
        [page("d", 1, "image"), page("e", 1, "other")],
        asks,
        "[instructions]\ngroups = []\nneed_long = false\n",
    )
    assert [row["request"] for row in rows] == ["请写影评。"]
    assert [row["reason"] for row in aside] == ["malformed: the request has 3 characters, not 5 to 3,900: 'Go.'"]


def test_a_request_stands_without_what_the_teacher_said_around_it(tmp_path: Path, monkeypatch) -> None:
    def chatty(body: dict[str, Any]) -> str:
        if "Step: request" not in last_text(body):
            return teacher(body)
        return (
            "<think>One line.</think>Sure! Here is the request:\n\n**Request:** “Write a guide.”\n\nI hope this helps!"
        )

    _, rows, aside, _ = ask_for(
        tmp_path, monkeypatch, [page("d", 1, "image")], chatty, "[instructions]\ngroups = []\nneed_long = false\n"
    )
    assert not aside and rows[0]["request"] == "Write a guide."


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("!!!!!!!!", "malformed: the request has no words"),
        ("# Step: request\nLanguage: en\nText: a long article", "malformed: the request is the prompt"),
        ("Sorry, but I’m not able to identify the people in this picture.", "refused: "),
    ],
)
def test_what_is_no_request_is_set_aside_alone(tmp_path: Path, monkeypatch, answer: str, reason: str) -> None:
    answers = [answer, "Write a guide to this harbour."]

    def asks(body: dict[str, Any]) -> str:
        return answers.pop() if "Step: request" in last_text(body) else teacher(body)

    _, rows, aside, _ = ask_for(
        tmp_path,
        monkeypatch,
        [page("d", 1, "image"), page("e", 1, "other")],
        asks,
        "[instructions]\ngroups = []\nneed_long = false\n",
    )
    assert [row["request"] for row in rows] == ["Write a guide to this harbour."]
    assert [row["reason"].startswith(reason) for row in aside] == [True]


def test_a_prompt_that_comes_back_is_no_request() -> None:
    for prompt in (SINGLE, REWRITE, REWRITE_DECK):
        with pytest.raises(AnswerError, match="is the prompt that asked for it"):
            read_request(prompt.text, prompt)
        body = " ".join(line for line in prompt.text.splitlines() if "$" not in line and "Step" not in line)
        with pytest.raises(AnswerError, match="is the prompt that asked for it"):
            read_request(body.replace("<request>", "").replace("</request>", ""), prompt)


def test_each_family_of_the_benchmark_is_reached_by_its_collection(tmp_path: Path, monkeypatch) -> None:
    pages = [page(f"d{number}", 1, f"image {number}") for number in range(40)]
    families = ("ppt_script", "medical_report", "travel_guide", "story", "scenery_copywriting", "movie_review")
    listed = ", ".join(f'"{family}"' for family in families)
    metadata, rows, _, requests = ask_for(
        tmp_path, monkeypatch, pages, teacher, f"[instructions]\ngroups = []\nfamilies = {{ photos = [{listed}] }}\n"
    )
    assert {row["task"] for row in rows} == set(families)
    assert sum(metadata[f"task_{family}"] for family in families) == 40
    assert any("a travel guide" in last_text(body) for body in requests)


def test_deck_tasks_are_fixed_or_rewritten_and_chapters_say_where_they_stand(tmp_path: Path, monkeypatch) -> None:
    pages = [page(f"deck{deck}", number, f"{deck} {number}", "deck") for deck in range(30) for number in range(1, 6)]
    metadata, rows, _, requests = ask_for(
        tmp_path,
        monkeypatch,
        pages,
        teacher,
        "[instructions]\nchapter_pages = 3\nlecture_share = 0.3\nrewritten_share = 0.5\nwords_per_page = 100\n",
    )
    assert len(rows) == 60 and metadata["chapters"] == 60
    assert {row["task"] for row in rows} == {"lecture_script", "speaker_notes", "study_guide", "explainer"}
    assert metadata["origin_deck_rewritten"] == len([body for body in requests if "Step: rewrite" in last_text(body)])
    assert {row["pages"][0] for row in rows} == {1, 3} or {row["pages"][0] for row in rows} == {1, 4}
    assert all("part 1 of 2" in row["request"] or "part 2 of 2" in row["request"] for row in rows)
    assert all("number them from 1" in row["request"] for row in rows)  # as the plan and the headings do
    assert {row["target_words"] for row in rows} == {200, 300}


def test_a_second_run_asks_nothing(tmp_path: Path, monkeypatch) -> None:
    pages = [page(f"d{number}", 1, f"image {number}") for number in range(3)]
    first, *_ = ask_for(tmp_path, monkeypatch, pages, teacher)
    assert first["calls_made"] > 0
    again, rows, _, requests = ask_for(tmp_path, monkeypatch, pages, lambda body: "never")
    assert (again["calls_made"], requests) == (0, []) and rows
