"""What a disk or a database says when it fails, as one sentence that names the file and the remedy."""

import errno
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from resources.damaged_files import damage
from resources.failures import StorageError

FULL = (errno.ENOSPC, errno.EDQUOT)
CLOSED = (errno.EROFS, errno.EACCES, errno.EPERM)
NEARLY_FULL_BYTES = 1_000_000
HEADER = b"SQLite format 3\0"
GOES_ON = "run the same command again: it goes on where it stopped, and nothing is paid twice"


def why(error: BaseException, home: Path) -> str | None:
    """What to say of an error of the disk or a database under `home`; None where it is of another kind.

    Errors that hide another (Dagster's, SQLAlchemy's) are looked through.
    """
    for each in _chain(error):
        if isinstance(each, StorageError):
            return str(each)
        if isinstance(each, sqlite3.Error):
            return of_database(str(each), home)
        if isinstance(each, OSError) and (says := of_disk(each, home)):
            return says
        if _is_unreadable(each) and (says := damage(home)):
            return says
    return None


def of_full_disk(error: BaseException, folder: Path) -> str | None:
    """What to say where nothing more can be written into `folder`, whoever found that out: what writes weights says it
    in words of its own. None where there is room."""
    found = next((each for each in _chain(error) if "No space left on device" in str(each)), None)
    if found is None and shutil.disk_usage(folder).free > NEARLY_FULL_BYTES:
        return None
    return of_disk(OSError(errno.ENOSPC, "No space left on device", str(folder)), folder)


def of_disk(error: OSError, home: Path) -> str | None:
    """What to say of an error of the operating system; None where it is none of a disk. Pure."""
    place, code = error.filename or home, error.errno
    if code in FULL or "No space left on device" in str(error):
        return f"The disk of {place} is full: free some space, then {GOES_ON}."
    if code in CLOSED:
        other = ", or set LWV_HOME to a folder of your own" if Path(str(place)).is_relative_to(home) else ""
        return f"{place} cannot be written or read ({error.strerror}): give yourself the right to{other}."
    if code == errno.EFBIG:
        return f"{place} may not grow further (ulimit -f, or a limit of its disk): raise the limit, then {GOES_ON}."
    if code == errno.ENAMETOOLONG:
        return f"{place} is too long for a path here: set LWV_HOME to a shorter one."
    if code == errno.EIO:
        return f"The disk of {place} has an error ({error.strerror}): look at it before you go on."
    return None


def of_database(says: str, home: Path, path: Path | None = None) -> str:
    """What to say of an error of SQLite. path: the database; unset, the damaged ones are looked for."""
    at = path or home
    if "full" in says or ("disk I/O" in says and _is_full(home)):  # the latter of a log in memory that cannot grow
        return f"The disk of {at} is full: free some space, then {GOES_ON}."
    if "readonly" in says or "unable to open" in says or "authorization" in says:
        return f"{at} cannot be written ({says}): give yourself the right to, or set LWV_HOME to a folder of your own."
    if "not a database" in says or "malformed" in says:
        damaged = [path] if path else [each for each in databases(home) if not is_sound(each)]
        return " ".join(map(of_damage, damaged)) or f"A database in {at} is damaged ({says}): restore it from a backup."
    if "locked" in says or "busy" in says:
        return f"{at} is held by another process ({says}): wait until it has ended, then run again."
    return f"A database in {at} cannot be used ({says}): restore it from a backup, or move it away."


def of_damage(path: Path) -> str:
    """What to do about a database that is damaged. Pure."""
    lost = (
        "answered calls are then asked and paid again"
        if path.name == "calls.db"
        else "Dagster's list of past runs is then empty, tables and answers are not touched"
    )
    return f"{path} is damaged: restore it from a backup, or move it away ({lost})."


def databases(home: Path) -> list[Path]:
    """The ledger and Dagster's databases, those that are there."""
    dagster = Path(os.environ.get("DAGSTER_HOME") or home / "dagster")
    return sorted(path for path in (home / "calls.db", *dagster.rglob("*.db")) if path.exists())


def begins_well(path: Path) -> bool:
    """Whether a file is a SQLite database by its first bytes, or empty."""
    try:
        with path.open("rb") as file:
            return file.read(len(HEADER)) in (HEADER, b"")
    except PermissionError:
        return True  # that is another matter
    except OSError:  # a folder
        return False


def is_sound(path: Path) -> bool:
    """Whether a database's pages fit together; a second for a GB."""
    if not begins_well(path):
        return False
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=1)
        try:
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")
        finally:
            connection.close()
    except sqlite3.OperationalError:  # locked, or its log cannot be read: no damage
        return True
    except sqlite3.Error:
        return False


@contextmanager
def storage(home: Path) -> Iterator[None]:
    """Errors of the disk or a database in the block become StorageError, a sentence."""
    try:
        yield
    except Exception as error:
        if isinstance(error, StorageError) or (says := why(error, home)) is None:
            raise
        raise StorageError(says) from error


def _is_unreadable(error: BaseException) -> bool:
    """Whether JSON or Parquet could not be read; neither names its file. Arrow also raises a bare OSError."""
    is_arrows = type(error).__module__.startswith("pyarrow") or (isinstance(error, OSError) and error.errno is None)
    return is_arrows or isinstance(error, json.JSONDecodeError | UnicodeDecodeError)


def _is_full(home: Path) -> bool:
    return home.exists() and shutil.disk_usage(home).free < NEARLY_FULL_BYTES


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        yield found
        seen.add(id(found))
        found = found.__cause__ or getattr(found, "orig", None)
