"""Whatever bytes a server answers, `ask` gives a text or one of its named errors, in bounded time."""

import asyncio
import gzip
import io
import json
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from resources.endpoints import Endpoint
from resources.engine import ModelEngine, StoppedError
from resources.failures import AnswerError, EndpointError, LedgerError
from resources.ledger import Ledger
from resources.messages import Call, Image, system, user

pytestmark = pytest.mark.usefixtures("quick")
MOST_S = 8.0
RECORDED = [
    (line["status"], line["body"].encode("utf-8", "surrogatepass"))
    for path in sorted((Path(__file__).parent / "recorded").glob("*.jsonl"))
    for line in map(json.loads, path.read_text(encoding="utf-8").splitlines())
]
SCHEMA = {"type": "json_schema", "json_schema": {"name": "plan", "schema": {"type": "object"}}}
End = Literal["close", "reset", "hang", "trickle"]
NUMBERS = count()


@dataclass(frozen=True)
class Script:
    """What a server does with each connection: the bytes, in pieces, and how it ends. reads: the request's body first."""

    pieces: tuple[bytes, ...]
    end: End
    reads: bool = True


def picture() -> bytes:
    out = io.BytesIO()
    Pillow.effect_noise((300, 300), 60).convert("RGB").save(out, "JPEG")
    return out.getvalue()


