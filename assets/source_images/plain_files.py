"""Files from outside, opened with care: plain ones of a known size alone, never a pipe, a socket or a device."""

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
    found = os.fstat(descriptor)
    wrong = errno.EFBIG if found.st_size > most_bytes else 0
    if wrong := wrong if stat.S_ISREG(found.st_mode) else errno.EINVAL:
        os.close(descriptor)
        raise OSError(wrong, os.strerror(wrong), str(path))
    return os.fdopen(descriptor, "rb", buffering=0)


def head_of(path: Path, most_bytes: int) -> bytes:
    """The first bytes of a plain file. Raises OSError as `open_plain` does."""
    with open_plain(path, most_bytes) as file:
        return file.read(HEAD)
