"""Code that a test plants into readers: files with certain names do there what a hole in a library would allow."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from assets.source_images.reading import pool

CODE = """
import ctypes, os, signal, socket, subprocess, sys, time

def spoil(event, arguments):
    name = os.path.basename(str(arguments[0])) if event == "open" else ""
    if not name.startswith("spoil-"):
        return
    what = name.split("-")[1].split(".")[0]
    if what == "segv":
        ctypes.string_at(0)
    elif what == "abort":
        os.abort()
    elif what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "exit":
        os._exit(3)
    elif what == "endless":
        while True:
            pass
    elif what == "native":  # no signal handler of Python's ever runs
        ctypes.PyDLL(None).usleep(600_000_000)
    elif what == "memory":
        taken = []
        while True:
            taken.append(bytearray(50_000_000))
    elif what == "output":
        with open(os.environ["TMPDIR"] + "/large", "wb") as file:
            for _ in range(100):
                file.write(bytes(50_000_000))
    elif what == "children":
        subprocess.Popen(["sleep", "1234"])
        time.sleep(600)
    elif what == "nonsense":
        for number in range(3, 40):
            try:
                os.write(number, b"\\xff" * 64)
            except OSError:
                pass
    elif what == "tell":
        found = [str(sorted(os.environ)), str(os.environ.get("HOME") == os.environ["TMPDIR"] == os.getcwd())]
        found.append(str(sorted(name for name in sys.modules if name in ("dagster", "torch", "pandas", "pyarrow"))))
        port = int(name.split("-")[2].split(".")[0])
        for family, place in ((socket.AF_INET, ("127.0.0.1", port)), (socket.AF_INET6, ("::1", port))):
            try:
                socket.socket(family).connect(place)
                found.append("connected")
            except OSError as error:
                found.append("refused")
        raise ValueError(" ".join(found))

sys.addaudithook(spoil)
"""


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Readers that are started in this test do as they are told by file names: `spoil-segv.png`."""
    folder = tmp_path / "planted"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(CODE)
    pool.end_idle()  # those of before know nothing of it
    monkeypatch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    yield
    pool.end_idle()
