"""A process that ends when its parent ends, however that ends: `python -m resources.dies_with_parent MODULE ARGS`.

The kernel kills it where it can (Linux); everywhere it looks twice a second. A process that it starts in turn in the
same way ends with it, and so a whole tree ends within a second after its root was killed.
"""

import ctypes
import os
import runpy
import signal
import sys
import threading
import time

PARENT = "PARENT_PID"  # in the environment of a child: who started it
EVERY_S = 0.5
_PR_SET_PDEATHSIG = 1


def parent_env() -> dict[str, str]:
    """What the environment of a child has to hold besides, so that it ends with this process."""
    return {PARENT: str(os.getpid())}


def die_with_parent(parent: int) -> None:
    """From now on this process is killed when `parent`, which started it, ends; at once where that has ended."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(EVERY_S)
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Run the module that is named, as `python -m` does, in a process that ends with its parent."""
    die_with_parent(int(os.environ.get(PARENT) or os.getppid()))
    os.environ |= parent_env()  # for those that the module starts
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
