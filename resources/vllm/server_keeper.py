"""The process that keeps a server: as long as anybody uses it, and not a moment longer.

Who uses a server holds a shared lock on its file of users; the kernel gives it up when that process ends, however it
ends. Once nobody holds it, the keeper ends the server's process group. The server watches the keeper in turn
(`served_process`), so none of the two outlives the other. Called as `python server_keeper.py PLAN`.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, TypedDict

EVERY_S = 0.3
LOOKS = 40
GRACE_S = 4.0  # from SIGTERM to SIGKILL: vLLM gives its shared memory back
PRELUDE = str(Path(__file__).with_name("served_process.py"))


class KeeperPlan(TypedDict):
    """What is started, and the files that say who needs it."""

    python: str  # of vLLM's environment
    module: str
    arguments: list[str]
    log: str  # file of its output
    users: str  # locked, shared, by each process that uses the server
    alive: str  # locked by the keeper as long as the server lives


def keep(plan: KeeperPlan) -> int:
    """Runs the server until it ends or nobody uses it; its exit code, 0 where it was ended here."""
    with Path(plan["alive"]).open("a") as alive, Path(plan["users"]).open("a") as users:
        take(alive)
        with Path(plan["log"]).open("ab") as log:
            server = subprocess.Popen(
                [plan["python"], PRELUDE, str(os.getpid()), plan["module"], *plan["arguments"]],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            while server.poll() is None:
                if nobody_holds(users):
                    return 0
                time.sleep(EVERY_S)
            return server.returncode
        finally:
            end_group(server)


def take(alive: IO[str]) -> None:
    """Ends this process where another keeper is at work. Who only looks at the lock has it for a moment."""
    for _ in range(LOOKS):
        try:
            fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.05)
        else:
            return
    sys.exit(1)


def nobody_holds(users: IO[str]) -> bool:
    """Whether the lock is free; it stays ours then, so that nobody begins to use a server that is being ended."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def end_group(server: "subprocess.Popen[bytes]") -> None:
    """SIGTERM to the server, and SIGKILL to all that is left of its group."""
    if server.poll() is None:
        server.terminate()
        with suppress(subprocess.TimeoutExpired):
            server.wait(GRACE_S)
    try:
        os.killpg(server.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    server.wait()


def main() -> None:
    """SIGTERM ends the server in order."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    sys.exit(keep(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
