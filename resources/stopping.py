"""Whether this process was asked to end (SIGTERM, Ctrl+C): the one place where a command and its children hear it.

The first signal is a request. Where work goes on in order (`orderly`) it is told to whoever asked to be told, and the
work ends at its next good point; anywhere else `Stopped` is raised where the main thread stands. A second signal ends
the process at once: what is written is written in one rename or a whole line, so nothing is lost but work.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(KeyboardInterrupt):
    """The process was asked to end, and does."""


class Stop:
    """The request to end this process, if there was one. Made once: signals are a process's."""

    def __init__(self) -> None:
        self.number: signal.Signals | None = None
        self._orderly = 0
        self._told: list[Callable[[str], None]] = []
        self._lock = threading.RLock()  # a handler may run while its own thread holds it

    @property
    def requested(self) -> bool:
        """Whether a signal came."""
        return self.number is not None

    @property
    def name(self) -> str:
        """Of the signal: `SIGTERM`; empty before one came."""
        return self.number.name if self.number else ""

    @property
    def exit_code(self) -> int:
        """What a shell expects of a process that this signal ended: 130, 143."""
        return 128 + (self.number or 0)

    def check(self) -> None:
        """Raises Stopped where the process was asked to end: between two pieces of work."""
        if self.requested:
            raise Stopped(self.name)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """SIGINT and SIGTERM are heard while the block runs. In the main thread."""
        before = {number: signal.signal(number, self._received) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def orderly(self) -> Iterator[None]:
        """While the block runs a first signal raises nothing: the work is told, or looks at `requested` by itself."""
        self._orderly += 1
        try:
            yield
        finally:
            self._orderly -= 1

    @contextmanager
    def telling(self, tell: Callable[[str], None]) -> Iterator[None]:
        """`tell(name of the signal)` is called when one comes while the block runs, or has come before it."""
        with self._lock:
            self._told.append(tell)
            if self.requested:
                tell(self.name)
        try:
            yield
        finally:
            with self._lock:
                self._told.remove(tell)

    def _received(self, number: int, _frame: object) -> None:
        if self.requested:
            os._exit(self.exit_code)  # its children end with it (resources/dies_with_parent.py)
        with self._lock:
            self.number = signal.Signals(number)
            for tell in self._told:
                tell(self.name)
        if not self._orderly:
            raise Stopped(self.name)


STOP = Stop()
