"""People's decisions in the ledger's database: rows are added and read, none is ever changed."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import and_, func, insert, literal, select
from sqlalchemy.dialects import postgresql, sqlite

from resources.decisions.decision import Decision, Kind
from resources.ledger import DECISIONS, Ledger
from resources.store import batched

AT_ONCE = 500  # ids in one question: SQLite takes 999


class People:
    """The decisions beside a ledger's calls."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def append(self, decisions: Iterable[Decision]) -> int:
        """Add them, all or none; those that are there already change nothing. Returns how many were new.

        Raises LedgerError.
        """
        new = 0
        with self._ledger.connected() as connection:
            new_row = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
            for decision in decisions:
                added = new_row(DECISIONS).values(_row(decision)).on_conflict_do_nothing()
                new += len(connection.execute(added.returning(DECISIONS.c.decision_id)).all())
        return new

    def append_once(self, decision: Decision) -> bool:
        """Add it, unless the newest of the same person about the same says just this. One statement: of two processes
        that save it at once, one adds it (on Postgres, where its transactions do not overlap). Raises LedgerError."""
        row, columns = _row(decision), DECISIONS.columns
        by = and_(*(columns[name] == row[name] for name in ("who", "kind", "target")))
        alike = and_(*(columns[name] == row[name] for name in ("seen", "verdict", "text", "errors", "reason")))
        newest = select(func.max(columns.at)).where(by).scalar_subquery()
        said = select(columns.decision_id).where(by, alike, columns.at == newest).exists()
        values = select(*(literal(row[column.name], column.type) for column in columns)).where(~said)
        with self._ledger.connected() as connection:
            added = insert(DECISIONS).from_select([column.name for column in columns], values)
            return connection.execute(added.returning(columns.decision_id)).first() is not None

    def count(self) -> int:
        """How many there are: because rows are only added, all that is known of them stands while this does. Raises
        LedgerError."""
        with self._ledger.connected() as connection:
            return connection.execute(select(func.count()).select_from(DECISIONS)).scalar_one()

    def decisions(self, targets: Sequence[str] | None = None, kind: Kind | None = None) -> list[Decision]:
        """All of them, or those on targets with these ids, or of this kind, oldest first. Raises LedgerError."""
        asked = select(DECISIONS).order_by(DECISIONS.c.at, DECISIONS.c.decision_id)
        asked = asked if kind is None else asked.where(DECISIONS.c.kind == kind)
        found = list[Decision]()
        with self._ledger.connected() as connection:
            questions = (
                [asked]
                if targets is None
                else (asked.where(DECISIONS.c.target.in_(ids)) for ids in batched(sorted(set(targets)), AT_ONCE))
            )
            for question in questions:
                for row in connection.execute(question).mappings():
                    fields = {name: value for name, value in row.items() if name != "decision_id"}
                    found.append(Decision(**{**fields, "errors": tuple(json.loads(row["errors"]))}))
        return found


def _row(decision: Decision) -> dict[str, Any]:
    return {**vars(decision), "errors": json.dumps(decision.errors), "decision_id": decision.decision_id}


@contextmanager
def people_of(home: Path) -> Iterator[People]:
    """The decisions of a factory. Raises LedgerError where its ledger cannot be used."""
    ledger = Ledger.at(home)
    try:
        yield People(ledger)
    finally:
        ledger.close()


def decisions_of(home: Path, targets: Sequence[str] | None = None, kind: Kind | None = None) -> list[Decision]:
    """`People.decisions` of a factory."""
    with people_of(home) as people:
        return people.decisions(targets, kind)
