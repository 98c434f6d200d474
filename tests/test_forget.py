"""`lwv forget`: what it shows and deletes is what was asked for, and no call more."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from lwv_dagster.cli import main
from lwv_dagster.forget import moment
from resources.ledger import Ledger
from resources.ledger_forget import LedgerCleaner, Which
from tests.engine.test_ledger import ANSWERED

NOW = time.time()
CALLS = [
    replace(ANSWERED, call_id=f"{number:064d}", **changed)
    for number, changed in enumerate(
        [
            {"sample": "a-1-deck", "template": "plan@11111111", "at": NOW - 30},
            {"sample": "a-1-deck", "template": "write@22222222", "status": "truncated", "at": NOW - 3000},
            {"sample": "a-10-deck", "template": "write@22222222", "at": NOW - 10_000},
            {"sample": "a_1-deck", "template": "write_more@33333333", "model": "other", "at": NOW - 10_000},
            {"sample": "b-1", "role": "critic", "template": "correct@4", "status": "empty", "at": NOW - 500_000},
        ]
    )
]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LWV_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    ledger = Ledger.at(tmp_path)
    for call in CALLS:
        ledger.put(call)
    ledger.close()
    return tmp_path


def left(home: Path) -> list[int]:
    ledger = Ledger.at(home)
    try:
        return [number for number, call in enumerate(CALLS) if ledger.get(call.call_id)]
    finally:
        ledger.close()


def forget(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["forget", *arguments])


@pytest.mark.parametrize(
    ("arguments", "gone"),
    [
        (["--role", "critic"], {4}),
        (["--model", "other"], {3}),
        (["--model", "oth"], set()),
        (["--template", "write"], {1, 2, 3}),
        (["--template", "write@"], {1, 2}),
        (["--template", "write_"], {3}),  # an underscore is no wildcard
        (["--status", "truncated"], {1}),
        (["--sample", "a-1-deck"], {0, 1}),
        (["--sample", "a-1*"], {0, 1, 2}),
        (["--sample", "a_1*"], {3}),
        (["--sample", "%*"], set()),
        (["--sample", "*"], {0, 1, 2, 3, 4}),
        (["--since", "1h"], {0, 1}),
        (["--before", "1h"], {2, 3, 4}),
        (["--before", "1h", "--since", "4d"], {2, 3}),
        (["--before", datetime.fromtimestamp(NOW - 3 * 86_400, UTC).isoformat()], {4}),
        (["--role", "teacher", "--status", "ok", "--template", "write"], {2, 3}),
        (["--role", "critic", "--status", "ok"], set()),
    ],
)
def test_what_is_deleted_is_what_all_the_filters_say(home: Path, arguments: list[str], gone: set[int]) -> None:
    shown = forget(*arguments)
    assert left(home) == [0, 1, 2, 3, 4]
    assert shown.exit_code == (0 if gone else 1)
    forgotten = forget(*arguments, "--yes")
    assert forgotten.exit_code == (0 if gone else 1)
    assert {0, 1, 2, 3, 4} - set(left(home)) == gone


def test_the_dry_run_counts_and_gives_the_command_and_the_other_says_what_to_run(home: Path) -> None:
    shown = forget("--sample", "a-1*", "--template", "write").output
    assert "would be forgotten" in shown
    assert "Nothing was deleted. To forget them:  lwv forget --template write --sample 'a-1*' --yes" in shown
    assert [line.split() for line in shown.splitlines() if line.lstrip().startswith(("teacher", "all"))] == [
        ["teacher", "m", "ok", "1", "120", "0.2500"],
        ["teacher", "m", "truncated", "1", "120", "0.2500"],
        ["all", "2", "240", "0.5000"],
    ]
    done = forget("--sample", "a-1*", "--template", "write", "--yes").output
    assert "2 calls were deleted" in done
    assert "materialize instructions, long_outputs of the shards" in done


def test_where_nothing_fits_the_ledger_is_shown(home: Path) -> None:
    output = forget("--model", "nobody").output
    assert "No call is such a one" in output
    assert "other" in output and "critic" in output


def test_without_a_filter_or_a_ledger_or_a_time_it_says_so_in_one_sentence(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = forget("--yes")
    assert found.exit_code == 2 and "say which calls" in found.output and left(home) == [0, 1, 2, 3, 4]
    found = forget("--since", "yesterday")
    assert found.exit_code == 2 and "'yesterday' is no time: write 2h, 3d" in found.output
    assert forget("--role", "pupil").exit_code == 2
    monkeypatch.setenv("LWV_HOME", str(tmp_path / "none"))
    found = forget("--role", "critic")
    assert found.exit_code == 2 and "There is no ledger at" in found.output
    assert not (tmp_path / "none").exists()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "calls.db").write_text("no database, but long enough to look like one " * 50)
    monkeypatch.setenv("LWV_HOME", str(tmp_path / "broken"))
    found = forget("--role", "critic", "--yes")
    assert found.exit_code == 2 and "cannot be used" in found.output and "\nTraceback" not in found.output


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_refused_with_a_sentence(text: str) -> None:
    found: float | str
    try:
        found = moment(text)
    except ValueError as error:
        found = str(error)
    assert isinstance(found, float) or "is no time" in found


@pytest.mark.parametrize("option", ["--model", "--template", "--status", "--sample", "--before", "--since"])
def test_an_empty_value_never_widens_the_choice(home: Path, option: str) -> None:
    assert forget("--role", "teacher", option, "", "--yes").exit_code == 2
    assert left(home) == [0, 1, 2, 3, 4]


def test_an_empty_choice_would_be_every_call(home: Path) -> None:
    """Which is why the command refuses it."""
    cleaner = LedgerCleaner(home)
    assert sum(group.calls for group in cleaner.count(Which())) == 5
    cleaner.close()
