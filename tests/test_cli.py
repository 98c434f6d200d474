"""The command `lwv` itself: its version."""

from importlib.metadata import version
from pathlib import Path

import pytest
from click.testing import CliRunner

from lwv_dagster.cli import main

ROOT = Path(__file__).resolve().parents[1]


def test_the_version_is_that_of_the_installed_package() -> None:
    found = CliRunner().invoke(main, ["--version"])
    assert found.exit_code == 0
    assert found.output == f"lwv, version {version('lwv-dagster')}\n"


def test_the_newest_version_of_the_changelog_is_that_of_the_project() -> None:
    lines = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
    versions = [line.split("]")[0].removeprefix("## [") for line in lines if line.startswith("## [")]
    assert versions[0] == "Unreleased"
    assert f'version = "{versions[1]}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("LWV_HOME", "a-file", "LWV_HOME must name a folder"),
        ("LWV_HOME", "not-a-ledger", "calls.db is damaged"),
        ("LWV_PRICES", "missing.toml", "LWV_PRICES"),
        ("LWV_TEACHER_EXTRA", '{"a": ' + "[" * 30_000 + "]" * 30_000 + "}", "LWV_TEACHER_EXTRA is no JSON"),
    ],
)
def test_a_check_that_cannot_start_says_why(
    setting: str, value: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a-file").touch()
    (tmp_path / "not-a-ledger").mkdir()
    (tmp_path / "not-a-ledger" / "calls.db").write_bytes(b"something else" * 100)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LWV_TEACHER_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("LWV_TEACHER_MODEL", "m")
    monkeypatch.setenv(setting, value)
    found = CliRunner().invoke(main, ["check"])
    assert (found.exit_code, type(found.exception)) == (2, SystemExit)
    assert "lwv check cannot start" in found.output and says in found.output


@pytest.mark.parametrize("command", [["look"], ["trace", "x"], ["diff", "a", "b"]])
def test_a_setting_that_cannot_be_is_one_sentence(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LWV_LOOK_PORT", "abc")
    found = CliRunner().invoke(main, command)
    assert found.exit_code == 2
    assert found.output.splitlines() == [
        f"lwv {command[0]}: LWV_LOOK_PORT must be a whole number from 1 to 65,535, is 'abc'."
    ]
