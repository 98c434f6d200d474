"""What an HTTP answer means, whatever its form: a text, a refusal, or one clear reason why not, and no exception."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.engine.answers import NO_TOKENS, Answer, Lost, TokenUsage, read_answer, read_usage
from resources.engine.refusal import Refusal

USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4}}
leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
names = st.sampled_from(
    ["choices", "message", "content", "refusal", "finish_reason", "usage", "prompt_tokens", "error", "code", "delta"]
)
anything = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4))


def body(content: Any = "A text.", finish: Any = "stop", **message: Any) -> dict[str, Any]:
    said = {"role": "assistant", "content": content, **message}
    return {"model": "m-1", "choices": [{"message": said, "finish_reason": finish}], "usage": USAGE}


def read(found: Any) -> Answer | Refusal | Lost:
    return read_answer(found if isinstance(found, str) else json.dumps(found))


def events(*chunks: Any, done: bool = True) -> str:
    return "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + ("data: [DONE]\n\n" if done else "")


def delta(finish: str | None = None, **said: Any) -> dict[str, Any]:
    return {"model": "m-1", "choices": [{"index": 0, "delta": said, "finish_reason": finish}]}


def test_a_chat_completion_is_read_with_its_tokens_and_the_model_that_answered() -> None:
    assert read(body()) == Answer("ok", "", "A text.", "stop", TokenUsage(10, 4, 5), "m-1")


@pytest.mark.parametrize(
    ("found", "status", "text"),
    [
        (body(), "ok", "A text."),
        ("\n\n  \n" + json.dumps(body()), "ok", "A text."),
        ("\ufeff" + json.dumps(body()), "ok", "A text."),
        (": OPENROUTER PROCESSING\n\n" + json.dumps(body()), "ok", "A text."),
        (body(finish=None), "ok", "A text."),
        (body(finish="eos"), "ok", "A text."),
        (body(finish="end_turn"), "ok", "A text."),
        (body([{"type": "text", "text": "A "}, {"type": "text", "text": "text."}]), "ok", "A text."),
        (
            body([{"type": "thinking", "thinking": [{"text": "Hm"}]}, {"type": "text", "text": "A text."}]),
            "ok",
            "A text.",
        ),
        (body("<think>Hm, a photo.</think>\n\nA text."), "ok", "A text."),
        (body("Hm, a photo.</think>A text."), "ok", "A text."),
        (body("<|begin_of_box|>A text.<|end_of_box|>"), "ok", "A text."),
        (body("A \ud800text\x00."), "ok", "A \ufffdtext\ufffd."),
        (body("A text.", reasoning_content="Hm"), "ok", "A text."),
        (body("Half a", finish="length"), "truncated", "Half a"),
        (body("Half a", finish="max_tokens"), "truncated", "Half a"),
        (body("Half a", finish="MAX_TOKENS"), "truncated", "Half a"),
        (body("Half a", finish="model_length"), "truncated", "Half a"),
        (body("", finish="length"), "no_room", ""),
        (body(None, finish="length", reasoning="Hm"), "no_room", ""),
        (body("<think>Hm, a photo", finish="length"), "no_room", ""),
        (body(""), "empty", ""),
        (body(None, reasoning_content="A text."), "empty", ""),
        (body("<think>Hm"), "empty", ""),
        (body("A part", finish="content_filter"), "filtered", ""),
        (body("A part", finish="SAFETY"), "filtered", ""),
        (body(None, finish="tool_calls"), "failed", ""),
        (body("", refusal="No."), "refused", ""),
        ("<html><title>Sign in</title></html>", "failed", ""),
        ("A text.", "failed", ""),
        ([1], "failed", ""),
        ({}, "failed", ""),
        ({"choices": [None]}, "failed", ""),
        ({"choices": [{"text": "an old completion"}]}, "failed", ""),
    ],
)
def test_every_form_of_answer_has_its_kind(found: Any, status: str, text: str) -> None:
    answer = read(found)
    assert isinstance(answer, Answer)
    assert (answer.status, answer.text) == (status, text)
    assert bool(answer.detail) == (status != "ok")


@pytest.mark.parametrize(
    "found",
    [
        "",
        " \n",
        '{"choices": [{"mess',
        {"choices": []},
        {"choices": None, "model": "m"},
        body("Half a", finish="abort"),
        body("Half a", finish="error"),
        {"choices": [{"error": {"code": 502, "message": "Provider returned error"}, "message": {"content": ""}}]},
        events(delta(content="Half a"), done=False),
        events(done=True),
        'data: {"choices": [{"del',
    ],
)
def test_an_answer_that_broke_off_is_worth_another_try(found: Any) -> None:
    answer = read(found)
    assert isinstance(answer, Lost)
    assert answer.detail


@pytest.mark.parametrize(
    ("found", "status", "words"),
    [
        ({"error": {"code": 429, "message": "Rate limit exceeded"}}, 429, "Rate limit exceeded"),
        ({"error": {"code": "502", "message": "Bad gateway"}}, 502, "Bad gateway"),
        ({"error": "model is loading"}, 502, "model is loading"),
        ([{"error": {"code": 400, "message": "no", "status": "INVALID_ARGUMENT"}}], 400, "no"),
        ({"object": "error", "message": "too long", "code": 400}, 400, "too long"),
        (
            {"error": {"message": "Provider returned error", "code": 400, "metadata": {"raw": "no images"}}},
            400,
            "no images",
        ),
        (events({"error": {"code": 429, "message": "slow down"}}), 429, "slow down"),
        (
            events(delta(content="Half"), {"error": {"message": "overloaded", "type": "overloaded_error"}}),
            429,
            "overloaded",
        ),
    ],
)
def test_an_error_in_an_answer_of_status_200_is_a_refusal_by_its_own_code(found: Any, status: int, words: str) -> None:
    answer = read(found)
    assert isinstance(answer, Refusal)
    assert answer.status == status
    assert words in answer.words


@pytest.mark.parametrize(
    ("stream", "status", "text"),
    [
        (events(delta(role="assistant"), delta(content="A "), delta("stop", content="text.")), "ok", "A text."),
        (events(delta(content="A text."), delta("stop"), done=False), "ok", "A text."),
        (": ping\n\n" + events(delta("stop", content="A text.")), "ok", "A text."),
        (events(delta(reasoning_content="Hm"), delta("stop", content="A text.")), "ok", "A text."),
        (events(delta(reasoning_content="Hm"), delta("length")), "no_room", ""),
        (events(delta("length", content="A te")), "truncated", "A te"),
        ("data: " + json.dumps(body()) + "\n\n", "ok", "A text."),
        (events(delta("stop", content="A text.")).replace("\n", "\r\n"), "ok", "A text."),
        (events(delta("stop", content="A text.")).replace("\n\n", "\n"), "ok", "A text."),
        ("event: message\n" + events(delta("stop", content="A text.")), "ok", "A text."),
    ],
)
def test_a_stream_is_read_as_the_answer_in_one_piece(stream: str, status: str, text: str) -> None:
    answer = read(stream)
    assert isinstance(answer, Answer)
    assert (answer.status, answer.text) == (status, text)


def test_a_stream_may_begin_with_minutes_of_comments() -> None:
    answer = read(": OPENROUTER PROCESSING\n\n" * 400 + events(delta("stop", content="A text.")))
    assert isinstance(answer, Answer)
    assert (answer.status, answer.text) == ("ok", "A text.")


def test_a_stream_tells_its_tokens_and_model() -> None:
    answer = read(events(delta("stop", content="A text."), {"choices": [], "usage": USAGE, "model": "m-1"}))
    assert isinstance(answer, Answer)
    assert (answer.usage, answer.served) == (TokenUsage(10, 4, 5), "m-1")


@pytest.mark.parametrize(
    ("usage", "found"),
    [
        (None, NO_TOKENS),
        ([1], NO_TOKENS),
        ({"prompt_tokens": 7}, TokenUsage(7, 0, 0)),
        ({"prompt_tokens": 7.0, "completion_tokens": None, "prompt_tokens_details": []}, TokenUsage(7, 0, 0)),
        ({"prompt_tokens": "7", "completion_tokens": "5"}, TokenUsage(7, 0, 5)),
        ({"prompt_tokens": 7, "total_tokens": 12}, TokenUsage(7, 0, 5)),
        ({"total_tokens": 12}, TokenUsage(0, 0, 12)),
        ({"prompt_tokens": 7, "prompt_cache_hit_tokens": 3, "completion_tokens": 5}, TokenUsage(7, 3, 5)),
        ({"prompt_tokens": 7, "completion_tokens": 5, "cost": 0.25}, TokenUsage(7, 0, 5, 0.25)),
        ({"prompt_tokens": 7, "completion_tokens": 5, "cost": "0.25"}, TokenUsage(7, 0, 5, 0.25)),
        ({"prompt_tokens": -7, "completion_tokens": True, "cost": -1}, NO_TOKENS),
        ({"prompt_tokens": "many", "completion_tokens": 1e400}, NO_TOKENS),
    ],
)
def test_tokens_are_read_as_servers_tell_them_and_none_where_they_do_not(usage: Any, found: TokenUsage) -> None:
    assert read_usage({**body(), "usage": usage}) == found


@given(anything)
def test_no_json_raises(found: Any) -> None:
    usage = read_usage(found)
    assert all(count == int(count) and count >= 0 for count in usage[:3])
    read(found)


@settings(max_examples=300)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode), st.booleans(), st.integers(0, 400))
def test_no_bytes_raise(noise: bytes, stream: bool, at: int) -> None:
    real = events(delta(content="A "), delta("stop", content="text.")) if stream else json.dumps(body())
    mixed = real.encode()[:at] + noise + real.encode()[at:]
    answer = read_answer(mixed.decode("utf-8", "replace"))
    assert isinstance(answer, Answer | Refusal | Lost)
