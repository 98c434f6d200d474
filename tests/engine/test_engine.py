"""The engine against a real HTTP server: what is asked, what is kept, what is never paid twice."""

import asyncio
import io
import socket
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from PIL import Image as Pillow
from pydantic import SecretStr
from starlette.responses import JSONResponse, PlainTextResponse, Response

from resources.endpoints import Endpoint
from resources.engine import ModelEngine, Reply, StoppedError
from resources.engine.refusal import Refusal
from resources.engine.retries import Trouble
from resources.engine.verdicts import lost_connection, verdict
from resources.failures import AnswerError, EndpointError
from resources.ledger import Ledger
from resources.messages import Call, Image, system, user
from resources.store import Store
from testing.openai_server import completion, failure, scripted_server


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def jpeg(colour: str) -> bytes:
    out = io.BytesIO()
    Pillow.new("RGB", (32, 32), colour).save(out, "JPEG")
    return out.getvalue()


def ask(store: Store, endpoint: Endpoint, *calls: Call) -> list[Reply | Exception]:
    """The outcome of each call in turn, from an engine of its own on the store's ledger."""

    async def run() -> list[Reply | Exception]:
        outcomes: list[Reply | Exception] = []
        async with ModelEngine({"teacher": endpoint}, Ledger.at(store.home), store.read_image) as engine:
            for call in calls:
                try:
                    outcomes.append(await engine.ask(call))
                except (AnswerError, EndpointError) as error:
                    outcomes.append(error)
        return outcomes

    return asyncio.run(run())


def question(text: str = "Hello", *parts: Image, **fields: Any) -> Call:
    return Call("teacher", (system("You write."), user(*parts, text)), "test@0", "sample-1", "step", **fields)


def test_what_was_answered_once_is_never_asked_again_even_by_a_new_process(store: Store) -> None:
    with scripted_server(lambda body: "An answer.") as server:
        endpoint = Endpoint("teacher", server.url, "m")
        (first,) = ask(store, endpoint, question())
        (second,) = ask(store, endpoint, question())
    assert isinstance(first, Reply) and isinstance(second, Reply)
    assert (first.text, first.replayed, second.text, second.replayed) == ("An answer.", False, "An answer.", True)
    assert (first.prompt_tokens, first.cached_tokens, first.completion_tokens) == (10, 4, 5)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "other",
    [
        question("Hello!"),
        question(temperature=0.1),
        question(seed=1),
        question(attempt=1),
        question(max_tokens=7),
    ],
)
def test_anything_that_can_change_the_answer_is_a_new_question(store: Store, other: Call) -> None:
    with scripted_server(lambda body: "An answer.") as server:
        ask(store, Endpoint("teacher", server.url, "m"), question(), other)
    assert len(server.requests) == 2


def test_images_travel_in_order_before_the_text_and_count_by_their_bytes(store: Store) -> None:
    red, blue = store.put_image(jpeg("red")), store.put_image(jpeg("blue"))
    with scripted_server(lambda body: "An answer.") as server:
        ask(
            store,
            Endpoint("teacher", server.url, "m"),
            question("Two", Image(red), Image(blue)),
            question("Two", Image(blue), Image(red)),
        )
    assert len(server.requests) == 2
    content = server.requests[0]["messages"][1]["content"]
    assert [part["type"] for part in content] == ["image_url", "image_url", "text"]
    assert all(part["image_url"]["url"].startswith("data:image/jpeg;base64,") for part in content[:2])


def test_the_key_and_model_of_the_setting_are_sent(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted_server(lambda body: "An answer.") as server:
        monkeypatch.setenv("LWV_TEACHER_BASE_URL", server.url)
        monkeypatch.setenv("LWV_TEACHER_MODEL", "org/model-7b")
        monkeypatch.setenv("LWV_TEACHER_API_KEY", "secret-key")
        endpoint = Endpoint.from_env("teacher")
        ask(store, endpoint, question())
    assert (server.requests[0]["model"], server.keys[0]) == ("org/model-7b", "secret-key")
    assert "secret-key" not in repr(endpoint) + str(vars(endpoint))


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (completion("I'm sorry, but I can't help with that."), "refused"),
        (completion("", refusal="No."), "refused"),
        (completion("", finish_reason="content_filter"), "filtered"),
        (completion("  \n"), "empty"),
        (JSONResponse({"choice": []}), "failed"),
        (PlainTextResponse("<html>busy</html>"), "failed"),
        (failure(400, "This model's maximum context length is 4096 tokens."), "overflow"),
        (failure(400, "content_policy_violation"), "filtered"),
        (failure(400, "At most 2 image(s) may be provided."), "rejected"),
    ],
)
def test_an_answer_that_is_no_text_is_kept_as_its_kind_and_asked_again_next_time(store, answer, kind) -> None:
    with scripted_server(lambda body: answer) as server:
        (error,) = ask(store, Endpoint("teacher", server.url, "m"), question())
        assert isinstance(error, AnswerError)
        assert error.kind == kind
        record = Ledger.at(store.home).get(question().key("m"))
        assert record is not None and (record.status, record.text) == (kind, "")
        server.answer = lambda body: "Now an answer."
        (reply,) = ask(store, Endpoint("teacher", server.url, "m"), question())
    assert isinstance(reply, Reply)
    assert reply.text == "Now an answer."


