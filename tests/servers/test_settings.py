"""What a user sets reaches the server as it should, or is refused before the first call; and connections that break."""

import asyncio
import json
import re
import socket
import sqlite3
import ssl
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from resources.endpoints import Endpoint
from resources.engine import ModelEngine, StoppedError, exchange, server_memory
from resources.engine.verdicts import explain_trouble, lost_connection
from resources.failures import EndpointError
from resources.ledger import Ledger
from resources.messages import Call, user
from testing.quirky_server import Body, Quirk, Seen, error, with_message
from tests.servers.case import DOCUMENTS, PLAIN, Runner, prepare
from tests.servers.parts import Refuse, always, has, in_schema, in_turns

PLAIN_QUIRK = Quirk("plain")


@pytest.mark.parametrize("key", ["sk-abc\n", " sk-abc\r\n", '"sk-abc"', "“sk-abc”", "'sk-abc'"])
def test_a_key_is_sent_without_what_came_along_when_it_was_copied(runner: Runner, key: str) -> None:
    came = runner.run(PLAIN_QUIRK, {"API_KEY": key})
    assert len(came.texts) == DOCUMENTS
    assert {headers["authorization"] for headers in runner.server.seen.headers} == {"Bearer sk-abc"}


@pytest.mark.parametrize("key", ["sk-a\nbc", "sk-a bc", "sk–abc", "sk-\u200babc"])
def test_a_key_that_no_header_can_hold_is_refused_before_the_first_call(runner: Runner, key: str) -> None:
    came = runner.run(PLAIN_QUIRK, {"API_KEY": key})
    assert "LWV_TEACHER_API_KEY" in came.failure and "abc" not in came.failure
    assert runner.server.seen.requests == []


@pytest.mark.parametrize("route", ["", "/", "/chat/completions", "/chat/completions/"])
def test_an_address_may_be_pasted_with_its_route(runner: Runner, route: str) -> None:
    came = runner.run(PLAIN_QUIRK, {"BASE_URL": runner.server.url + route})
    assert len(came.texts) == DOCUMENTS


def test_azures_query_stands_at_the_end_and_its_key_has_its_own_header(runner: Runner) -> None:
    url = f"{runner.server.url}?api-version=2024-10-21"
    came = runner.run(PLAIN_QUIRK, {"BASE_URL": url, "API_KEY": "secret-key"})
    assert len(came.texts) == DOCUMENTS
    assert set(runner.server.seen.queries) == {"api-version=2024-10-21"}
    assert all(
        headers["api-key"] == "secret-key" and "authorization" not in headers for headers in runner.server.seen.headers
    )


def test_extra_fields_headers_streams_and_room_for_thoughts_reach_the_server(runner: Runner) -> None:
    extra = {"reasoning_effort": "low", "chat_template_kwargs": {"enable_thinking": False}}
    env = {"EXTRA": json.dumps(extra), "HEADERS": json.dumps({"X-Title": "hidden-value"}), "REASONING_TOKENS": "5000"}
    runner.run(PLAIN_QUIRK)
    rooms = [body["max_tokens"] for body in runner.server.seen.requests]
    came = runner.run(PLAIN_QUIRK, env)
    assert len(came.texts) == DOCUMENTS
    assert all(extra.items() <= body.items() for body in runner.server.seen.requests)
    assert {headers["x-title"] for headers in runner.server.seen.headers} == {"hidden-value"}
    assert sorted(body["max_tokens"] for body in runner.server.seen.requests) == sorted(room + 5000 for room in rooms)
    with sqlite3.connect(runner.home / "calls.db") as ledger:
        kept = "\n".join(ledger.iterdump())
    assert "reasoning_effort" in kept and "hidden-value" not in kept


def test_structured_output_can_be_turned_off(runner: Runner) -> None:
    quirk = Quirk("none", refuse=has("response_format", error(400, "no")))
    came = runner.run(quirk, {"STRUCTURED": "false"})
    assert (len(came.texts), runner.server.seen.refused) == (DOCUMENTS, 0)


def test_a_setting_that_goes_further_than_what_was_learnt_holds(runner: Runner) -> None:
    """Room for thoughts, and no structured output."""

    def needs_room(answer: Body, body: Body, seen: Seen) -> Response:
        enough = body["max_tokens"] > 4096
        cut = with_message(answer, "length", content="", reasoning_content="First I look at the pages.")
        return JSONResponse(answer if enough else cut)

    keyword = in_schema("maxItems", error(400, "response_format: maxItems is not supported"))
    runner.run(Quirk("thinks, and takes plain schemas", refuse=keyword, shape=needs_room))
    prepare(runner.home, documents=2 * DOCUMENTS)
    runner.run(PLAIN_QUIRK, {"REASONING_TOKENS": "30000", "STRUCTURED": "false"})
    assert len(runner.server.seen.requests) == PLAIN
    assert all(body["max_tokens"] > 30000 and "response_format" not in body for body in runner.server.seen.requests)


