"""What counts as a judgement, what is asked again, and whose score a score is."""

import io
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from safetensors.numpy import save_file
from starlette.responses import Response

from assets.benchmark_scores.asset import Answer, item_prompt, judge_all
from assets.benchmark_scores.checks import OldTableError, evaluate, not_worse
from assets.benchmark_scores.schema import BENCHMARK_SCORES, Score
from assets.benchmark_scores.score_files import MODELS, scores_path
from assets.benchmark_scores.scores import score_row, summarise
from assets.generation import WrittenAnswers
from assets.judging.judge import DIMENSIONS, TRIES, Question, judge_answer, parse_scores
from assets.long_outputs.schema import LONG_OUTPUTS
from assets.partitions import SHARDS
from assets.training_dataset import Manifest
from resources.dagster import MOST_NUMBERS
from resources.endpoints import Endpoint
from resources.engine import ModelEngine, run
from resources.failures import AnswerError
from resources.identity import TableIdentity
from resources.ledger import Ledger
from resources.store import Store
from resources.text.length_score import length_score
from resources.training.checkpoint import FILES
from testing.openai_server import completion, failure, scripted_server
from testing.rows import english, write_shard, written
from testing.told import numbers, told
from tests.conftest import Factory
from tests.identity.test_stale import failures

FOURS = dict.fromkeys(DIMENSIONS, 4)
ITEM: dict[str, Any] = {
    "item_id": "abcdef-single",
    "cluster": "abcdef",
    "instruction": "Write.",
    "images": [],
    "task": "open",
    "language": "en",
    "required_words": 10,
}


def scores(**changed: object) -> str:
    return json.dumps({**FOURS, **changed})


# -- the judge --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "text",
    [
        scores(),
        scores(clarity=4.0),
        f"The pages {{1, 2}} are {{odd}}. {scores()}",
        f"{scores(clarity=1)} No, rather: {scores()} That is {{all}}.",
        f'```json\n{{"scores": {scores()}}}\n```',
        scores(why={"clarity": 2}),
    ],
)
def test_the_last_object_with_six_whole_scores_is_the_judgement(text: str) -> None:
    found = parse_scores(text)
    assert found == FOURS
    assert all(type(score) is int for score in found.values())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Very nice!",
        scores(clarity=4.5),
        scores(clarity=6),
        scores(clarity=True),
        scores(clarity="4"),
        scores(clarity=None),
        '{"clarity": 4}',
        '{"a":' * 2000,
    ],
)
def test_anything_else_is_malformed(text: str) -> None:
    with pytest.raises(AnswerError) as error:
        parse_scores(text)
    assert error.value.kind == "malformed"


def judge(folder: Path, answers: Iterable[Response | str]) -> tuple[dict[str, int] | AnswerError, list[int]]:
    """(the scores, or why there are none; the seed of each request) where the judge answers in this order."""
    said = iter(answers)

    async def ask(url: str) -> dict[str, int] | AnswerError:
        endpoint = Endpoint("judge", url, "judge-1")
        async with ModelEngine({"judge": endpoint}, Ledger.at(folder), lambda sha256: b"") as engine:
            try:
                return await judge_answer(
                    engine, "sft", Question("item", ITEM["instruction"], ITEM["images"]), "A text."
                )
            except AnswerError as error:
                return error

    with scripted_server(lambda body: next(said)) as server:
        found = run(ask(server.url))
    return found, [body["seed"] for body in server.requests]


def test_a_judge_that_gives_no_scores_is_asked_again_and_the_scores_stay(tmp_path: Path) -> None:
    assert judge(tmp_path, ["Very nice!", scores(clarity=4.5), scores()]) == (FOURS, [0, 1, 2])
    assert judge(tmp_path, []) == (FOURS, [])


def test_a_judge_that_never_gives_scores_is_asked_five_times_and_one_that_refuses_once(tmp_path: Path) -> None:
    for name, answer, kind, requests in (
        ("vague", "Very nice!", "malformed", TRIES),
        ("refusing", completion("", refusal="No."), "refused", 1),
    ):
        error, seeds = judge(tmp_path / name, [answer] * 9)
        assert isinstance(error, AnswerError)
        assert (error.kind, len(seeds)) == (kind, requests)


