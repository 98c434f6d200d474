"""Checkpoints that write through a server: each text once, with all of its sampling, cut ones too."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import Response

from assets.student_server import require_served, student_call, summed, write_with_server
from resources.endpoints import Endpoint
from resources.engine import ModelEngine, run
from resources.failures import EndpointError
from resources.ledger import Ledger
from resources.messages import Image
from resources.recipe.model import Sampling
from resources.sampling import sampled_by
from resources.training.generation_lines import AnswerLine, PromptLine
from testing.openai_server import completion, failure, scripted_server

SAMPLING = sampled_by(0.8, Sampling(top_p=0.9, top_k=40, min_p=0.02, repetition_penalty=1.1, presence_penalty=0.3))
FULL = {"temperature", "top_p", "top_k", "min_p", "repetition_penalty", "presence_penalty", "seed"}
PICTURE = b"jpeg"


def prompts(count: int) -> list[PromptLine]:
    name = hashlib.sha256(PICTURE).hexdigest()
    return [
        {
            "item_id": f"item {number}",
            "prompt": f"Write about {number} <|im_end|>.",
            "images": [f"/images/ab/{name}.jpg"],
            "seed": number,
            "max_new_tokens": 32,
        }
        for number in range(count)
    ]


def write(url: str, home: Path, count: int) -> tuple[dict[tuple[str, str], AnswerLine], ModelEngine]:
    endpoint = Endpoint("student", url, "sft/abc")
    engine = ModelEngine({"student": endpoint}, Ledger.at(home), lambda _: PICTURE)
    return run(write_with_server(engine, "sft", prompts(count), SAMPLING, "drafts")), engine


def test_a_text_is_asked_for_once_with_all_of_its_sampling(tmp_path: Path) -> None:
    with scripted_server(lambda body: f"Text {body['seed']}.") as server:
        answers, _ = write(server.url, tmp_path, 5)
        again, engine = write(server.url, tmp_path, 5)
    assert {key: answer["text"] for key, answer in answers.items()} == {
        ("sft", f"item {number}"): f"Text {number}." for number in range(5)
    }
    assert again == answers and engine.tally.made == 0
    assert len(server.requests) == 5
    for body in server.requests:
        assert {name: body[name] for name in FULL - {"seed"}} == SAMPLING
        assert [part["type"] for part in body["messages"][-1]["content"]] == ["image_url", "text"]
        assert "<|im_end|>" not in json.dumps(body["messages"])
    assert all(answer["sampling"] == SAMPLING for answer in answers.values())
    kept = [Ledger.at(tmp_path).get(engine.key(student_call(prompt, SAMPLING))) for prompt in prompts(5)]
    assert all(record and set(json.loads(record.sent)) >= FULL for record in kept)


def test_a_text_that_its_limit_cut_is_a_text_and_is_not_paid_again(tmp_path: Path) -> None:
    with scripted_server(lambda _: completion("It goes on and", finish_reason="length")) as server:
        answers, _ = write(server.url, tmp_path, 3)
        write(server.url, tmp_path, 3)
    assert {(answer["text"], answer["finish"]) for answer in answers.values()} == {("It goes on and", "length")}
    assert len(server.requests) == 3


def test_a_text_that_vllm_cut_because_it_repeats_itself_has_not_ended_by_itself(tmp_path: Path) -> None:
    with scripted_server(lambda _: completion("On and on and on and", finish_reason="repetition")) as server:
        answers, _ = write(server.url, tmp_path, 2)
    assert {answer["finish"] for answer in answers.values()} == {"length"}


def test_texts_without_a_word_do_not_end_the_run(tmp_path: Path) -> None:
    with scripted_server(lambda _: completion("")) as server:
        answers, _ = write(server.url, tmp_path, 12)
    assert {answer["text"] for answer in answers.values()} == {""}


def test_a_text_that_no_server_can_write_ends_the_step_with_its_words(tmp_path: Path) -> None:
    def answer(body: dict[str, Any]) -> Response | str:
        if body["seed"] == 2:
            return failure(400, "This model's maximum context length is 64 tokens. However, you requested 99 tokens")
        return "Fine."

    with scripted_server(answer) as server, pytest.raises(EndpointError, match="wrote no text for item 2"):
        write(server.url, tmp_path, 4)


def test_a_server_that_serves_another_checkpoint_is_refused() -> None:
    with scripted_server(lambda _: "x", models={"data": [{"id": "sft/other"}]}) as server:
        with pytest.raises(EndpointError, match=r"serves sft/other and not 'sft/abc'.*--served-model-name sft/abc"):
            require_served(Endpoint("student", server.url, "sft/abc"))
        require_served(Endpoint("student", server.url, "sft/other"))


def test_counts_of_several_servers_are_added_and_shares_are_means() -> None:
    found = summed(
        [{"calls": 3, "vllm_prefix_hit_share": 0.2}, {"calls": 4, "vllm_prefix_hit_share": 0.4}, {"calls": 1}]
    )
    assert found == {"calls": 8, "vllm_prefix_hit_share": 0.3}


def test_a_prompt_names_its_images_by_their_hash() -> None:
    (line,) = prompts(1)
    parts = student_call(line, SAMPLING).messages[0].parts
    assert parts[0] == Image(hashlib.sha256(PICTURE).hexdigest())
