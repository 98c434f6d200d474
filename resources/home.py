"""Whether a folder can be the factory's home: written to, with room, and with a path that its databases can have."""

import os
import re
import shutil
import tempfile
from pathlib import Path

from resources.failures import StorageError
from resources.storage_faults import begins_well, databases, of_damage, storage

NO_DATABASE = re.compile(r"\?|%[0-9A-Fa-f]{2}")  # Dagster writes the path as it is into a URL
FLOOR_BYTES = 200_000_000  # less than this left on its disk: no step begins


def require_home(home: Path) -> None:
    """Make the folder where it is not there. Raises StorageError where it cannot be a home, with all that is wrong."""
    dagster = os.environ.get("DAGSTER_HOME") or str(home)
    if found := NO_DATABASE.search(dagster):
        raise StorageError(
            f"{dagster} has a `{found[0]}` in its path, where Dagster's databases cannot be: set LWV_HOME to another."
        )
    if not dagster.isprintable() or not _is_utf8(f"{dagster}{home}"):
        raise StorageError(f"{dagster!r} has a character that no path should have: set LWV_HOME to another folder.")
    with storage(home):
        for name, folder in (("LWV_HOME", home), ("DAGSTER_HOME", Path(dagster))):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except (FileExistsError, NotADirectoryError) as error:
                file = next(path for path in (folder, *folder.parents) if path.exists())
                raise StorageError(f"{file} is a file: {name} must name a folder, is {folder}.") from error
        with tempfile.TemporaryFile(dir=home) as trial:
            trial.write(b"\0" * 4096)
            trial.flush()
    if damaged := [path for path in databases(home) if not begins_well(path)]:
        raise StorageError(" ".join(map(of_damage, damaged)))


def require_room(home: Path) -> None:
    """Raise StorageError where so little is left on the disk that a step would end in the middle."""
    if says := no_room(home, free_bytes(home)):
        raise StorageError(says)


def no_room(home: Path, free: int) -> str | None:
    """Why nothing may begin, by the bytes that are free; None where there is room. Pure."""
    if free >= FLOOR_BYTES:
        return None
    return (
        f"The disk of {home} has {free / 1e6:,.0f} MB left, and {FLOOR_BYTES / 1e6:,.0f} MB are needed before "
        "anything begins: free some space, or set LWV_HOME to another disk."
    )


def free_bytes(home: Path) -> int:
    """What is free on the disk of a folder, there or not yet."""
    there = next(folder for folder in (home, *home.parents) if folder.exists())
    return shutil.disk_usage(there).free


def _is_utf8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