def test_an_answer_without_scores_says_why_and_counts_as_refused_only_where_it_was(tmp_path: Path) -> None:
    replies = {
        "good": scores(),
        "vague": "Very nice!",
        "unfit": failure(400, "At most 2 images may be provided."),
        "refused": completion("", refusal="No."),
        "filtered": completion("", finish_reason="content_filter"),
    }

    def answer(body: dict[str, Any]) -> Response | str:
        said = body["messages"][-1]["content"]
        return next(reply for name, reply in replies.items() if f"<response>\n{name}\n</response>" in said)

    with scripted_server(answer) as server:
        endpoint = Endpoint("judge", server.url, "judge-1")
        engine = ModelEngine({"judge": endpoint}, Ledger.at(tmp_path), lambda sha256: b"")
        rows = run(judge_all(engine, {"item": ITEM}, [Answer(name, "item", name, "stop") for name in replies]))
    assert {row["model"]: (row["unjudged"], row["refused"], row["votes"]) for row in rows} == {
        "good": (None, False, 1),
        "vague": ("malformed", False, 0),
        "unfit": ("rejected", False, 0),
        "refused": ("refused", True, 0),
        "filtered": ("filtered", True, 0),
    }
    summary = summarise([{**row, "model": "sft"} for row in rows])["sft"]
    assert (summary["items"], summary["judged"], summary["S_q"]) == (5, 1, 75.0)


def rows_of(model: str, lengths: list[float], finish: str = "stop") -> list[Score]:
    """A row per length score, two of each document, all judged alike."""
    return [
        {
            **score_row(model, {**ITEM, "item_id": f"{number}", "cluster": f"d{number // 2}"}, "a", finish, FOURS, "j"),  # type: ignore[typeddict-item]
            "length_score": length,
        }
        for number, length in enumerate(lengths)
    ]


def test_sft_is_called_worse_than_the_base_only_where_the_items_can_tell() -> None:
    base = [50.0, 60.0, 40.0, 55.0, 45.0, 52.0, 48.0, 51.0]
    for change, passed in ((0.0, True), (-20.0, False), (20.0, True)):
        sft = [value + change + (-1) ** number for number, value in enumerate(base)]
        assert not_worse([*rows_of("base", base), *rows_of("sft", sft)]).passed is passed
    mixed = [0.0, 100.0, 0.0, 90.0, 0.0, 0.0, 100.0, 20.0]  # its mean is 11 lower, and nothing can be told
    assert not_worse([*rows_of("base", base), *rows_of("sft", mixed)]).passed
    one = not_worse([*rows_of("base", base[:2]), *rows_of("sft", [0.0, 0.0])])  # two items of one document
    assert one.passed


def test_a_mean_has_an_interval_over_documents_and_what_the_limit_cut_is_counted() -> None:
    found = summarise([*rows_of("sft", [50.0, 60.0, 40.0, 55.0], "length"), *rows_of("dpo", [50.0, 60.0])])
    sft, dpo = found["sft"], found["dpo"]
    assert sft["S_l_low"] is not None and sft["S_l_high"] is not None and sft["S_l"] is not None
    assert sft["S_l_low"] < sft["S_l"] < sft["S_l_high"]
    assert (sft["cut"], dpo["cut"]) == (4, 0)
    assert dpo["S_l_low"] is None  # one document


def judged_half(store: Store, share: float) -> None:
    """A table of today's in which half of the answers were not judged, made under this threshold."""
    rows = [row for model in ("base", "sft", "dpo") for row in rows_of(model, [50.0, 60.0])]
    for row in rows[::2]:
        row.update(quality_score=None, unjudged="malformed")
    identity = TableIdentity(BENCHMARK_SCORES.version, recipe={"checks.judged_share": share})
    store.write_parquet(scores_path(store), rows, BENCHMARK_SCORES.schema, identity)