@pytest.mark.parametrize("form", [None, "json", {"type": "json_object"}])
def test_a_response_format_of_the_users_own_is_sent_as_it_is(runner: Runner, form: object) -> None:
    came = runner.run(PLAIN_QUIRK, {"EXTRA": json.dumps({"response_format": form})})
    assert len(came.texts) == DOCUMENTS
    assert all(body["response_format"] == form for body in runner.server.seen.requests)
    came = runner.run(
        Quirk("refuses", refuse=always(error(400, "Odd."))),
        {"EXTRA": json.dumps({"response_format": form, "top_k": 1})},
    )
    assert all("HTTP 400: Odd." in reason for reason in came.reasons) and len(came.reasons) == DOCUMENTS
    assert len(runner.server.seen.requests) == DOCUMENTS  # it is the user's: nothing is tried in its place


@pytest.mark.parametrize(
    ("extra", "refuse"),
    [
        (
            '{"provider": {"order": ["x"]}}',
            has("seed", error(400, "Provider returned error", metadata={"raw": "Unsupported parameter: 'seed'"})),
        ),
        ('{"user": "me"}', in_turns("system", error(400, "Conversation roles must alternate user/assistant/user"))),
    ],
    ids=["provider", "user"],
)
def test_a_word_of_a_sentence_is_no_field_of_the_users(runner: Runner, extra: str, refuse: Refuse) -> None:
    came = runner.run(Quirk("speaks of it", refuse=refuse), {"EXTRA": extra})
    assert len(came.texts) == DOCUMENTS, came


@pytest.mark.parametrize(
    "words",
    [
        "Unrecognized request argument supplied: reasoning",
        "reasoning: Extra inputs are not permitted",
        "`reasoning` is not supported with this model.",
        "Unknown parameter: 'reasoning'.",
        "this model does not support reasoning",
        "property 'reasoning' is unsupported",
        "reasoning is not permitted",
        "Argument not supported on this model: reasoning",
        'json: unknown field "reasoning"',
        "不支持参数 reasoning",
    ],
)
def test_a_field_of_the_users_that_is_refused_is_named(runner: Runner, words: str) -> None:
    came = runner.run(
        Quirk("refuses it", refuse=has("reasoning", error(400, words))), {"EXTRA": '{"reasoning": {"effort": "low"}}'}
    )
    assert "`reasoning`, which LWV_TEACHER_EXTRA adds" in came.failure


def test_calls_that_wait_for_the_first_one_are_not_sent_after_a_stop(tmp_path: Path, runner: Runner) -> None:
    def slow(answer: Body, body: Body, seen: Seen) -> Response:
        time.sleep(0.3)
        return JSONResponse(answer)

    runner.server.quirk, runner.server.seen = Quirk("slow", shape=slow), Seen()

    async def run() -> list[object]:
        endpoints = {"teacher": Endpoint("teacher", runner.server.url, "m")}
        async with ModelEngine(endpoints, Ledger.at(tmp_path), lambda name: b"") as engine:  # type: ignore[arg-type]
            asked = [asyncio.ensure_future(engine.ask(question(number))) for number in range(8)]
            await asyncio.sleep(0.15)
            engine.stop("SIGINT was received")
            return list(await asyncio.gather(*asked, return_exceptions=True))

    outcomes = asyncio.run(run())
    assert len(runner.server.seen.requests) == 1
    assert sum(isinstance(outcome, StoppedError) for outcome in outcomes) == 7


def test_calls_wait_for_others_only_so_long_however_many_teach_nothing(
    tmp_path: Path, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_memory, "HOLD_FIRST_S", 0.3)
    filtered = error(400, "The prompt was filtered by our content policy.")

    class Later(Response):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            await asyncio.sleep(0.2)
            await filtered(scope, receive, send)

    runner.server.quirk, runner.server.seen = Quirk("filters all", refuse=lambda body, seen: Later()), Seen()

    async def run() -> None:
        endpoints = {"teacher": Endpoint("teacher", runner.server.url, "m")}
        async with ModelEngine(endpoints, Ledger.at(tmp_path), lambda name: b"") as engine:  # type: ignore[arg-type]
            await asyncio.gather(*(engine.ask(question(number)) for number in range(16)), return_exceptions=True)

    started = time.monotonic()
    asyncio.run(run())
    assert len(runner.server.seen.requests) == 16
    assert time.monotonic() - started < 2.0  # one after the other they take 3.2 s


