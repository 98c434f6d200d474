"""One reader as its parent sees it: a process that is started, given a task, listened to, and killed."""

import contextlib
import math
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from assets.source_images.reading.frames import Incoming, Message, encode
from resources.leftovers import hold, sweep
from resources.settings import SettingError

ROOT = Path(__file__).resolve().parents[3]
PREFIX = "lwv-reader-"  # of its temporary folder
START_S = 120
PATIENCE = 3  # on a busy machine a second of work takes longer: it counts as work, up to so many seconds
KEPT = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH")  # of the environment: where programs and packages are
MB = 1_000_000


class Task(Protocol):
    """What a reader is given to do."""

    @property
    def job(self) -> dict[str, object]:
        """What it is told."""

    @property
    def seconds(self) -> float:
        """How long it may work from now on before it says something."""

    def take(self, message: Message) -> bool:
        """Use an answer; True where it was the last one. Raises NonsenseError."""

    def fail(self, why: str) -> None:
        """There will be no further answer. why: what happened, to follow the file's name."""


class ReaderError(SettingError):
    """Readers do not start on this machine with the settings as they are."""


class Reader:
    """A process that reads files, with at most `memory_mb` MB of addresses. One that has died is not used again."""

    def __init__(self, memory_mb: int) -> None:
        self.memory_mb = memory_mb
        self.task: Task | None = None
        self.ready = False
        self.heard = False  # anything of this task
        self._pid = 0
        self._since = time.monotonic()
        self._worked = 0.0  # seconds, when it was last heard
        self._incoming = Incoming()
        self._folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._lock = os.open(self._folder, os.O_RDONLY)
        hold(self._lock)  # its guard does too: a folder that nobody holds is swept
        module = "assets.source_images.reading.worker"
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, str(memory_mb * MB), str(self._folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(self._folder),
            cwd=self._folder,
            start_new_session=True,  # Ctrl+C in a terminal is for its parent
        )
        os.set_blocking(self.fileno(), False)

    def fileno(self) -> int:
        """Where its answers come from."""
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    def begin(self, task: Task) -> None:
        """Give it something to do."""
        self.task, self.heard = task, False
        if self.ready:
            self._start_clock()
            self._tell(task)

    def hear(self) -> Iterator[Message]:
        """What it has said. Raises EOFError where it has ended, NonsenseError."""
        data = os.read(self.fileno(), 1 << 20)
        if not data:
            raise EOFError
        for message in self._incoming.feed(data):
            if not self.ready:
                self.ready, self._pid = True, int(message.fields["pid"])  # it has not looked at a file yet
                if self.task:
                    self._tell(self.task)
            else:
                self.heard = True
                yield message
            if self.task:  # bytes that are no whole message gain no time
                self._start_clock()

    def is_late(self) -> bool:
        """Whether it has been silent for too long."""
        waited = time.monotonic() - self._since
        if not self.ready or self.task is None:
            return waited > START_S
        return waited > PATIENCE * self.task.seconds or _worked(self._pid) - self._worked > self.task.seconds

    def is_alive(self) -> bool:
        """Whether it can be given something to do."""
        return self._process.poll() is None and not speaking([self], 0)

    def kill(self) -> int:
        """End it, all that it has started and its folder, at once; its exit code, 128 + n for signal n."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()  # its guard does the rest
        try:
            code = self._process.wait(10)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            code = self._process.wait()
        self._process.stdout.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        os.close(self._lock)
        return code if code >= 0 else 128 - code

    def _start_clock(self) -> None:
        self._since, self._worked = time.monotonic(), _worked(self._pid)

    def _tell(self, task: Task) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has died, which is heard next
            self._process.stdin.write(encode(Message(task.job)))
            self._process.stdin.flush()


def speaking(readers: Sequence[Reader], seconds: float) -> list[Reader]:
    """Those that have said something, or have ended; waits for the first of them for some seconds."""
    ends = select.poll()
    for reader in readers:
        ends.register(reader, select.POLLIN)
    found = {number for number, _ in ends.poll(max(0, math.ceil(seconds * 1000)))}
    return [reader for reader in readers if reader.fileno() in found]


def _worked(pid: int) -> float:
    """Seconds of processor time that a process has had; 0 where the system does not say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _environment(folder: Path) -> dict[str, str]:
    """Nothing of ours but where programs and packages are: no key, no proxy, no home."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    paths = [str(ROOT), *filter(None, kept.get("PYTHONPATH", "").split(os.pathsep))]
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
    }


def sweep_folders() -> None:
    """Remove the temporary folders of readers that were killed together with their guard."""
    sweep(Path(tempfile.gettempdir()).glob(f"{PREFIX}*"))