def test_the_share_that_must_be_judged_is_that_of_the_recipe(tmp_path: Path) -> None:
    for share, passed in ((0.4, True), (0.9, False)):
        judged_half(Store(tmp_path), share)
        assert evaluate(Store(tmp_path))["judged"].passed is passed


def test_scores_of_an_older_version_are_said_to_be_so(tmp_path: Path) -> None:
    store = Store(tmp_path)
    judged_half(store, 0.4)
    old = pq.read_table(scores_path(store)).drop_columns(["cluster", "finish"])
    pq.write_table(old, scores_path(store))
    with pytest.raises(OldTableError, match=r"made by an older version \(it lacks cluster, finish\): materialise"):
        evaluate(store)


@pytest.mark.parametrize("words", [100, 1500, 6000])
def test_a_checkpoint_may_write_as_much_whatever_length_is_asked(words: int, tmp_path: Path) -> None:
    """Else one that never stops could not overshoot, and noise that is cut would score well."""
    item: Any = {**ITEM, "required_words": words}
    assert item_prompt(Store(tmp_path), item, 8192)["max_new_tokens"] == 8192
    assert length_score(8192 * 3 // 4, 1500) == 0  # English noise up to the limit


# -- whose score it is ------------------------------------------------------------------------------------------------
def checkpoint(store: Store, kind: str, name: str, base: str, dataset: str) -> None:
    """A folder that looks like a whole checkpoint, and is the current one."""
    folder = store.home / "checkpoints" / kind / name
    folder.mkdir(parents=True)
    for file in FILES:
        store.write_json(folder / file, {"base": base, "student": "tiny", "dataset_id": dataset})
    save_file({"weight": np.zeros(1, np.float32)}, folder / "model.safetensors")
    store.write_json(folder.parent / "current.json", {"id": name})


def data_set(store: Store, gate: str, name: str, shards: list[str], pending: dict[str, str] | None = None) -> None:
    """The manifest of a data set that a checkpoint learnt."""
    manifest = Manifest(name, gate, "", 1, {}, {}, shards, pending=pending or {})
    store.write_json(store.home / "datasets" / gate / name / "manifest.json", asdict(manifest))


@pytest.fixture
def files(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One held-out example and two checkpoints, that write without a model; the names of the files they write to."""
    picture, names = io.BytesIO(), list[str]()
    Image.new("RGB", (64, 64), "teal").save(picture, "JPEG")
    image = factory.store.put_image(picture.getvalue())
    write_shard(
        factory.store,
        "a-001",
        [
            written(
                "abcdef-single",
                english("held", 200),
                [image],
                split="benchmark",
                required_words=200,
                task="travel_guide",
            )
        ],
    )
    factory.instance.add_dynamic_partitions(str(SHARDS.name), ["a-001"])
    data_set(factory.store, "sft", "learnt", ["a-001"])
    data_set(factory.store, "preference", "compared", ["a-001"])
    checkpoint(factory.store, "sft", "first", "/models/base", "learnt")
    checkpoint(factory.store, "dpo", "pairs", "/moved/checkpoints/sft/first", "compared")

    def write_answers(writers, models, prompts, output, sampling, size) -> WrittenAnswers:
        names.append(output.name)
        asked.append({(model, prompt["item_id"]) for model in models for prompt in prompts})
        found: dict[tuple[str, str], Any] = {
            (model, prompt["item_id"]): {
                "text": english(model, 200),
                "finish": "length" if model.endswith("base") else "stop",
            }
            for model in models
            for prompt in prompts
        }
        return WrittenAnswers(found, {})

    monkeypatch.setattr("assets.benchmark_scores.asset.write_answers", write_answers)
    return names


asked: list[set[tuple[str, str]]] = []  # what was to be there after each run: (checkpoint, item as it is asked)


def test_a_retrained_checkpoint_or_another_item_leaves_the_answers_that_are_there(
    factory: Factory, files: list[str]
) -> None:
    asked.clear()
    said(factory.run("evaluation_job"))
    checkpoint(factory.store, "dpo", "again", "/moved/checkpoints/sft/first", "compared")
    said(factory.run("evaluation_job"))
    before, retrained = asked
    assert files[0] == files[1]  # one file, that is only added to
    assert {model for model, _ in retrained - before} == {"dpo/again"}
    assert {model for model, _ in retrained & before} == {"models/base", "sft/first"}
    (first,) = factory.store.rows(LONG_OUTPUTS, "a-001")
    held = [written("fedcba-single", english("more", 200), first["images"], split="benchmark", required_words=200)]
    write_shard(factory.store, "b-001", held)
    factory.instance.add_dynamic_partitions(str(SHARDS.name), ["b-001"])
    data_set(factory.store, "sft", "learnt", ["a-001", "b-001"])
    data_set(factory.store, "preference", "compared", ["a-001", "b-001"])
    said(factory.run("evaluation_job"))
    assert asked[2] > retrained
    assert {item.rpartition("-")[0] for _, item in asked[2] - retrained} == {"fedcba-single"}
    assert files[1] == files[2]


def said(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    assert result.success
    metadata = result.asset_materializations_for_node("benchmark_scores")[0].metadata
    assert len(numbers(metadata)) <= MOST_NUMBERS
    return told(metadata)


def test_scores_name_the_data_that_was_learnt_and_another_harness_writes_its_answers_anew(
    factory: Factory, files: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = said(factory.run("evaluation_job"))
    assert (told["data"], told["unjudged"], told["refused"]) == ("learnt", 0, 0)
    said(factory.run("evaluation_job"))
    monkeypatch.setattr("assets.benchmark_scores.asset.HARNESS", "another")
    said(factory.run("evaluation_job"))
    assert files[0] == files[1] != files[2]


def test_shards_that_training_did_not_read_are_counted_and_not_scored_on(factory: Factory, files: list[str]) -> None:
    held = [written("fedcba-single", english("more", 200), split="benchmark", required_words=200)]
    for shard in ("b-001", "c-001"):
        write_shard(factory.store, shard, held)
    factory.instance.add_dynamic_partitions(str(SHARDS.name), ["b-001", "c-001", "d-001"])
    data_set(factory.store, "sft", "learnt", ["a-001", "b-001"], {"c-001": "never run"})
    told = said(factory.run("evaluation_job"))
    assert (told["items"], told["shards"], told["pending"]) == (1, 1, 3)
    assert told["note"] == (
        "3 shards pending: b-001 (added after training began), c-001 (never run), d-001 (added after training began)"
    )


def test_where_all_held_out_documents_are_pending_that_is_said(factory: Factory, files: list[str]) -> None:
    data_set(factory.store, "preference", "compared", [], {"a-001": "`segments` is being made"})
    said = failures(factory.run("evaluation_job"))
    assert said.endswith("1 shard pending: a-001 (`segments` is being made).") and "No held-out document" in said


def test_scores_of_a_data_set_that_is_gone_are_refused_in_one_sentence(factory: Factory, files: list[str]) -> None:
    path = factory.home / "datasets" / "sft" / "learnt" / "manifest.json"
    path.unlink()
    result = factory.run("evaluation_job")
    assert f"{path} is not there: materialise `sft_dataset` again." in failures(result)


def test_a_score_has_the_task_that_the_example_was_written_to(factory: Factory, files: list[str]) -> None:
    said(factory.run("evaluation_job"))
    rows = pq.read_table(scores_path(factory.store), columns=["model", "task"]).to_pylist()
    assert {row["model"]: row["task"] for row in rows} == dict.fromkeys(MODELS, "travel_guide")


def test_a_dpo_checkpoint_of_another_sft_checkpoint_is_not_scored_beside_it(factory: Factory, files: list[str]) -> None:
    checkpoint(factory.store, "sft", "second", "/models/base", "learnt later")
    result = factory.run("evaluation_job")
    (failed,) = (
        event.step_failure_data.user_failure_data
        for event in result.all_events
        if event.is_step_failure and event.step_failure_data.user_failure_data
    )
    assert failed.description == (
        "The DPO checkpoint pairs does not come from second, the current SFT checkpoint: "
        "materialise `dpo_checkpoint` first."
    )
    assert files == []
