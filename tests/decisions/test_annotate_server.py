"""`make annotate` hands no key of ours on, lets nothing out, and says in a sentence why it cannot start."""

import os
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from lwv_dagster.annotate.label_studio.annotate_server import LOGIN, Account, account_in, environment, said
from lwv_dagster.annotate.label_studio.labelling_project import CONTROLS, label_config, title_of

ROOT = Path(__file__).resolve().parents[2]
SERVER = "lwv_dagster.annotate.label_studio.annotate_server"
OURS = {
    "PATH": "/usr/bin",
    "HF_TOKEN": "hf_secret_1",
    "LWV_TEACHER_API_KEY": "sk-secret-2",
    "AWS_SECRET_ACCESS_KEY": "secret-3-of-a-cloud",
    "LABEL_STUDIO_SENTRY_DSN": "https://collect.example",
    "HEARTEX_DEBUG": "true",
    "PYTHONPATH": "/ours",
}


def test_no_key_is_handed_on_and_nothing_is_sent_out(tmp_path: Path) -> None:
    found = environment(OURS, tmp_path, tmp_path / "data", Account("t" * 40, "p"))
    assert found["PATH"] == "/usr/bin"
    assert not any("secret" in value for value in found.values())
    assert "PYTHONPATH" not in found and "HEARTEX_DEBUG" not in found
    for name in ("SENTRY_DSN", "FRONTEND_SENTRY_DSN"):
        assert found[f"LABEL_STUDIO_{name}"] == ""
    for name in ("COLLECT_ANALYTICS", "LATEST_VERSION_CHECK"):
        assert found[f"LABEL_STUDIO_{name}"] == "false"
    assert found["LABEL_STUDIO_USER_TOKEN"] == "t" * 40
    again = environment(OURS, tmp_path, tmp_path / "data", Account("t" * 40, None))
    assert not {"LABEL_STUDIO_USER_TOKEN", "LABEL_STUDIO_PASSWORD", "LABEL_STUDIO_USERNAME"} & {*again}


def test_the_first_account_is_known_again_and_a_broken_database_is_a_first_start(tmp_path: Path) -> None:
    path = tmp_path / "label_studio.sqlite3"
    assert account_in(path) is None
    path.write_bytes(b"")
    assert account_in(path) is None
    path.write_bytes(b"no database" * 99)
    assert account_in(path) is None
    path.unlink()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE htx_user (id, email)")
        connection.execute("CREATE TABLE authtoken_token (key, user_id)")
        connection.execute("INSERT INTO htx_user VALUES (2, 'other'), (3, ?)", (LOGIN,))
        connection.execute("INSERT INTO authtoken_token VALUES ('a', 2), ('b', 3)")
    connection.close()
    assert account_in(path) == Account("b", None)
    assert "reset_password" in said("http://x", Account("b", None), Path("p"), tmp_path)


def started(tmp_path: Path, program: Path, port: int) -> str:
    result = subprocess.run(
        [sys.executable, "-m", SERVER, str(program), str(port)],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "LWV_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.returncode == 1 and "Traceback" not in result.stderr
    return result.stderr


def test_why_it_cannot_start_is_a_sentence(tmp_path: Path) -> None:
    assert "is not there: `make annotate` installs it" in started(tmp_path, tmp_path / "bin" / "label-studio", 0)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"Port {port} cannot be used" in started(tmp_path, tmp_path / "label-studio", port)
    program = tmp_path / "label-studio"
    program.write_text("")
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho it is broken >&2\nexit 3\n")
    python.chmod(0o755)
    for path in (program, Path(os.path.relpath(program, ROOT))):  # make names it from where it stands
        assert "Label Studio ended before it answered (it is broken)" in started(tmp_path, path, 0)


@pytest.mark.parametrize("name", CONTROLS)
def test_the_page_has_each_control_that_answers_are_read_from(name: str) -> None:
    assert f'name="{name}" toName="draft"' in label_config()


def test_homes_have_projects_of_their_own_with_names_that_label_studio_takes() -> None:
    homes = [Path("/a/.lwv"), Path("/b/.lwv"), Path("/c/" + "x" * 200), Path("/d/a\nb")]
    titles = [title_of(home) for home in homes]
    assert len({*titles}) == 4 and all(3 <= len(title) <= 50 and title.isprintable() for title in titles)