def test_what_max_tokens_cut_is_kept_as_a_part_and_not_paid_again(store: Store) -> None:
    with scripted_server(lambda body: completion("Half a sen", finish_reason="length")) as server:
        for _ in range(2):
            (error,) = ask(store, Endpoint("teacher", server.url, "m"), question(goes_on=True))
            assert isinstance(error, AnswerError)
            assert (error.kind, error.partial) == ("truncated", "Half a sen")
        assert len(server.requests) == 1
        ask(store, Endpoint("teacher", server.url, "m"), question())  # nobody goes on with it: it is no answer
        assert len(server.requests) == 2


def test_a_server_that_takes_no_structured_output_is_asked_once_more_and_then_without_it_for_good(store: Store) -> None:
    def answer(body: dict[str, Any]) -> Response | str:
        return failure(400, "response_format is not supported") if "response_format" in body else "An answer."

    structured = [question(text, extra={"response_format": {"type": "json_object"}}) for text in ("a", "b", "c")]
    with scripted_server(answer) as server:
        replies = ask(store, Endpoint("teacher", server.url, "m", concurrency=1), *structured)
        assert all(isinstance(reply, Reply) for reply in replies)
        assert ["response_format" in body for body in server.requests] == [True, False, True, False, False]


@pytest.mark.parametrize(
    ("status", "key", "says"),
    [
        (401, None, "LWV_TEACHER_API_KEY is not set"),
        (401, "wrong", "LWV_TEACHER_API_KEY is wrong"),
        (404, None, "does not know the model 'm': check LWV_TEACHER_MODEL"),
    ],
)
def test_an_endpoint_that_serves_nobody_is_one_line_naming_the_setting(store, status, key, says) -> None:
    with scripted_server(lambda body: failure(status, "no")) as server:
        (error,) = ask(store, Endpoint("teacher", server.url, "m", SecretStr(key) if key else None), question())
    assert isinstance(error, EndpointError)
    assert says in str(error)
    assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("root", "says"), [("", "(most servers want /v1 at its end)"), ("/v1", "LWV_TEACHER_BASE_URL. It")]
)
def test_a_404_asks_for_the_part_of_the_address_that_is_forgotten_most(root: str, says: str) -> None:
    with pytest.raises(EndpointError) as error:
        verdict(Refusal(404, "Not Found"), Endpoint("teacher", f"http://host{root}", "m"))
    assert says in str(error.value)


