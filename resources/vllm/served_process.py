"""Run by vLLM's own Python in place of `python -m MODULE`: the module, in a process group that ends with its keeper.

Nothing of this project can be imported there. Called as `python served_process.py KEEPER_PID MODULE ARGS…`.
"""

import os
import runpy
import signal
import sys
import threading
import time

EVERY_S = 0.3


def watch(keeper: int) -> None:
    """Ends the whole group, workers too, once the keeper is gone."""
    while os.getppid() == keeper:
        time.sleep(EVERY_S)
    os.killpg(0, signal.SIGKILL)


def main() -> None:
    """The module under its own name, so that processes it spawns import it as they would after `python -m`."""
    keeper = int(sys.argv[1])
    threading.Thread(target=watch, args=(keeper,), daemon=True).start()
    del sys.argv[:2]
    sys.path[0] = ""
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
