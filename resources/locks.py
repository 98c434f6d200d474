"""Locks that die with the process that holds them: files under LWV_HOME/locks, held by flock, that say by whom."""

import fcntl
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from resources.stopping import STOP

FOLDER = "locks"
EVERY_S = 0.2  # a lock that is waited for is tried again


@dataclass(frozen=True)
class Holder:
    """Who holds a lock, as it said itself. what: the command or the run; pid: on its host, in its container."""

    what: str
    pid: int
    host: str
    since: str

    @classmethod
    def me(cls, what: str) -> "Holder":
        """This process."""
        return cls(what, os.getpid(), socket.gethostname(), datetime.now().astimezone().isoformat(" ", "seconds"))

    def __str__(self) -> str:
        return f"{self.what} (pid {self.pid} on {self.host}, since {self.since})"


class HeldError(RuntimeError):
    """Somebody else holds the lock; the message says who."""


class LockingError(RuntimeError):
    """The file of a lock cannot be made, or its file system gives no locks; the message says what to do."""


class Lock:
    """One lock. It is free once it was released or its process ended: nothing is left to clear away after a kill."""

    def __init__(self, home: Path, name: str) -> None:
        self.path = home / FOLDER / f"{name}.lock"
        self._file: IO[str] | None = None

    def take(self, what: str, shared: bool = False) -> bool:
        """Whether it is held now; false where somebody else holds it. what: who asks. Raises LockingError."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = self.path.open("a+", encoding="utf-8")
        except OSError as error:
            raise LockingError(
                f"{self.path} cannot be written ({error.strerror}): LWV_HOME has to name a folder that can be."
            ) from error
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        except OSError as error:
            file.close()
            raise LockingError(
                f"{self.path} cannot be locked ({error.strerror}): LWV_HOME has to be on a file system with locks "
                "(a network file system may have to be mounted with them)."
            ) from error
        file.truncate(0)
        json.dump(asdict(Holder.me(what)), file)
        file.flush()
        self._file = file
        return True

    def release(self) -> None:
        """Give it back."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def holder(self) -> str:
        """Who holds it, or held it last."""
        try:
            return str(Holder(**json.loads(self.path.read_text(encoding="utf-8"))))
        except (OSError, ValueError, TypeError):
            return "another process"


@contextmanager
def holding(lock: Lock, what: str) -> Iterator[None]:
    """The lock is held while the block runs. what: who holds it. Raises HeldError, LockingError."""
    if not lock.take(what):
        raise HeldError(lock.holder())
    try:
        yield
    finally:
        lock.release()


@contextmanager
def holding_when_free(lock: Lock, what: str, waiting: Callable[[str], None]) -> Iterator[None]:
    """`holding`, once it is free; `waiting(who holds it)` is called once where it is not. Raises Stopped."""
    if not lock.take(what):
        waiting(lock.holder())
        while not lock.take(what):
            STOP.check()
            time.sleep(EVERY_S)
    try:
        yield
    finally:
        lock.release()
