"""Calls that are taken out of the ledger, so that they are made again: which ones, and how many."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, create_engine, delete, func, inspect, select
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import DBAPIError

from resources.failures import LedgerError
from resources.ledger import CALLS, PROMPTS
from resources.messages import Role
from resources.storage_faults import of_database

WAIT_S = 30  # for a run that is writing


class CallGroup(NamedTuple):
    """Calls of one role, model and status. tokens: of prompts and answers; usd: what they cost."""

    role: str
    model: str
    status: str
    calls: int
    tokens: int
    usd: float


@dataclass(frozen=True)
class Which:
    """The calls for which all that is given holds. template: how it begins; sample: whole, or how it begins, with `*`
    behind; before, since: Unix time in seconds."""

    role: Role | None = None
    model: str | None = None
    template: str | None = None
    status: str | None = None
    sample: str | None = None
    before: float | None = None
    since: float | None = None

    def condition(self) -> ColumnElement[bool]:
        """As a condition on CALLS; one that all calls meet where nothing is given."""
        columns = CALLS.c
        parts: list[ColumnElement[bool]] = [columns.call_id.is_not(None)]
        for column, wanted in ((columns.role, self.role), (columns.model, self.model), (columns.status, self.status)):
            if wanted is not None:
                parts.append(column == wanted)
        if self.template is not None:
            parts.append(columns.template.startswith(self.template, autoescape=True))
        if self.sample is not None:
            begins = self.sample.endswith("*")
            parts.append(
                columns.sample.startswith(self.sample[:-1], autoescape=True)
                if begins
                else columns.sample == self.sample
            )
        if self.before is not None:
            parts.append(columns.at < self.before)
        if self.since is not None:
            parts.append(columns.at >= self.since)
        return and_(*parts)


class LedgerCleaner:
    """The ledger of a home that exists already. Raises LedgerError where there is none, or it cannot be used."""

    def __init__(self, home: Path) -> None:
        self.path = home / "calls.db"
        if not self.path.is_file():
            raise LedgerError(f"There is no ledger at {self.path}: set LWV_HOME to the folder whose calls you mean.")
        url = URL.create("sqlite", database=str(self.path))
        self._engine: Engine = create_engine(url, connect_args={"timeout": WAIT_S})

    def count(self, which: Which) -> list[CallGroup]:
        """The calls that would be forgotten, by role, model and status."""
        groups = (CALLS.c.role, CALLS.c.model, CALLS.c.status)
        tokens = func.sum(CALLS.c.prompt_tokens + CALLS.c.completion_tokens)
        statement = select(*groups, func.count(), tokens, func.sum(CALLS.c.cost_usd)).where(which.condition())
        try:
            with self._engine.connect() as connection:
                rows = connection.execute(statement.group_by(*groups).order_by(*groups))
                return [CallGroup(*row) for row in rows]
        except DBAPIError as error:
            raise self._unusable(error) from error

    def forget(self, which: Which) -> int:
        """Delete the calls, all or none, and what was sent with them alone; returns how many calls.

        A run at the same time keeps what it has read.
        """
        try:
            with self._engine.begin() as connection:
                count = connection.execute(delete(CALLS).where(which.condition())).rowcount
                if inspect(connection).has_table(PROMPTS.name):  # else the ledger is of an older version
                    forget_unsent(connection)
                return count
        except DBAPIError as error:
            raise self._unusable(error) from error

    def close(self) -> None:
        """Close every connection to the database."""
        self._engine.dispose()

    def _unusable(self, error: DBAPIError) -> LedgerError:
        says = of_database(str(error.orig), self.path.parent, self.path)
        return LedgerError(f"The ledger {self.path} cannot be used ({error.orig}): {says}")


def forget_unsent(connection: Connection) -> None:
    """Delete the messages that no call of the ledger was sent."""
    asked = select(CALLS.c.prompt).where(CALLS.c.prompt != "")
    last = select(PROMPTS.c.prompt_id, PROMPTS.c.parent).where(PROMPTS.c.prompt_id.in_(asked))
    sent = last.cte("sent", recursive=True)
    before = select(PROMPTS.c.prompt_id, PROMPTS.c.parent).join(sent, PROMPTS.c.prompt_id == sent.c.parent)
    connection.execute(delete(PROMPTS).where(PROMPTS.c.prompt_id.not_in(select(sent.union(before).c.prompt_id))))
