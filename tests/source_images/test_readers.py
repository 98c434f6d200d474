"""Properties of the processes that read untrusted files: what breaks one costs one file, and nothing stays behind."""

import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image

from assets.source_images.images import to_jpeg
from assets.source_images.reading import pool
from assets.source_images.reading.believed import drawn_page, jpeg_size, measured, probe_of
from assets.source_images.reading.frames import MAX_BLOB, Incoming, Message, NonsenseError, encode
from assets.source_images.reading.pool import Readers
from assets.source_images.reading.process import PREFIX
from assets.source_images.reading.tasks import DrawTask, Reading
from resources.settings import Settings
from resources.store import Store
from tests.source_images.planted import planted  # noqa: F401  # a fixture

ROOT = Path(__file__).resolve().parents[2]
BREAK = {
    "segv": "SIGSEGV",
    "abort": "SIGABRT",
    "kill": "SIGKILL",
    "exit": "exit code 3",
    "memory": "LWV_READER_MB",
    "output": "File too large",
    "nonsense": "nonsense",
}
NEVER_END = ("endless", "native", "children")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """With a place for temporary folders of its own, where nobody else's readers are."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "sources").mkdir()
    yield Settings(home=tmp_path / "home", sources=tmp_path / "sources", max_side=256, readers=2, page_seconds=60)
    pool.end_idle()
    assert folders() == set()


def picture(path: Path, seed: int = 0) -> Path:
    pixels = np.random.default_rng(1000 + seed).integers(0, 255, (15, 20, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize((160, 120)).save(path)
    return path


def read(settings: Settings, *paths: Path, known: Callable[[str], str | None] = lambda sha256: "") -> list[Reading]:
    """The text of every page is known, so that no model has to be loaded."""
    with Readers(settings) as readers:
        return list(readers.read(paths, Store(settings.home), known))


def folders() -> set[str]:
    """Temporary folders of readers."""
    return {path.name for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*")}


def wait_until(holds: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.05)
    return holds()


@pytest.mark.usefixtures("planted")
def test_a_file_that_breaks_its_reader_costs_that_file_alone(settings: Settings) -> None:
    """Crashes are real ones of the process, at the moment when it opens the file; see planted.py."""
    assert_these_are_lost_alone(settings, BREAK)


@pytest.mark.usefixtures("planted")
def test_a_file_that_never_ends_costs_its_time_and_that_file_alone(settings: Settings) -> None:
    in_short = settings.model_copy(update={"page_seconds": 2})  # a machine under load breaks nothing else so soon
    assert_these_are_lost_alone(in_short, dict.fromkeys(NEVER_END, "LWV_PAGE_SECONDS=2"))
    assert not [process for process in psutil.process_iter(["cmdline"]) if process.info["cmdline"] == ["sleep", "1234"]]


def assert_these_are_lost_alone(settings: Settings, spoilt: dict[str, str]) -> None:
    """spoilt: what its file does to its reader, with what is then said of it."""
    paths = []
    for number, what in enumerate(spoilt):
        paths.append(picture(settings.sources / f"good-{number}.png", number))
        paths.append(picture(settings.sources / f"spoil-{what}.png", 100 + number))
    found = read(settings, *paths)
    assert [reading.path for reading in found] == paths
    assert [(reading.path.name, reading.why) for reading in found[::2] if reading.why or len(reading.pages) != 1] == []
    for reading, says in zip(found[1::2], spoilt.values(), strict=True):
        assert reading.why.startswith(reading.path.name)
        assert says in reading.why


@pytest.mark.usefixtures("planted")
def test_a_file_that_breaks_the_scan_is_unreadable_and_the_others_are_not(settings: Settings) -> None:
    settings = settings.model_copy(update={"page_seconds": 2})
    paths = [picture(settings.sources / f"good-{number}.png", number) for number in range(150)]
    for at, what in ((3, "segv"), (4, "native"), (149, "nonsense")):
        paths.insert(at, picture(settings.sources / f"spoil-{what}.png"))
    with Readers(settings) as readers:
        found = readers.probe(paths)
    assert set(found) == set(paths)
    assert all(found[path].readable is (not path.name.startswith("spoil")) for path in paths)
    assert "SIGSEGV" in found[paths[3]].why


@pytest.mark.usefixtures("planted")
def test_a_reader_has_no_environment_no_network_and_none_of_the_large_libraries(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        (found,) = read(settings, picture(settings.sources / f"spoil-tell-{server.getsockname()[1]}.png"))
        with pytest.raises(BlockingIOError):
            server.accept()
    assert "] True [] refused refused" in found.why
    names = set(found.why.split("[")[1].split("]")[0].replace("'", "").split(", "))
    assert names <= {
        *("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "HOME", "TMPDIR", "LANG", "LC_CTYPE", "PYTHONDONTWRITEBYTECODE"),
        *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MALLOC_ARENA_MAX"),
    }


@pytest.mark.parametrize("forbidden", [(), ("_leave",), ("_leave", "_filter")])
def test_whatever_the_system_allows_nothing_is_connected_to(forbidden: tuple[str, ...]) -> None:
    code = (
        "import socket, sys\nfrom assets.source_images.reading import network\n"
        "def refuse(): raise PermissionError\n"
        f"for name in {forbidden!r}: setattr(network, name, refuse)\n"
        "network.cut_off()\n"
        "a, b = socket.socketpair(); a.sendall(b'x'); assert b.recv(1) == b'x'\n"
        "socket.create_connection(('127.0.0.1', int(sys.argv[1])), timeout=5)\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        port = str(server.getsockname()[1])
        done = subprocess.run([sys.executable, "-c", code, port], cwd=ROOT, capture_output=True, text=True, check=False)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert done.returncode == 1
    assert "OSError" in done.stderr or "PermissionError" in done.stderr or "ConnectionRefused" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_readers_end_with_whoever_started_them(settings: Settings, number: signal.Signals) -> None:
    picture(settings.sources / "a.png")
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom assets.source_images.reading.pool import Readers\n"
        "from resources.settings import Settings\nsources = Path(sys.argv[1])\n"
        "with Readers(Settings(sources=sources)) as readers:\n"
        "    readers.probe([sources / 'a.png'])\n    print('started', flush=True)\n    time.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(settings.sources)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        started, children, made = process.stdout.readline(), psutil.Process(process.pid).children(True), folders()
        process.send_signal(number)
    assert (started, len(children), len(made)) == ("started\n", 2, 1)
    assert wait_until(lambda: not any(child.is_running() and child.status() != "zombie" for child in children))
    assert wait_until(lambda: folders() == set())


def test_documents_come_in_their_order_though_later_ones_are_done_first(settings: Settings) -> None:
    large = settings.sources / "large.tif"
    frames = [Image.open(picture(settings.sources / f"{number}.png", number)) for number in range(40)]
    frames[0].save(large, save_all=True, append_images=frames[1:])
    small = [settings.sources / f"{number}.png" for number in range(9)]
    found = read(settings, large, *small)
    assert [reading.path for reading in found] == [large, *small]
    assert sorted(found[0].pages) == list(range(1, 41))
    shutil.rmtree(settings.sources)
    settings.sources.mkdir()


def test_readers_that_were_started_are_used_again(settings: Settings) -> None:
    path, settings = picture(settings.sources / "a.png"), settings.model_copy(update={"readers": 1})
    read(settings, path)
    before = {child.pid for child in psutil.Process().children()}
    read(settings, path)
    assert {child.pid for child in psutil.Process().children()} <= before


def test_a_text_that_is_known_is_not_read_again(settings: Settings) -> None:
    (found,) = read(settings, picture(settings.sources / "a.png", 99), known=lambda sha256: "as it was")
    assert (found.pages[1].ocr_text, found.texts_read) == ("as it was", 0)


# -- what is believed -------------------------------------------------------------------------------------------------
JSON = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just({"a": [1]})
FIELDS = st.dictionaries(
    st.sampled_from(
        ["say", "number", "width", "height", "reader", "phash", "text", "language", "blank", "kind", "readable", "why"]
    ),
    JSON | st.sampled_from(["pillow", "en", "single", 1, 40, 30, True, "0" * 16, "g" * 16]),
)


@given(FIELDS, st.binary(max_size=40))
@hypothesis_settings(max_examples=200, deadline=None)
def test_a_readers_answer_is_of_the_right_form_or_nonsense(fields: dict[str, object], blob: bytes) -> None:
    for believe in (measured, probe_of, lambda message: drawn_page(message, 1, 256)):
        try:
            believe(Message(fields, blob))  # type: ignore[operator]
        except NonsenseError:
            continue


@given(st.lists(st.tuples(st.dictionaries(st.text(), JSON, max_size=3), st.binary()), max_size=4), st.integers(1, 9))
@hypothesis_settings(max_examples=50, deadline=None)
def test_messages_arrive_as_they_were_sent_however_the_pipe_cuts_them(
    sent: list[tuple[dict[str, object], bytes]], size: int
) -> None:
    data = b"".join(encode(Message(*message)) for message in sent)
    incoming = Incoming()
    found = [message for at in range(0, len(data), size) for message in incoming.feed(data[at : at + size])]
    assert [encode(message) for message in found] == [encode(Message(*message)) for message in sent]


@pytest.mark.parametrize("data", [b"\xff" * 8, b"\0\0\0\1\0\0\0\0[", b"\0\0\0\2\0\0\0\0[]", b"\0\0\0\0\0\0\0\0"])
def test_what_is_no_message_is_nonsense_before_it_is_all_there(data: bytes) -> None:
    with pytest.raises(NonsenseError):
        list(Incoming().feed(data))
    assert MAX_BLOB < 1 << 30


def test_the_size_of_a_jpeg_is_what_its_header_says() -> None:
    jpeg = to_jpeg(Image.new("RGB", (40, 30)))
    assert jpeg_size(jpeg) == (40, 30)
    assert jpeg_size(jpeg[:-1]) is jpeg_size(b"\xff\xd8\xff\xd9") is jpeg_size(b"") is None


def test_of_two_readers_one_alone_draws_a_deck(settings: Settings) -> None:
    """LibreOffice takes the memory of a reader and more: a folder of decks stays in its bounds."""
    names = ("a.pptx", "b.pptx", "c.png")
    shelf = pool._Shelf([Reading(settings.sources / name) for name in names], settings, 2, Store(settings.home), str)
    deck = shelf.next_task()
    assert isinstance(deck, DrawTask) and deck.reading.path.name == "a.pptx"
    assert shelf.next_task() is None
    deck.fail("is broken")
    begun = [task.reading.path.name for task in (shelf.next_task(), shelf.next_task()) if isinstance(task, DrawTask)]
    assert begun == ["b.pptx", "c.png"]
