"""What was read of files, kept while a file is the same: a page that is asked for again opens only what changed."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class KeptFiles:
    """May be used by several threads at once."""

    def __init__(self) -> None:
        self._known: dict[tuple[Path, str], tuple[tuple[int, int, int], Any]] = {}
        self._lock = threading.Lock()

    def of(self, path: Path, read: Callable[[Path], T]) -> T | None:
        """What `read` makes of a file, by the name of the function; None where the file is not there."""
        try:
            stat = path.stat()
        except OSError:
            return None
        stamp, key = (stat.st_mtime_ns, stat.st_size, stat.st_ino), (path, read.__qualname__)
        with self._lock:
            known = self._known.get(key)
        if known is None or known[0] != stamp:
            known = (stamp, read(path))
            with self._lock:
                self._known[key] = known
        found: T = known[1]
        return found


class Last(Generic[T]):
    """What was made last, as long as what it was made of is the same."""

    def __init__(self) -> None:
        self._known: tuple[object, T] | None = None

    def of(self, stamp: object, make: Callable[[], T]) -> T:
        """stamp: changes with what it is made of."""
        known = self._known
        if known is None or known[0] != stamp:
            known = self._known = (stamp, make())
        return known[1]
