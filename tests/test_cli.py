"""The command `lwv` itself: its version."""

from importlib.metadata import version
from pathlib import Path

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