def test_an_endpoint_that_is_down_is_one_line_naming_the_setting(store: Store) -> None:
    with scripted_server(lambda body: "") as server:
        url = server.url
    (error,) = ask(store, Endpoint("teacher", url, "m"), question())
    assert isinstance(error, EndpointError)
    assert f"The teacher at {url} cannot be reached: start the server, or correct LWV_TEACHER_BASE_URL (" in str(error)
    assert "Connect call failed" in str(error)


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        (b"", "unreachable"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\nhalf", "unreachable"),
        (None, "timeout"),
        ("refused", "unreachable"),
    ],
)
def test_a_connection_that_is_lost_is_told_from_an_answer_that_takes_too_long(answers: Any, kind: str) -> None:
    """The limiter counts a timeout as too many calls at once, a lost connection as a server that is away."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                if answers is None:
                    connection.settimeout(20)
                    connection.recv(1)  # until the client goes away
                else:
                    connection.sendall(answers)

        if answers == "refused":
            listener.close()
        else:
            threading.Thread(target=serve, daemon=True).start()
        endpoint = Endpoint("teacher", f"http://127.0.0.1:{port}/v1", "scripted", timeout_s=1)

        async def trouble() -> Trouble:
            client = endpoint.client(endpoint.urls[0])
            try:
                await client.post("/chat/completions", cast_to=httpx2.Response, body={})
            except openai.OpenAIError as error:
                return lost_connection(error, endpoint)
            finally:
                await client.close()
            raise AssertionError("it was answered")

        assert asyncio.run(trouble()).kind == kind


def test_a_server_error_that_passes_is_retried_by_the_transport(store: Store) -> None:
    answers = [failure(500, "no"), completion("An answer.")]
    with scripted_server(lambda body: answers.pop(0)) as server:
        (reply,) = ask(store, Endpoint("teacher", server.url, "m"), question())
    assert isinstance(reply, Reply)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("env", "says"),
    [
        ({"LWV_TEACHER_BASE_URL": "http://127.0.0.1:1/v1"}, "LWV_TEACHER_MODEL is not set"),
        ({"LWV_TEACHER_BASE_URL": "localhost:8000", "LWV_TEACHER_MODEL": "m"}, "must start with http"),
        ({"LWV_TEACHER_CONCURRENCY": "none"}, "LWV_TEACHER_"),
    ],
)
def test_settings_that_do_not_fit_are_named(monkeypatch: pytest.MonkeyPatch, env: dict[str, str], says: str) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(EndpointError, match=says):
        Endpoint.from_env("teacher")


@pytest.mark.parametrize(
    "url",
    [
        "https://user:secret@host/v1",
        "user:secret@host/v1",
        "https://secret@host",
        "http://a/v1, http://b:secret@c/v1",
        "https://user:sec,ret@host/v1",
    ],
)
@pytest.mark.parametrize("model", ["m", None])
def test_an_address_that_holds_a_secret_is_refused_and_not_repeated(url: str, model: str | None) -> None:
    with pytest.raises(EndpointError, match="give the key as LWV_TEACHER_API_KEY") as refused:
        Endpoint("teacher", url, model)
    assert "sec" not in str(refused.value)


def test_an_at_sign_in_the_path_of_an_address_is_no_secret() -> None:
    assert Endpoint("teacher", "https://host/accounts/@me/v1", "m").urls == ["https://host/accounts/@me/v1"]


def test_one_unusable_document_does_not_stop_the_others_and_a_window_bounds_what_is_open(store: Store) -> None:
    open_now, most = 0, 0

    async def run() -> dict[int, object]:
        async with ModelEngine(
            {"teacher": Endpoint("teacher", "http://127.0.0.1:1/v1", "m", concurrency=4)},
            Ledger.at(store.home),
            store.read_image,
        ) as engine:

            async def work(number: int) -> int:
                nonlocal open_now, most
                open_now += 1
                most = max(most, open_now)
                await asyncio.sleep(0.001)
                open_now -= 1
                if number == 3:
                    raise AnswerError("empty", "nothing")
                return number

            return {item: result async for item, result in engine.run(range(40), work, "teacher", "test")}

    results = asyncio.run(run())
    assert isinstance(results.pop(3), AnswerError)
    assert results == {number: number for number in range(40) if number != 3}
    assert most == 6


def test_people_are_told_while_a_server_is_away_and_while_the_last_calls_end(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from resources.engine import engine as module
    from resources.engine import server as server_module

    monkeypatch.setattr(module, "EVERY_S", 0.05)
    monkeypatch.setattr(server_module, "AWAY_S", 0.05)
    caplog.set_level("INFO", "lwv.progress")
    answers = [failure(503, "Loading model")] * 2
    slow = threading.Event()

    def answer(body: dict[str, Any]) -> Response | str:
        if answers:
            return answers.pop()
        slow.wait(5)
        return "An answer."

    async def run(url: str) -> None:
        endpoint = Endpoint("teacher", url, "m", concurrency=1)
        async with ModelEngine({"teacher": endpoint}, Ledger.at(store.home), store.read_image) as engine:

            async def stop() -> None:
                for _ in range(500):
                    if "has answered no call" in caplog.text and engine.servers["teacher"][0].in_flight:
                        break
                    await asyncio.sleep(0.02)
                engine.stop("SIGTERM was received")
                await asyncio.sleep(0.3)
                slow.set()

            stopping = asyncio.ensure_future(stop())
            with suppress(StoppedError):
                async for _ in engine.run(["a", "b"], lambda text: engine.ask(question(text)), "teacher", "texts"):
                    pass
            await stopping

    with scripted_server(answer) as server:
        asyncio.run(asyncio.wait_for(run(server.url), 20))
    assert "texts: " in caplog.text and "(HTTP 503: Loading model): waiting for it" in caplog.text
    assert "stopping (SIGTERM was received); 1 call in flight ends first" in caplog.text


def test_a_lone_call_goes_to_the_other_server_while_its_own_is_down(store: Store) -> None:
    with socket.socket() as closed, scripted_server(lambda body: "An answer.") as server:
        closed.bind(("127.0.0.1", 0))  # and does not listen
        dead = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
        endpoint = Endpoint("teacher", f"{dead},{server.url}", "m", startup_s=0.2, patience_s=0.2)
        replies = ask(store, endpoint, *(replace(question(f"{n}"), sample=f"sample-{n}") for n in range(8)))
    assert [getattr(reply, "text", reply) for reply in replies] == ["An answer."] * 8
