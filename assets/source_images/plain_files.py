"""Files from outside, opened with care: plain ones alone, never a pipe, a socket or a device, and none that is a bomb."""

import errno
import os
import stat
from pathlib import Path
from typing import IO

HEAD = 512  # bytes that tell a file's type


def open_plain(path: Path, most_bytes: int) -> IO[bytes]:
    """The file, to be read. Raises OSError where it is no plain file or has more than `most_bytes`.

    Whatever takes its place in between is not waited for: a pipe without a writer opens at once, and is refused.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "not a plain file", str(path))
        if found.st_size > most_bytes:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def head_of(path: Path, most_bytes: int) -> bytes:
    """The first bytes of a plain file. Raises OSError as `open_plain` does."""
    with open_plain(path, most_bytes) as file:
        return file.read(HEAD)
