"""Numbers of a shard's signals for the UI; the same in each run."""

from dataclasses import dataclass, field

from assets.signals.schema import Signal
from resources.dagster import Metadata, mean

DOUBTED = 40  # points, from which on a segment is worth a look


@dataclass
class SignalTally:
    """Of the rows that were added."""

    doubts: list[int] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)  # of the pages' words that are used
    numbers_off: int = 0  # segments
    headings_lost: int = 0
    looping: int = 0
    named: int = 0
    usd: float = 0.0

    def add(self, row: Signal) -> None:
        """Count one segment."""
        self.doubts.append(row["doubt"])
        if row["page_share"] is not None:
            self.shares.append(row["page_share"])
        self.numbers_off += bool(row["numbers_off"])
        self.headings_lost += row["heading_lost"]
        self.looping += row["loops"]
        self.named += bool(row["rules"])
        self.usd += row["cost_usd"] or 0.0

    def metadata(self) -> Metadata:
        """Means and counts."""
        return {
            "doubt_mean": mean(sum(self.doubts), len(self.doubts)),
            f"doubt_{DOUBTED}_or_more": sum(doubt >= DOUBTED for doubt in self.doubts),
            "page_share_mean": mean(sum(self.shares), len(self.shares)),
            "numbers_off": self.numbers_off,
            "headings_lost": self.headings_lost,
            "looping": self.looping,
            "named_by_rules": self.named,
            "cost_usd": self.usd,
        }
