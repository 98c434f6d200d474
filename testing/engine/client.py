"""Starting the benchmark's server for a while."""

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from testing.engine.work import Speed

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def server(slots: int, speed: Speed, log: Path, *more: str, port: int = 0) -> Iterator[str]:
    if not port:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "testing.engine.server",
            "--port",
            str(port),
            "--slots",
            str(slots),
            "--ttft",
            str(speed.ttft),
            "--rate",
            str(speed.rate),
            "--log",
            str(log),
            *more,
        ],
        cwd=ROOT,
    )
    url = f"http://127.0.0.1:{port}/v1"
    try:
        while not answers(url):
            if process.poll() is not None:
                raise ChildProcessError(f"the benchmark's server ended with code {process.returncode}")
            time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait()


def answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=1)
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True
