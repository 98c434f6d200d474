"""Runs a command that no two processes may run at once: `python scripts/locked.py LOCK COMMAND…`, with the file LOCK.

`make` installs under it. flock(1) is not on macOS, flock(2) is. Nothing is left to clean up after a kill: the lock ends
with the last process that runs under it.
"""

import fcntl
import os
import sys


def main(lock: str, *command: str) -> None:
    """Become `command` once no other process holds the lock; says so where it has to wait."""
    file = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"Another process holds {lock}: waiting for it to end.", flush=True)
        fcntl.flock(file, fcntl.LOCK_EX)
    # The command and all that it starts keep the file open: what outlives a killed `make` holds the lock still.
    os.set_inheritable(file, True)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(*sys.argv[1:])