PICTURE = picture()

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("\ud83d"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def mutated_json(draw: st.DrawFn) -> bytes:
    """A real JSON body, one value of which is another."""
    _, body = draw(st.sampled_from(RECORDED))
    try:
        found = json.loads(body)
    except ValueError:
        return body
    node, way = found, draw(st.lists(st.integers(0, 20), min_size=1, max_size=6))
    for step in way:
        keys: list[Any] = (
            list(node) if isinstance(node, dict) else list(range(len(node))) if isinstance(node, list) else []
        )
        if not keys:
            break
        key = keys[step % len(keys)]
        if step is way[-1] or not isinstance(node[key], dict | list):
            node[key] = draw(json_values)
            break
        node = node[key]
    return json.dumps(found).encode()


@st.composite
def mutated_bytes(draw: st.DrawFn) -> bytes:
    """A real body with a piece of it cut out, or put in."""
    _, body = draw(st.sampled_from(RECORDED))
    at, length = draw(st.integers(0, len(body))), draw(st.integers(0, 200))
    return body[:at] + draw(st.binary(max_size=8)) + body[at + length :]


bodies = st.one_of(
    st.sampled_from([body for _, body in RECORDED]),
    mutated_json(),
    mutated_bytes(),
    st.binary(max_size=300),
    json_values.map(lambda value: json.dumps(value).encode()),
    st.sampled_from([b"[" * 200_000, b'{"a":' * 50_000, b"data: " * 5_000, b"\xef\xbb\xbf{}", b"data: {}\n\n" * 2_000, b":" * 100_000]),
)  # fmt: skip

status_lines = st.one_of(
    st.sampled_from([b"HTTP/1.1 200 OK"] * 4 + [b"HTTP/1.0 200 OK"]),
    st.sampled_from(sorted({status for status, _ in RECORDED} | {301, 302, 307, 308, 304, 204, 205, 402, 407, 451, 502, 520, 599}))
    .map(lambda status: b"HTTP/1.1 %d Word" % status),
    st.integers(0, 99999).map(lambda status: b"HTTP/1.1 %d" % status),
    st.sampled_from([b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK", b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" * 3 + b"HTTP/1.1 200 OK", b"HTTP/9.9 200 OK", b"HTTP/1.1 -1 OK", b"ICY 200 OK", b"", b"SSH-2.0-OpenSSH_9.6", b"\x16\x03\x01\x02\x00"]),
    st.binary(max_size=40),
)  # fmt: skip

headers = st.lists(
    st.one_of(
        st.sampled_from([
            b"content-type: application/json", b"content-type: text/event-stream; charset=utf-16", b"content-type: \xff",
            b"retry-after: 0.01", b"retry-after: -5", b"retry-after: nan", b"retry-after: 1e400", b"retry-after: Wed, 21 Oct 2099 07:28:00 GMT",
            b"content-encoding: gzip", b"content-encoding: br", b"content-encoding: deflate", b"content-encoding: zstd", b"content-encoding: nonsense",
            b"content-length: 5", b"content-length: 999999", b"content-length: -1", b"content-length: x", b"content-length: 1, 2",
            b"transfer-encoding: chunked", b"transfer-encoding: gzip, chunked", b"transfer-encoding: nonsense",
            b"location: /v1/chat/completions", b"location: http://127.0.0.1:1/", b"location: ftp://x/", b"location: http://[", b"location: /" + b"a/" * 4000,
            b"connection: close", b"connection: keep-alive", b"x-long: " + b"a" * 20_000, b"set-cookie: a=b; expires=never", b"no colon here", b": no name", b" folded",
        ]),
        st.binary(max_size=30),
    ),
    max_size=5,
)  # fmt: skip


def zipped(body: bytes, wrong: bool) -> bytes:
    return gzip.compress(body)[: -12 if wrong else None]


@st.composite
def scripts(draw: st.DrawFn) -> Script:
    body = draw(bodies)
    lines = [draw(status_lines), *draw(headers)]
    form = draw(st.sampled_from(["length", "length", "length", "chunked", "gzip", "bare"]))
    if form == "gzip":
        body = zipped(body, draw(st.booleans()))
        lines.append(b"content-encoding: gzip")
    if form == "chunked":
        sizes = draw(st.sampled_from([b"%x", b"%x;ext=1", b"-%x", b"%xzz", b"fffffffff%x"]))
        lines.append(b"transfer-encoding: chunked")
        body = sizes % len(body) + b"\r\n" + body + draw(st.sampled_from([b"\r\n0\r\n\r\n", b"", b"\r\n", b"0\r\n"]))
    elif form != "bare":
        lines.append(b"content-length: %d" % len(body))
    whole = b"\r\n".join(lines) + b"\r\n\r\n" + body
    cut = draw(st.integers(0, len(whole)))
    ends: list[End] = ["close", "close", "close", "close", "close", "reset", "hang", "trickle"]
    pieces = draw(st.sampled_from([(whole,), (whole[:cut], whole[cut:]), (whole[:cut],), ()]))
    return Script(pieces, draw(st.sampled_from(ends)), draw(st.booleans()))


async def serve(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection: its request is read as far as it comes, and answered by the script."""
    with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        head = await reader.readuntil(b"\r\n\r\n")
        if script.reads and (length := re.search(rb"content-length: (\d+)", head, re.IGNORECASE)):
            await reader.readexactly(int(length[1]))
        for piece in script.pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        while script.end == "trickle":
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.01)
        if script.end == "hang":
            await reader.read()
        if script.end == "reset":
            writer.transport.abort()
    writer.close()


async def ask(script: Script, ledger: Ledger) -> Any:
    """What comes of one call to a server that does so."""
    connections = list[asyncio.StreamWriter]()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        await serve(script, reader, writer)

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    endpoint = Endpoint("teacher", url, "m", timeout_s=0.1, patience_s=0.05, startup_s=0.05)
    turns = (system("You write."), user(Image("0"), f"Write text {next(NUMBERS)}."))  # none is asked for twice
    call = Call("teacher", turns, "test@0", "sample", "step", goes_on=True, extra={"response_format": SCHEMA})
    try:
        async with ModelEngine({"teacher": endpoint}, ledger, lambda name: PICTURE) as engine:
            return await engine.ask(call)
    except (AnswerError, EndpointError, StoppedError, LedgerError) as error:
        return error
    finally:
        server.close()
        for writer in connections:
            writer.transport.abort()
        await asyncio.sleep(0.02)  # they end now


def is_sound(script: Script, ledger: Ledger) -> None:
    """The outcome is a text that can be kept, or a sentence that can be shown, and it came soon."""
    started = time.monotonic()
    outcome = asyncio.run(ask(script, ledger))
    assert time.monotonic() - started < MOST_S
    said = str(outcome) if isinstance(outcome, Exception) else outcome.text
    said.encode("utf-8")
    if isinstance(outcome, Exception):
        assert said and said.isprintable() and len(said) < 1200
    else:
        assert said.strip()


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    return Ledger.at(tmp_path_factory.mktemp("any-bytes"))


@given(script=scripts())
@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_bytes_a_server_answers_there_is_a_text_or_a_named_error(ledger: Ledger, script: Script) -> None:
    is_sound(script, ledger)


def http(head: bytes, body: bytes = b"") -> bytes:
    return head + b"\r\ncontent-length: %d\r\n\r\n" % len(body) + body


BOMB = gzip.compress(b"\0" * 300_000_000, 1)
KNOWN: dict[str, Callable[[], Script]] = {
    "nothing": lambda: Script((), "close"),
    "silence": lambda: Script((), "hang"),
    "a reset": lambda: Script((), "reset"),
    "an endless trickle of a body": lambda: Script((b"HTTP/1.1 200 OK\r\n\r\n{",), "trickle"),
    "an endless trickle of a header": lambda: Script((b"HTTP/1.1 200 OK\r\nx: ",), "trickle"),
    "a redirect to itself": lambda: Script((http(b"HTTP/1.1 307 Temporary Redirect\r\nlocation: /v1/chat/completions"),), "close"),
    "a redirect to nowhere": lambda: Script((http(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/"),), "close"),
    "a redirect without an address": lambda: Script((http(b"HTTP/1.1 302 Found"),), "close"),
    "a header of a megabyte": lambda: Script((b"HTTP/1.1 200 OK\r\nx: " + b"a" * 1_000_000 + b"\r\n\r\n{}",), "close"),
    "ten thousand headers": lambda: Script((b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 10_000 + b"\r\n{}",), "close"),
    "no gzip, called gzip": lambda: Script((http(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip", b"{}"),), "close"),
    "a part of a gzip": lambda: Script((http(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip", gzip.compress(b"{}")[:-6]),), "close"),
    "a zip bomb": lambda: Script((http(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip", BOMB),), "close"),
    "a body that is shorter than it says": lambda: Script((b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{",), "close"),
    "a chunk that is shorter than it says": lambda: Script((b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfff\r\n{",), "close"),
    "switching protocols": lambda: Script((b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n",), "hang"),
    "continue, for ever": lambda: Script((b"HTTP/1.1 100 Continue\r\n\r\n" * 1000,), "hang"),
    "no content": lambda: Script((b"HTTP/1.1 204 No Content\r\n\r\n",), "close"),
    "TLS on a plain port": lambda: Script((b"\x15\x03\x01\x00\x02\x02\x16",), "close"),
    "a greeting of SSH": lambda: Script((b"SSH-2.0-OpenSSH_9.6\r\n",), "close"),
    "deep JSON": lambda: Script((http(b"HTTP/1.1 400 Bad Request", b'{"error":' * 100_000),), "close"),
    "a number that is too long": lambda: Script((http(b"HTTP/1.1 200 OK", b'{"choices":[], "usage":{"prompt_tokens":' + b"9" * 6000 + b"}}"),), "close"),
}  # fmt: skip


@pytest.mark.parametrize("name", KNOWN)
def test_known_nonsense_gives_a_named_error(ledger: Ledger, name: str) -> None:
    is_sound(KNOWN[name](), ledger)


def test_an_answer_without_an_end_is_not_read_to_it(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    from resources import bounded_answers

    monkeypatch.setattr(bounded_answers, "MOST_ANSWER_BYTES", 1_000_000)
    pieces = (b"HTTP/1.1 200 OK\r\n\r\n", *([b" " * 100_000] * 40))
    outcome = asyncio.run(ask(Script(pieces, "hang"), ledger))
    assert isinstance(outcome, AnswerError | EndpointError)
    assert "more than 1 MB" in str(outcome)
