"""What killed processes left behind: files and folders that their owner had locked for as long as it lived."""

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

YOUNG_S = 1  # between the making of a file and its lock


def hold(handle: int) -> None:
    """Lock an open file or folder until it is closed, or its process dies; others may hold it too.

    Where the file system knows no locks nothing happens, and nothing is swept either.
    """
    with contextlib.suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_SH)


def sweep(paths: Iterable[Path]) -> int:
    """Remove those files and folders that nobody holds any more; returns how many."""
    return sum(_remove(path) for path in paths)


def _remove(path: Path) -> bool:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:  # gone, or not ours
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if time.time() - os.fstat(handle).st_mtime < YOUNG_S:
            return False
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    except OSError:  # held, or not to be removed by us
        return False
    finally:
        os.close(handle)
    return True
