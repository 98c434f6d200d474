"""The processes of servers of ours: which are there, and a command that asks one."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from resources.endpoints import Endpoint
from resources.engine import ModelEngine, run
from resources.failures import AnswerError
from resources.ledger import Ledger
from resources.messages import Call, user
from resources.settings import Settings
from resources.vllm.served_endpoints import Serving
from testing.demo_process import on_a_busy_machine


def group_of(home: Path) -> dict[int, str]:
    """pid -> command of every process whose working folder is a server's of this home: keeper, server, workers."""
    found = {}
    for folder in Path("/proc").iterdir():
        try:
            ended = folder.name.isdigit() and ") Z " in (folder / "stat").read_text()
            if folder.name.isdigit() and not ended and str(home / "vllm") in str((folder / "cwd").readlink()):
                found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:  # it has ended meanwhile
            continue
    return found


def pid_of(home: Path, word: str) -> int:
    """Of the one whose command has this word."""
    return next(pid for pid, command in group_of(home).items() if word in command)


def wait_until(true: Callable[[], bool], seconds: float = 10) -> bool:
    """Whether it came true in so many seconds of a quiet machine."""
    deadline = time.monotonic() + on_a_busy_machine(seconds)
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


async def ask_all(home: Path, model: str, calls: int) -> None:
    """So many calls, one after the other; a line for each that is answered."""
    endpoint = Endpoint("teacher", f"vllm:{model}")
    async with ModelEngine(
        {"teacher": endpoint}, Ledger.at(home), lambda _: b"", own=Serving(home, Settings())
    ) as engine:
        for number in range(calls):
            call = Call("teacher", (user(f"Write about {number}."),), "t@1", f"s{number}", "step", 32, goes_on=True)
            try:
                await engine.ask(call)
            except AnswerError as error:
                if error.kind not in ("truncated", "empty"):
                    raise
            print(f"{number} of {calls}: {engine.tally.made} made, {engine.tally.replayed} answered before", flush=True)


if __name__ == "__main__":
    run(ask_all(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
