"""The ledger: one durable row per model call, written before its result is used, so that nothing is paid twice."""

import random
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import (
    ClauseElement,
    Column,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    bindparam,
    create_engine,
    event,
    func,
    inspect,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Connection, CursorResult, Dialect, Engine
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.schema import CreateColumn
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from resources.failures import LedgerError
from resources.storage_faults import of_damage, of_database, of_disk

_METADATA = MetaData()
CALLS = Table(
    "calls",
    _METADATA,
    Column("call_id", String(64), primary_key=True),  # Call.key: content of question, model, parameters, attempt
    Column("role", String(16), nullable=False),  # teacher | critic | judge
    Column("model", Text, nullable=False),  # as asked for
    Column("endpoint", Text, nullable=False),  # base URL
    Column("template", String(80), nullable=False),  # prompt template version
    Column("sample", String(120), nullable=False, index=True),
    Column("step", String(60), nullable=False),
    Column("status", String(16), nullable=False),  # ok, or the kind of AnswerError
    Column("text", Text, nullable=False),  # the answer; empty unless status is ok, or truncated (a part)
    Column("detail", Text, nullable=False),  # why not, where status is not ok
    Column("finish_reason", String(40), nullable=False),
    Column("prompt_tokens", Integer, nullable=False),
    Column("cached_tokens", Integer, nullable=False),
    Column("completion_tokens", Integer, nullable=False),
    Column("cost_usd", Float, nullable=False),
    Column("latency_s", Float, nullable=False),
    Column("at", Float, nullable=False),  # Unix time, seconds
    Column("run", String(64), nullable=False, server_default="", index=True),  # whose budget paid it: the Dagster run
    Column("sent", Text, nullable=False, server_default=""),  # what was sent besides the messages, JSON
    Column("served", Text, nullable=False, server_default=""),  # the model that the answer names
    # PROMPTS.prompt_id of the last message that was sent; empty of calls from before prompts were kept.
    Column("prompt", String(32), nullable=False, server_default=""),
)
PROMPTS = Table(  # what was sent (resources/sent_prompts): a row per message after those before it, which chats share
    "prompts",
    _METADATA,
    Column("prompt_id", String(32), primary_key=True),  # of the message and all before it
    Column("parent", String(32), nullable=False),  # prompt_id of the message before; empty of a first one
    Column("speaker", String(16), nullable=False),  # system | user | assistant
    Column("parts", Text, nullable=False),  # JSON: texts, and images as {"image": sha256}
)
PROFILES = Table(
    "server_profiles",
    _METADATA,
    Column("profile_id", String(64), primary_key=True),  # sha256 of address, model, LWV_<ROLE>_EXTRA and _HEADERS
    Column("url", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("memory", Text, nullable=False),  # JSON of profile.Memory
    Column("at", Float, nullable=False),  # Unix time, seconds
)
DECISIONS = Table(  # of people (resources/decisions): rows are added, and none is ever changed
    "decisions",
    _METADATA,
    Column("decision_id", String(64), primary_key=True),  # sha256 of all the rest
    Column("who", Text, nullable=False),
    Column("at", Float, nullable=False),  # Unix time, seconds
    Column("kind", String(16), nullable=False),  # of target: segment | example | document | quarantined
    Column("target", String(160), nullable=False, index=True),  # its id
    Column("seen", String(64), nullable=False),  # sha256 of the text that was shown
    Column("verdict", String(16), nullable=False),  # corrected | fine | drop | retry | accept | withdrawn
    Column("text", Text, nullable=False),  # of a correction; else empty
    Column("errors", Text, nullable=False),  # kinds of error, JSON list
    Column("reason", Text, nullable=False),
    Column("seconds", Float, nullable=False),  # that it took
)


OPENING_S = 5.0  # that processes which open a new ledger at once may be in each other's way
FINAL = ("unable to open", "readonly", "full", "disk I/O")  # what SQLite says where no other process is in the way
ASKED_AT_ONCE = 500  # keys in one statement: older SQLite takes 999
WITH_TEXT = ("ok", "truncated")  # the answers whose text is kept


@dataclass(frozen=True)
class Record:
    """One row of the ledger; the fields are the columns of CALLS."""

    call_id: str
    role: str
    model: str
    endpoint: str
    template: str
    sample: str
    step: str
    status: str
    text: str
    detail: str
    finish_reason: str
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    cost_usd: float
    latency_s: float
    at: float
    run: str = ""
    sent: str = ""
    served: str = ""
    prompt: str = ""


class SampleUsage(NamedTuple):
    """What one sample's answered calls of one role, model and prompt template took."""

    sample: str
    role: str
    model: str
    template: str
    calls: int
    tokens: int  # of prompts and answers
    usd: float


class CallCost(NamedTuple):
    """What one call took, and the version of the prompt template that it was asked with."""

    template: str
    tokens: int  # of the prompt and the answer
    usd: float


class Statement(NamedTuple):
    """What is run for each call, as SQL that the database takes: SQLAlchemy's own way costs twice as much.

    names: of its values in order, where the driver takes them in order. Only for texts and numbers.
    """

    sql: str
    names: Sequence[str] | None

    @classmethod
    def of(cls, clause: ClauseElement, dialect: Dialect) -> "Statement":
        """From an expression, whose parameters are named like the values."""
        compiled = clause.compile(dialect=dialect)
        assert isinstance(compiled, SQLCompiler)
        return cls(str(compiled), compiled.positiontup if compiled.positional else None)

    def run(self, connection: Connection, values: Mapping[str, Any]) -> CursorResult[Any]:
        """Run it with these values, among others."""
        given = values if self.names is None else tuple([values[name] for name in self.names])
        return connection.exec_driver_sql(self.sql, given)


class Ledger:
    """Calls by key, in SQLite (WAL) under LWV_HOME, or wherever a database URL points.

    A row survives kill -9 of the process from the moment `put` returns.
    """

    def __init__(self, url: str | URL) -> None:
        self._engine: Engine = create_engine(url)
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine, "connect", _sqlite_pragmas)
        self.url = self._engine.url.render_as_string(hide_password=True)
        self._add_what_is_missing()
        insert = postgresql.insert if self._engine.dialect.name == "postgresql" else sqlite.insert
        row = insert(CALLS)
        put = row.on_conflict_do_update(
            index_elements=[CALLS.c.call_id],
            where=CALLS.c.status != literal_column("'ok'"),
            set_={column.name: row.excluded[column.name] for column in CALLS.columns if column.name != "call_id"},
        )
        find = select(CALLS).where(CALLS.c.call_id == bindparam("call_id"))
        self._put, self._put_messages, self._find = (
            Statement.of(clause, self._engine.dialect)
            for clause in (put, insert(PROMPTS).on_conflict_do_nothing(), find)
        )

    @classmethod
    def at(cls, home: Path) -> "Ledger":
        """The ledger in `home`/calls.db; the folder and the file are made where they are missing.

        Raises LedgerError where they cannot be, or the file is no ledger that can be written.
        """
        path = home / "calls.db"
        try:
            home.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                raise LedgerError(f"The ledger {path} is a folder: {of_damage(path)}")
            return cls(URL.create("sqlite", database=str(path)))
        except OSError as error:
            says = of_disk(error, home) or f"LWV_HOME={home} can be no folder ({error.strerror}): name another."
            raise LedgerError(f"The ledger {path} cannot be opened: {says}") from error
        except DBAPIError as error:
            raise LedgerError(
                f"The ledger {path} cannot be opened ({error.orig}): {of_database(str(error.orig), home, path)}"
            ) from error

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        """A transaction on the ledger's database. Raises LedgerError where it fails."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except DBAPIError as error:
            database = self._engine.url.database
            says = f"The ledger {self.url} cannot be used ({error.orig})"
            if self._engine.dialect.name == "sqlite" and database:
                path = Path(database)
                says += f": {of_database(str(error.orig), path.parent, path)}"
            raise LedgerError(says) from error

    def get(self, call_id: str) -> Record | None:
        """The row of a call, whatever its status; None where it was never made."""
        with self.connected() as connection:
            row = self._find.run(connection, {"call_id": call_id}).first()
        return Record(*tuple(row)) if row is not None else None

    def put(self, record: Record, messages: Sequence[Mapping[str, str]] = ()) -> None:
        """Write one row. It replaces an earlier failure or part of the same call, never a whole answer.

        messages: rows of PROMPTS, written in the same transaction; those that are there already stay as they are.
        """
        with self.connected() as connection:
            for message in messages:
                self._put_messages.run(connection, message)
            self._put.run(connection, vars(record))

    def put_prompt(self, call_id: str, prompt: str, messages: Sequence[Mapping[str, str]]) -> None:
        """Say which prompt a call had that is there already."""
        with self.connected() as connection:
            for message in messages:
                self._put_messages.run(connection, message)
            connection.execute(update(CALLS).where(CALLS.c.call_id == call_id).values(prompt=prompt))

    def get_profile(self, key: str) -> str | None:
        """What is kept of a server and model (`profile.Memory`), JSON; None where nothing is."""
        with self.connected() as connection:
            found: str | None = connection.execute(
                select(PROFILES.c.memory).where(PROFILES.c.profile_id == key)
            ).scalar()
        return found

    def put_profile(self, key: str, url: str, model: str, memory: str) -> None:
        """Keep it, in place of what was kept. Raises LedgerError where it cannot be written."""
        insert = postgresql.insert if self._engine.dialect.name == "postgresql" else sqlite.insert
        row = {"profile_id": key, "url": url, "model": model, "memory": memory, "at": time.time()}
        statement = insert(PROFILES).values(row)
        with self.connected() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=[PROFILES.c.profile_id], set_=row))

    def answered(self, role: str, model: str) -> bool:
        """Whether the role's model has ever answered."""
        asked = select(CALLS.c.call_id).where(CALLS.c.role == role, CALLS.c.model == model, CALLS.c.status == "ok")
        with self.connected() as connection:
            return connection.execute(asked.limit(1)).first() is not None

    def spent(self, run: str) -> tuple[float, int]:
        """(US dollars, tokens) of the calls that `run` made so far."""
        with self.connected() as connection:
            usd, tokens = connection.execute(
                select(
                    func.coalesce(func.sum(CALLS.c.cost_usd), 0.0),
                    func.coalesce(func.sum(CALLS.c.prompt_tokens + CALLS.c.completion_tokens), 0),
                ).where(CALLS.c.run == run)
            ).one()
        return float(usd), int(tokens)

    def usage(self) -> Iterator[SampleUsage]:
        """What the answered calls took, by sample, role, model and template; streamed, in no order."""
        groups = (CALLS.c.sample, CALLS.c.role, CALLS.c.model, CALLS.c.template)
        sums = (
            func.count(),
            func.sum(CALLS.c.prompt_tokens + CALLS.c.completion_tokens),
            func.sum(CALLS.c.cost_usd),
        )
        with self.connected() as connection:
            rows = connection.execution_options(yield_per=1000).execute(
                select(*groups, *sums).where(CALLS.c.status == "ok").group_by(*groups)
            )
            for row in rows:
                yield SampleUsage(*row)

    def costs(self, call_ids: Iterable[str]) -> dict[str, CallCost]:
        """What some calls took, by their key; without those that are not there."""
        tokens = CALLS.c.prompt_tokens + CALLS.c.completion_tokens
        found = select(CALLS.c.call_id, CALLS.c.template, tokens, CALLS.c.cost_usd)
        costs, wanted = dict[str, CallCost](), iter(dict.fromkeys(call_ids))
        with self.connected() as connection:
            while some := list(islice(wanted, ASKED_AT_ONCE)):
                for call_id, *cost in connection.execute(found.where(CALLS.c.call_id.in_(some))):
                    costs[call_id] = CallCost(*cost)
        return costs

    def tokens_per_second(self, model: str, last: int = 200) -> float | None:
        """Completion tokens per second of one call, over the model's last answers; None where there are none."""
        recent = (
            select(CALLS.c.completion_tokens, CALLS.c.latency_s)
            .where(CALLS.c.model == model, CALLS.c.status == "ok")
            .order_by(CALLS.c.at.desc())
            .limit(last)
        ).subquery()
        with self.connected() as connection:
            tokens, seconds = connection.execute(
                select(func.sum(recent.c.completion_tokens), func.sum(recent.c.latency_s))
            ).one()
        return tokens / seconds if tokens and seconds else None

    def _add_what_is_missing(self) -> None:
        """Make the tables of a new ledger, and add the columns that one of an older version lacks: its answers were
        paid for. Several processes may open it at once: who comes second finds it done."""
        until = time.monotonic() + OPENING_S
        while True:
            try:
                _METADATA.create_all(self._engine)
                for name, table in _METADATA.tables.items():
                    found = {column["name"]: column["type"] for column in inspect(self._engine).get_columns(name)}
                    for statement in changes(table, found, self._engine.dialect):
                        with self._engine.begin() as connection:
                            connection.execute(text(statement))
                break
            except (OperationalError, ProgrammingError, IntegrityError) as error:  # the last two are Postgres's
                if time.monotonic() > until or any(words in str(error.orig) for words in FINAL):
                    raise
                time.sleep(random.uniform(0.01, 0.1))

    def close(self) -> None:
        """Close every connection to the database."""
        self._engine.dispose()


def changes(table: Table, found: Mapping[str, TypeEngine[Any]], dialect: Dialect) -> list[str]:
    """The statements that make of a table with the columns `found` the one that is declared: the columns that it lacks,
    and on Postgres those that older versions made too short (SQLite knows no length).

    Its rows get 0 where a new column holds numbers, the empty string elsewhere: Postgres refuses a text as the default
    of a number.
    """
    statements = []
    for column in table.columns:
        if column.name not in found:
            default = text("0") if isinstance(column.type, Integer | Float) else ""
            added = Column(column.name, column.type, nullable=False, server_default=default)
            statements.append(f"ALTER TABLE {table.name} ADD COLUMN {CreateColumn(added).compile(dialect=dialect)}")
        elif (
            dialect.name == "postgresql"
            and isinstance(column.type, Text)
            and getattr(found[column.name], "length", None)
        ):
            statements.append(f"ALTER TABLE {table.name} ALTER COLUMN {column.name} TYPE TEXT")
    return statements


def _sqlite_pragmas(connection: sqlite3.Connection, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=30000")  # first: also the change to WAL may have to wait
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()
