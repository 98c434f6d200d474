"""`make annotate`: Label Studio on this machine alone, with the factory's project; argument: its program, the port."""

import os
import secrets
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from lwv_dagster.annotate.label_studio.label_studio_client import LabelStudio, LabelStudioError
from lwv_dagster.annotate.label_studio.labelling_project import ensure_project
from resources import dies_with_parent
from resources.dies_with_parent import parent_env
from resources.secret_values import withheld
from resources.settings import SettingError, Settings
from resources.stopping import STOP, Stopped
from resources.store import Store

LOGIN = "lead@lwv.local"  # of the first account; others come by its invitation
PATIENCE_S = 900.0  # for the first start, which makes the database
EVERY_S = 1.0
STOP_S = 20.0
# Of our own environment nothing is handed on that is meant for another program, or that Label Studio would take for its
# own (it reads `LABEL_STUDIO_X`, `HEARTEX_X` and `X`).
NOT_HANDED_ON = ("LABEL_STUDIO_", "HEARTEX_", "DJANGO_", "PYTHON", "VIRTUAL_ENV", "LWV_")


@dataclass(frozen=True)
class Account:
    """Who may log in first. password: None where the account is there already, and keeps its own."""

    token: str
    password: str | None


def main() -> None:
    """Until it is stopped."""
    program, port = Path(sys.argv[1]).absolute(), int(sys.argv[2])
    try:
        home = Settings().absolute().home
        data = home / "label-studio"
        data.mkdir(parents=True, exist_ok=True)
        data.chmod(0o700)
        account = account_in(data / "label_studio.sqlite3") or Account(secrets.token_hex(20), secrets.token_urlsafe(12))
        with STOP.listening():
            run(program, port, Store(home), data, account)
    except Stopped:
        sys.exit(STOP.exit_code)
    except (LabelStudioError, OSError, SettingError) as error:
        sys.exit(f"make annotate: {error}")


def run(program: Path, port: int, store: Store, data: Path, account: Account) -> None:
    """Start it, make the project, say where it is, and wait until it ends. Raises LabelStudioError, OSError."""
    require_free(port)
    url, log = f"http://127.0.0.1:{port}", data / "label-studio.log"
    sys.stdout.write(f"Label Studio starts (its first start takes a minute or two; what it says: {log}) …\n")
    sys.stdout.flush()
    with log.open("ab") as out:
        process = subprocess.Popen(
            command(program, port),
            env={**environment(os.environ, store.home, data, account), **parent_env()},
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=data,
        )
    try:
        wait_until_ready(process, url, log)
        with LabelStudio(url, account.token) as studio:
            ensure_project(studio, store)
        sys.stdout.write(said(url, account, program, data))
        sys.stdout.flush()
        if code := process.wait():
            raise LabelStudioError(f"Label Studio ended with {code}: {log} says why.")
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def command(program: Path, port: int) -> list[str]:
    """As `label-studio start`, by the Python beside that program, in a process that ends with this one."""
    start = ["start", "--no-browser", "--port", str(port), "--internal-host", "127.0.0.1"]
    python = program.parent / "python"
    if not program.exists() or not python.exists():
        raise LabelStudioError(f"{program} is not there: `make annotate` installs it.")
    # -P: the folder of our script holds modules that are called as some of Python's own are.
    return [str(python), "-P", str(dies_with_parent.__file__), "label_studio.server", *start]


def environment(ours: Mapping[str, str], home: Path, data: Path, account: Account) -> dict[str, str]:
    """Its settings: nothing is sent anywhere, images of this home alone are served, nobody signs up uninvited."""
    kept = {name: value for name, value in ours.items() if not name.startswith(NOT_HANDED_ON)}
    first = (
        {"LABEL_STUDIO_USERNAME": LOGIN, "LABEL_STUDIO_PASSWORD": account.password or ""} if account.password else {}
    )
    return {
        **kept,
        **withheld(kept),
        "LABEL_STUDIO_BASE_DATA_DIR": str(data),
        "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
        "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(home),
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",  # without it, tokens of this kind are refused
        "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
        "LABEL_STUDIO_ALLOWED_HOSTS": "127.0.0.1,localhost",
        "LABEL_STUDIO_COLLECT_ANALYTICS": "false",
        "LABEL_STUDIO_LATEST_VERSION_CHECK": "false",
        "LABEL_STUDIO_SENTRY_DSN": "",
        "LABEL_STUDIO_FRONTEND_SENTRY_DSN": "",
        "COLLECT_ANALYTICS": "false",
        **first,
        **({"LABEL_STUDIO_USER_TOKEN": account.token} if first else {}),
    }


def account_in(database: Path) -> Account | None:
    """The first account of a data folder, as its database has it; None where it was never started."""
    if not database.exists():
        return None
    asked = (
        "SELECT authtoken_token.key FROM authtoken_token JOIN htx_user ON htx_user.id = authtoken_token.user_id "
        "WHERE htx_user.email = ?"
    )
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            row = connection.execute(asked, (LOGIN,)).fetchone()
    except sqlite3.Error:  # a first start that was broken off before its tables were made
        return None
    return Account(str(row[0]), None) if row else None


def require_free(port: int) -> None:
    """Label Studio would silently take the next port. Raises LabelStudioError."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise LabelStudioError(
                f"Port {port} cannot be used ({error.strerror}): make annotate ANNOTATE_PORT=8090 takes another."
            ) from error


def wait_until_ready(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    """Raises LabelStudioError where it ends, or does not answer in time."""
    import httpx2

    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if process.poll() is not None:
            last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
            raise LabelStudioError(f"Label Studio ended before it answered ({''.join(last)[:200]}): {log} says why.")
        try:
            if httpx2.get(f"{url}/health", timeout=5, trust_env=False).status_code == 200:
                return
        except httpx2.HTTPError:
            pass
        time.sleep(EVERY_S)
    raise LabelStudioError(f"Label Studio did not answer within {PATIENCE_S:.0f} s: {log} says what it does.")


def said(url: str, account: Account, program: Path, data: Path) -> str:
    """What a person needs to know. The token is shown here and written nowhere by us."""
    reset = f"LABEL_STUDIO_BASE_DATA_DIR={data} {program} reset_password --username {LOGIN}"
    password = account.password or f"as at the first start (forgotten: {reset})"
    return (
        f"Label Studio: {url} (stop with Ctrl+C)\n"
        f"Login: {LOGIN}\nPassword: {password}\n"
        "For `lwv annotate push` and `pull`, and for the sensor of `make ui`:\n"
        f"  export LWV_LABEL_STUDIO_URL={url} LWV_LABEL_STUDIO_TOKEN={account.token}\n"
        "Others join by the invitation link of its page Organization.\n"
    )


if __name__ == "__main__":
    main()
