"""The embedded model speaks OpenAI's protocol, and its errors name what is wrong."""

import asyncio
import time
from typing import Any

import httpx2
import openai
import pytest

from resources.embedded.protocol import MODELS, app, count_tokens, cut, model_name
from tests.embedded.conftest import CYCLE, ask, create, image_part, opening, page, photo, text_part


def user(*parts: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(parts)}]


def test_the_openai_client_lists_the_three_models() -> None:
    async def names() -> list[str]:
        http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app))
        async with openai.AsyncOpenAI(base_url="http://embedded/v1", api_key="embedded", http_client=http) as client:
            return [model.id async for model in client.models.list()]

    assert asyncio.run(names()) == list(MODELS) == [model_name(role) for role in ("teacher", "critic", "judge")]


def test_an_answer_names_its_model_and_counts_images_by_their_size() -> None:
    small = create("teacher", user(image_part(photo(size=(280, 280))), text_part("hello")))
    large = create("teacher", user(image_part(photo(size=(560, 280))), text_part("hello")))
    assert small.model == model_name("teacher")
    assert small.choices[0].finish_reason == "stop"
    assert large.usage.prompt_tokens - small.usage.prompt_tokens == 100
    assert small.usage.prompt_tokens_details.cached_tokens == 0
    assert small.usage.completion_tokens == count_tokens(small.choices[0].message.content)


def test_the_same_request_gives_the_same_text_whatever_temperature_and_seed() -> None:
    messages = opening([page(CYCLE)], "Explain it.", "en", 300, "2")
    assert ask("teacher", messages, temperature=0.0, seed=1) == ask("teacher", messages, temperature=1.3, seed=2)


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_a_token_limit_cuts_the_text_and_says_so(name: str) -> None:
    messages = user(text_part("Who are you?"))
    whole, part = create("teacher", messages), create("teacher", messages, **{name: 10})
    text = part.choices[0].message.content
    assert part.choices[0].finish_reason == "length"
    assert whole.choices[0].message.content.startswith(text) and part.usage.completion_tokens <= 10


def test_cutting_keeps_a_text_that_costs_just_the_limit() -> None:
    for text in ("one two three four", "太阳加热海洋 and more"):
        assert cut(text, count_tokens(text)) == text
        assert count_tokens(cut(text, 3)) <= 3


def test_a_free_question_is_answered_by_what_it_is() -> None:
    assert "embedded model" in ask("teacher", user(text_part("What is the capital of France?")))
    assert "内置模型" in ask("teacher", user(text_part("法国的首都是哪里？")))


def test_an_image_that_cannot_be_decoded_is_named() -> None:
    with pytest.raises(openai.BadRequestError, match="image 2 cannot be decoded"):
        ask("teacher", user(image_part(photo()), image_part(b"no image"), text_part("# Step: request")))
    with pytest.raises(openai.BadRequestError, match="image 1 cannot be decoded"):
        ask("teacher", user(image_part(photo()[:400]), text_part("# Step: request")))
    with pytest.raises(openai.BadRequestError, match="image 1 is not a base64 data URL"):
        ask("teacher", user({"type": "image_url", "image_url": {"url": "http://example.org/a.jpg"}}))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"stream": True}, "stream"),
        ({"n": 2}, "n must be 1"),
        ({"max_tokens": 0}, "max_tokens"),
    ],
)
def test_what_is_not_supported_is_refused(more: dict[str, Any], said: str) -> None:
    with pytest.raises(openai.BadRequestError, match=said):
        create("teacher", user(text_part("hello")), **more)


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [{"role": "nobody", "content": "x"}],
        [{"role": "user", "content": 3}],
        [{"role": "user", "content": [{"type": "audio"}]}],
        [{"role": "system", "content": "x"}],
    ],
)
def test_malformed_messages_are_a_bad_request(messages: list[dict[str, Any]]) -> None:
    with pytest.raises(openai.BadRequestError):
        create("teacher", messages)


@pytest.mark.parametrize(
    "text",
    [
        "# Step: correct\nLanguage: en",
        "# Step: judge\n<response>x</response>",
        "# Step: write section 1 of 2\nLanguage: en",
        "# Step: request\nLanguage: en",
    ],
)
def test_a_step_without_what_it_needs_is_a_bad_request(text: str) -> None:
    with pytest.raises(openai.BadRequestError, match="step"):
        ask("teacher", user(text_part(text)))


def test_a_body_that_is_no_json_is_a_bad_request() -> None:
    async def post(body: bytes) -> Any:
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://embedded") as client:
            return await client.post("/v1/chat/completions", content=body)

    for body in (b"{", b"[]", b'{"model": 3}', b"\xff\xfe"):
        answer = asyncio.run(post(body))
        assert answer.status_code == 400
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


def test_an_unknown_model_is_not_found() -> None:
    with pytest.raises(openai.NotFoundError) as failure:
        create("teacher", user(text_part("hello")), model="gpt-4o")
    assert failure.value.code == "model_not_found"


def test_a_fault_inside_is_a_server_error_and_no_unknown_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> str:
        raise IndexError("list index out of range")

    monkeypatch.setattr("resources.embedded.protocol.answer", broken)
    with pytest.raises(openai.InternalServerError, match="IndexError"):
        ask("teacher", user(text_part("hello")))


def test_a_read_document_is_answered_in_less_than_20_ms() -> None:
    from resources.embedded.protocol import complete

    body: dict[str, Any] = {
        "model": model_name("teacher"),
        "messages": opening([page(CYCLE)], "Explain it.", "en", 300, "2"),
    }
    complete(body)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        complete(body)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.02