def question(number: int) -> Call:
    return Call("teacher", (user(f"Number {number}?"),), "test@0", f"sample-{number}", "step", max_tokens=100)


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[object, object, None]]


@contextmanager
def listening(handler: Handler) -> Iterator[str]:
    """The host and port of a TCP server that runs in a thread while the block runs."""
    loop, connections = asyncio.new_event_loop(), list[asyncio.StreamWriter]()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        with suppress(OSError, asyncio.IncompleteReadError):
            await handler(reader, writer)
        writer.close()

    async def end() -> None:
        server.close()
        for writer in connections:
            writer.transport.abort()
        await asyncio.sleep(0.1)  # the handlers find out
        loop.stop()

    server = loop.run_until_complete(asyncio.start_server(connected, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop)
        thread.join(5)
        loop.close()


def doorman(url: str, most: int) -> Handler:
    """Lets requests through to a server, but breaks the connection under larger ones."""
    target = urlsplit(url)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(found[1]) if (found := re.search(rb"content-length: (\d+)", head, re.IGNORECASE)) else 0
        if length > most:
            writer.transport.abort()
            return
        behind, out = await asyncio.open_connection(target.hostname, target.port)
        out.write(head.replace(b"\r\n", b"\r\nConnection: close\r\n", 1) + await reader.readexactly(length))
        while data := await behind.read(65536):
            writer.write(data)
        out.close()

    return serve


async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A body that never ends."""
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while not writer.is_closing():
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


def test_a_connection_that_breaks_under_a_large_body_gets_smaller_images(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "RESET_BYTES", 20_000)
    with listening(doorman(runner.server.url, 24_000)) as address:
        came = runner.run(PLAIN_QUIRK, {"BASE_URL": f"http://{address}/v1"}, side=640)
    assert (len(came.texts), came.reasons) == (DOCUMENTS, ())
    assert max(runner.server.seen.bytes) <= 24_000


def ask(home: Path, url: str, **settings: float) -> Exception:
    """The error that one call gets."""
    endpoint = Endpoint("teacher", url, "m", patience_s=0, startup_s=0, **settings)  # type: ignore[arg-type]

    async def run() -> None:
        async with ModelEngine({"teacher": endpoint}, Ledger.at(home), lambda name: b"") as engine:
            await engine.ask(Call("teacher", (user("Hello?"),), "test@0", "sample", "step"))

    with pytest.raises(EndpointError) as caught:
        asyncio.run(run())
    return caught.value


def test_a_certificate_that_is_not_trusted_is_said_to_be_so() -> None:
    refused = ssl.SSLCertVerificationError(1, "certificate verify failed: self-signed certificate")
    lost = OSError("cannot connect")
    lost.__cause__ = refused
    endpoint = Endpoint("teacher", "https://127.0.0.1:1/v1", "m")
    kind, says = explain_trouble(lost_connection(lost, endpoint), endpoint)
    assert kind == "unreachable"
    assert "self-signed certificate" in says and "SSL_CERT_FILE" in says


def test_a_firewall_that_drops_packets_is_found_out_in_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Endpoint, "connect_s", 0.3)
    with socket.socket() as full:  # its queue is full, so that a connection is neither made nor refused
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(8)]
        for client in waiting:
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        time.sleep(0.1)
        started = time.monotonic()
        said = str(ask(tmp_path, f"http://127.0.0.1:{full.getsockname()[1]}/v1", timeout_s=30))
        for client in waiting:
            client.close()
    assert time.monotonic() - started < 5
    assert "cannot be reached" in said and "no connection in 0.3 s" in said


def test_the_time_limit_is_for_the_whole_call(tmp_path: Path) -> None:
    started = time.monotonic()
    with listening(trickle) as address:
        said = str(ask(tmp_path, f"http://{address}/v1", timeout_s=0.4))
    assert time.monotonic() - started < 4
    assert "did not answer in 0.4 s" in said and "LWV_TEACHER_TIMEOUT_S" in said


def test_a_plain_run_makes_one_call_for_each_step(runner: Runner) -> None:
    runner.run(PLAIN_QUIRK)
    assert len(runner.server.seen.requests) == PLAIN
