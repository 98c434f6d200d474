"""How each segment stands that people decided about, against its text of now: decided, contested or stale."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import pyarrow as pa

from assets.corrected_segments.laid_over import segments_seen
from lwv_dagster.look.tables import Tables
from resources.decisions.decision import Decision, Target, text_hash
from resources.decisions.people import People
from resources.decisions.settle import Settled, settle
from resources.ledger import Ledger
from resources.store import Store

_SEEN = """
    SELECT segments.segment_id, segments.text AS written, corrected.original, corrected.text, corrected.critic
    FROM segments LEFT JOIN corrected_segments AS corrected USING (segment_id)
    WHERE segments.segment_id IN (SELECT unnest($ids))
"""


@dataclass(frozen=True)
class Standings:
    """decisions: all of them, oldest first; outcomes: of each segment that anything stands for."""

    decisions: Sequence[Decision] = ()
    outcomes: Mapping[Target, Settled] = field(default_factory=dict)

    @cached_property
    def table(self) -> pa.Table:
        """(segment_id, state) of each: decided | contested | stale."""
        states = {target.id: state_of(outcome) for target, outcome in self.outcomes.items()}
        columns = {"segment_id": list(states), "state": list(states.values())}
        return pa.table(columns, pa.schema([("segment_id", pa.string()), ("state", pa.string())]))


def state_of(outcome: Settled) -> str:
    """In one word; a segment that is decided may have stale decisions of others behind it."""
    return "decided" if outcome.decision else "contested" if outcome.contested else "stale"


class Standing:
    """The decisions of a home and what they come to. May be used by several threads at once."""

    def __init__(self, store: Store, tables: Tables) -> None:
        self._store, self._tables = store, tables
        self._lock = threading.Lock()
        self._ledger: Ledger | None = None
        self._file: tuple[int, int] | None = None  # which file the open ledger is
        self._seen: dict[str, str] = {}
        self._of: tuple[object, ...] = ()
        self._stamp: tuple[object, ...] = ()
        self._now = Standings()

    def now(self, alike: float) -> Standings:
        """As of now. alike: of the recipe. Raises LedgerError, TablesError."""
        if not (self._store.home / "calls.db").exists():
            return Standings()
        with self._lock:
            stamp = self._tables.stamp("segments", "corrected_segments")
            people = self._people()
            of = (stamp, people.count(), alike)
            if of != self._of:
                if stamp != self._stamp:
                    self._seen, self._stamp = {}, stamp
                self._now, self._of = self._settled(people.decisions(), alike), of
            return self._now

    def people(self) -> People:
        """Where decisions are added. Raises LedgerError."""
        with self._lock:
            return self._people()

    def close(self) -> None:
        """Close the ledger."""
        with self._lock:
            if self._ledger is not None:
                self._ledger.close()

    def _people(self) -> People:
        """A ledger that was moved away or replaced is opened anew: no decision goes into a file that is gone."""
        if self._ledger is not None and self._file != self._file_now():
            self._ledger.close()
            self._ledger, self._of = None, ()
        if self._ledger is None:
            self._ledger = Ledger.at(self._store.home)
            self._file = self._file_now()
        return People(self._ledger)

    def _file_now(self) -> tuple[int, int] | None:
        try:
            found = (self._store.home / "calls.db").stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def _settled(self, decisions: Sequence[Decision], alike: float) -> Standings:
        mine = [each for each in decisions if each.kind == "segment"]
        self._learn({each.target for each in mine} - set(self._seen))
        seen = {Target("segment", name): hashed for name, hashed in self._seen.items() if hashed}
        return Standings(decisions, settle((each for each in mine if each.about in seen), seen, alike))

    def _learn(self, ids: Iterable[str]) -> None:
        """The hashes of what is shown of these segments now; empty of those that are gone."""
        wanted = list(ids)
        self._seen |= dict.fromkeys(wanted, "")
        for row in self._tables.rows(_SEEN, {"ids": wanted}) if wanted else ():
            if row["original"] is None:
                self._seen[row["segment_id"]] = text_hash(row["written"])
            else:
                [self._seen[row["segment_id"]]] = segments_seen([row]).values()  # type: ignore[list-item]
