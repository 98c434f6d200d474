"""JSON-lines files that a process appends to and that a kill may cut short."""

import fcntl
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

Line: TypeAlias = dict[str, Any]  # a JSON object; whoever reads the file knows its fields


def read_lines(path: Path) -> list[Line]:
    """Every complete line; a last one without a line end was cut short and is left out. No file: no lines."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]


@contextmanager
def appending(path: Path) -> Iterator[Callable[[Line], None]]:
    """A function that appends a line, flushed when it returns; a half-written last line is removed first.

    One process at a time: the others wait, and read what is there once they are in the block.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # free once the file is closed, or the process has ended
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)

        def add(line: Line) -> None:
            file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
            file.flush()

        yield add
