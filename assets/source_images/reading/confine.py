"""What a reader does to itself before it looks at a file: a guard that outlives it, limits, no network."""

import contextlib
import ctypes
import os
import resource
import select
import shutil
import signal
from pathlib import Path
from typing import NoReturn

from assets.source_images.reading.network import cut_off
from resources.leftovers import hold

PR_SET_PDEATHSIG = 1
MAX_FILE = 512 << 20  # bytes of a file that it writes: LibreOffice's PDF of a deck
MAX_OPEN = 256  # files


def confine(memory: int) -> str:
    """Limit this process, and all that it starts, to `memory` bytes of addresses; returns how the network is cut."""
    for limit, value in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, MAX_FILE),
        (resource.RLIMIT_NOFILE, MAX_OPEN),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):  # already lower; or a system without this one
            resource.setrlimit(limit, (value, value))
    return cut_off()


def taken(memory: int) -> float:
    """Which part of `memory` bytes of addresses this process has; 0 where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() / memory
    except OSError:
        return 0.0


def split_off_guard(folder: Path) -> None:
    """Returns in a child of this process. The process itself stays behind as its guard, outside its limits.

    When the child ends, or whoever started us goes away (stdin is closed, even by kill -9), the guard kills what is
    left of the child's process group, removes `folder`, and ends with the child's exit code, 128 + n for signal n.
    """
    alive, held = os.pipe()  # the child holds the other end for as long as it lives
    parent = os.getppid()
    child = os.fork()
    with contextlib.suppress(OSError):  # both do it, so that it is done whoever comes first
        os.setpgid(child, child)
    if child == 0:
        os.close(alive)
        return
    os.close(held)
    _guard(child, alive, folder, parent)


def _guard(child: int, alive: int, folder: Path, parent: int) -> NoReturn:
    code = 1
    try:
        hold(os.open(folder, os.O_RDONLY))  # says that the folder is in use; gone with the guard
        os.close(1)
        _ask_for_signal()
        _wait(alive, parent)
    finally:
        with contextlib.suppress(OSError):
            os.killpg(child, signal.SIGKILL)
        with contextlib.suppress(OSError):
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(code if code >= 0 else 128 - code)


def _wait(alive: int, parent: int) -> None:
    """Until the child has ended or its parent's parent has: stdin's other end is closed, or another one adopted us."""
    ends = select.poll()
    ends.register(alive, select.POLLIN)
    ends.register(0, 0)  # its closing alone; what comes through it is the child's
    while not ends.poll(1000) and os.getppid() == parent:
        pass


def _ask_for_signal() -> None:
    """Where the system can say that a parent has died: at once, though somebody may have kept stdin open."""
    signal.signal(signal.SIGTERM, lambda *_: None)  # the wait looks at who our parent is
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
