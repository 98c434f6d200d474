"""`lwv annotate` where there is nothing to decide about, or nowhere to keep it: a sentence, and nothing is made."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from assets.source_images.schema import SOURCE_IMAGES
from lwv_dagster.cli import main
from resources.store import Store


@pytest.mark.parametrize("command", ["import", "export"])
def test_a_home_without_a_table_is_told_and_stays_as_it_is(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LWV_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "250")
    file = tmp_path / "decisions.jsonl"
    file.write_text("")
    result = CliRunner().invoke(main, ["annotate", command, *([str(file)] if command == "import" else [])])
    assert result.exit_code == 2
    assert "has no table yet" in result.output
    assert not (tmp_path / "home").exists()


def test_a_ledger_that_cannot_be_used_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LWV_HOME", str(tmp_path))
    Store(tmp_path).write_table(SOURCE_IMAGES, "a-001", [])
    (tmp_path / "calls.db").write_bytes(b"this is no database" * 100)
    file = tmp_path / "decisions.jsonl"
    file.write_text('{"verdict": "fine"}\n')
    result = CliRunner().invoke(main, ["annotate", "import", str(file), "--yes"])
    assert result.exit_code == 2
    assert "calls.db" in result.output and "Traceback" not in result.output


def test_a_shard_that_is_not_there_is_named_with_those_that_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LWV_HOME", str(tmp_path))
    Store(tmp_path).write_table(SOURCE_IMAGES, "a-001", [])
    result = CliRunner().invoke(main, ["annotate", "export", "--shard", "b-001"])
    assert result.exit_code == 2
    assert "has no shard b-001: it has a-001." in result.output
