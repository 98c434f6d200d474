"""The ledger does the same on SQLite and on a real Postgres, and takes in a table of an older version."""

import os
import pwd
import shutil
import sqlite3
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Column, MetaData, PrimaryKeyConstraint, String, Table, create_engine, insert

from resources.failures import LedgerError
from resources.ledger import CALLS, PROFILES, Ledger, Record, SampleUsage

ANSWERED = Record(
    call_id="a" * 64,
    role="teacher",
    model="m",
    endpoint="http://one/v1",
    template="write@1f3a09c2",
    sample="s-1",
    step="section-001",
    status="ok",
    text="水 is water.",
    detail="",
    finish_reason="stop",
    prompt_tokens=100,
    cached_tokens=40,
    completion_tokens=20,
    cost_usd=0.25,
    latency_s=2.0,
    at=1_700_000_000.5,
    run="run-1",
)


def server_programs() -> Path | None:
    """The folder of PostgreSQL's server programs; None where there are none."""
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return next((place for place in reversed(places) if (place / "pg_ctl").exists()), None)


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """The URL of an empty database on a server of its own, which listens on a socket file alone."""
    pytest.importorskip("psycopg", reason="psycopg, the driver for Postgres, is not installed")
    programs = server_programs()
    if programs is None:
        pytest.skip("no PostgreSQL server is installed on this machine")
    account = None  # the server refuses to run as root
    if os.geteuid() == 0:
        account = next((user.pw_name for user in pwd.getpwall() if user.pw_name in ("postgres", "nobody")), None)
        if account is None:
            pytest.skip("PostgreSQL refuses to run as root, and there is no account `postgres` or `nobody`")
    home = Path(tempfile.mkdtemp(prefix="lwv-pg-"))  # short: a socket's path has at most 107 bytes
    if account is not None:
        shutil.chown(home, account)

    def call(program: str, *arguments: str) -> None:
        # To a file, not a pipe: the server that `pg_ctl` leaves behind would hold a pipe open.
        with tempfile.TemporaryFile("w+") as said:
            done = subprocess.run([programs / program, *arguments], user=account, cwd="/", stdout=said, stderr=said)
            said.seek(0)
            assert done.returncode == 0, said.read()

    data = str(home / "data")
    try:
        call("initdb", "-D", data, "-U", "lwv", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        call("pg_ctl", "-D", data, "-w", "-l", str(home / "log"), "-o", f"-F -k {home} -c listen_addresses=''", "start")
        try:
            yield f"postgresql+psycopg://lwv@/postgres?host={home}"
        finally:
            call("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without a table."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'calls.db'}"
    url = str(request.getfixturevalue("postgres"))
    engine = create_engine(url)
    CALLS.drop(engine, checkfirst=True)
    engine.dispose()
    return url


def test_a_table_of_an_older_version_gets_its_columns_with_zero_for_a_number_and_nothing_for_a_text(url: str) -> None:
    lacking, expected = ("cached_tokens", "latency_s", "run"), replace(ANSWERED, cached_tokens=0, latency_s=0.0, run="")
    kept = [column for column in CALLS.columns if column.name not in lacking]
    older = Table(
        "calls",
        MetaData(),
        *(Column(column.name, column.type, primary_key=column.primary_key, nullable=False) for column in kept),
    )
    engine = create_engine(url)
    older.create(engine)
    with engine.begin() as connection:
        connection.execute(insert(older), {column.name: getattr(ANSWERED, column.name) for column in kept})
    engine.dispose()
    for _ in range(2):  # the second time there is nothing left to add
        ledger = Ledger(url)
        found = ledger.get(ANSWERED.call_id)
        ledger.put(replace(ANSWERED, call_id="b" * 64))
        assert found == expected
        assert (type(found.cached_tokens), type(found.latency_s)) == (int, float)
        assert ledger.get("b" * 64) == replace(ANSWERED, call_id="b" * 64)
        ledger.close()


def test_names_of_any_length_are_kept_by_a_table_of_an_older_version_too(url: str) -> None:
    engine = create_engine(url)
    for table in (CALLS, PROFILES):
        table.drop(engine, checkfirst=True)
        columns = (
            Column(column.name, String(200) if column.name in ("model", "url") else column.type, nullable=False)
            for column in table.columns
        )
        Table(table.name, MetaData(), *columns, PrimaryKeyConstraint(next(iter(table.columns)).name)).create(engine)
    engine.dispose()
    ledger, long = Ledger(url), "x" * 1000
    ledger.put(replace(ANSWERED, model=long, endpoint=long, served=long))
    ledger.put_profile("key", long, long, "{}")
    assert ledger.get(ANSWERED.call_id) == replace(ANSWERED, model=long, endpoint=long, served=long)
    assert ledger.get_profile("key") == "{}"
    ledger.close()


def test_an_answer_replaces_a_failure_and_is_never_replaced(url: str) -> None:
    ledger = Ledger(url)
    assert ledger.get(ANSWERED.call_id) is None
    failed = replace(ANSWERED, status="empty", text="", detail="the answer was empty")
    for put, stands in ((failed, failed), (ANSWERED, ANSWERED), (failed, ANSWERED)):
        ledger.put(put)
        assert ledger.get(ANSWERED.call_id) == stands
    ledger.close()


def test_the_sums_are_of_answered_calls_and_a_runs_spending_of_all_its_calls(url: str) -> None:
    ledger = Ledger(url)
    assert (ledger.spent("run-1"), ledger.tokens_per_second("m"), list(ledger.usage())) == ((0.0, 0), None, [])
    ledger.put(ANSWERED)
    ledger.put(replace(ANSWERED, call_id="b" * 64, completion_tokens=40))
    ledger.put(replace(ANSWERED, call_id="c" * 64, status="refused", text=""))
    ledger.put(replace(ANSWERED, call_id="d" * 64, sample="s-2", model="n", run="run-2", latency_s=4.0))
    assert ledger.spent("run-1") == (0.75, 380)
    assert ledger.tokens_per_second("m") == pytest.approx(60 / 4)
    assert sorted(ledger.usage()) == [
        SampleUsage("s-1", "teacher", "m", "write@1f3a09c2", 2, 260, 0.5),
        SampleUsage("s-2", "teacher", "n", "write@1f3a09c2", 1, 120, 0.25),
    ]
    ledger.close()


@pytest.mark.parametrize("old", [False, True], ids=["a new ledger", "a ledger of an older version"])
def test_several_may_open_a_ledger_at_once(old: bool, tmp_path: Path) -> None:
    stored = Path(__file__).parents[1] / "stored" / "home-0.1" / "calls.db"

    def opened(home: Path, barrier: threading.Barrier) -> str | None:
        barrier.wait()
        ledger = Ledger.at(home)
        ledger.put_profile("key", "http://one/v1", "m", "{}")
        return ledger.get_profile("key")

    for attempt in range(3):
        home = tmp_path / str(attempt)
        home.mkdir()
        if old:
            shutil.copy(stored, home / "calls.db")
        with ThreadPoolExecutor(6) as pool:
            assert list(pool.map(opened, [home] * 6, [threading.Barrier(6)] * 6)) == ["{}"] * 6


def test_a_profile_that_cannot_be_written_is_an_error_in_words(tmp_path: Path) -> None:
    ledger = Ledger.at(tmp_path)
    with closing(sqlite3.connect(tmp_path / "calls.db")) as other:
        other.execute("DROP TABLE server_profiles")
    with pytest.raises(LedgerError, match=r"cannot be used .no such table"):
        ledger.put_profile("key", "http://one/v1", "m", "{}")
