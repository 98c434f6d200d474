"""JSON-lines files that a process appends to and that a kill may cut short."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Every whole line; a last one without its line end was cut short and does not count. No file: no lines."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]


@contextmanager
def appending(path: Path) -> Iterator[Callable[[dict[str, Any]], None]]:
    """A function that adds a line, on the disk when it returns; what a kill cut short goes first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as file:
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)

        def add(line: dict[str, Any]) -> None:
            file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
            file.flush()

        yield add
