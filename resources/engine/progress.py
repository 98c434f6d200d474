"""Progress of a run: counts, speed, cost and time left, logged to `lwv.progress` at most every few seconds."""

import logging
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from resources.messages import Call
from resources.text.shown import number_of

logger = logging.getLogger("lwv.progress")
EVERY_S = 5.0
SECTION = re.compile(r"(section|correct)-\d+")  # how the steps of calls begin that are about one section of a text


class Usage(NamedTuple):
    """What one call took, as the ledger has it."""

    prompt: int  # tokens
    cached: int
    completion: int
    usd: float


@dataclass
class Tally:
    """What an engine did since it was opened; `replayed` calls came from the ledger and cost nothing now."""

    made: int = 0
    replayed: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float = 0.0
    latency_s: float = 0.0
    asked: dict[str, Usage] = field(default_factory=dict)  # by call: all that was answered, whoever paid
    failed: Counter[str] = field(default_factory=Counter)  # answers that could not be used, by kind
    retried: Counter[str] = field(default_factory=Counter)  # tries that got no answer, by kind
    served: dict[str, float] = field(default_factory=dict)  # what a server of ours says that it did

    def metadata(self) -> dict[str, float]:
        """Numbers for an asset's metadata: what its rows took, whichever run made the calls, and what this run made and
        paid. Rows cost what the ledger has of all calls that were asked for them, those of no use too."""
        return {
            "prompt_tokens": sum(usage.prompt for usage in self.asked.values()),
            "completion_tokens": sum(usage.completion for usage in self.asked.values()),
            "cost_usd": round(sum(usage.usd for usage in self.asked.values()), 6),
            "calls_made": self.made,
            "paid_usd": round(self.cost_usd, 6),
        }

    def counts(self) -> dict[str, float]:
        """What else is counted; a counter for each kind of failure that was met."""
        return {
            "calls": len(self.asked),
            "calls_replayed": self.replayed,
            "cached_tokens": sum(usage.cached for usage in self.asked.values()),
            **({"call_seconds_mean": round(self.latency_s / self.made, 3)} if self.made else {}),
            **{f"failed_{kind}": count for kind, count in sorted(self.failed.items())},
            **{f"retried_{kind}": count for kind, count in sorted(self.retried.items())},
            **self.served,
        }


class Progress:
    """Logs how far a run of `total` samples is. calls: as many as the forecast expects, 0 without a forecast."""

    def __init__(self, what: str, total: int, tally: Tally, calls: int = 0) -> None:
        self.what, self.total, self.tally, self.calls = what, total, tally, calls
        self.done = 0
        self.sections: set[tuple[str, str]] = set()
        self._started = time.monotonic()
        self._said = self._started
        self._before = tally.made, tally.replayed, tally.completion_tokens

    def step(self, done: int = 0, asked: Call | None = None) -> None:
        """Count finished samples and answered calls; logs a line every EVERY_S seconds, and at the end."""
        self.done += done
        if asked is not None and (section := SECTION.match(asked.step)):
            self.sections.add((asked.sample, section[0]))
        now = time.monotonic()
        if (done and self.done == self.total) or now - self._said >= EVERY_S:
            self._said = now
            logger.info("%s", self.line(now - self._started))

    def line(self, elapsed_s: float) -> str:
        """Samples and sections done, calls, speed, cost and time left after `elapsed_s` seconds, in one line."""
        replayed = self.tally.replayed - self._before[1]
        calls = self.tally.made - self._before[0] + replayed
        tokens = self.tally.completion_tokens - self._before[2]
        share = self.done / self.total if self.total else 1.0
        if self.calls and self.done < self.total:
            share = max(share, min(0.99, calls / self.calls))
        parts = [f"{self.what}: {self.done} of {self.total}"]
        if self.sections:
            parts.append(number_of(len(self.sections), "section"))
        parts.append(number_of(calls, "call") + (f" ({replayed} answered before)" if replayed else ""))
        if tokens:
            parts.append(f"{tokens / max(elapsed_s, 1e-9):.0f} tokens/s")
        if self.tally.cost_usd:
            parts.append(f"${self.tally.cost_usd:.2f}")
        if 0 < share < 1:
            parts.append(f"about {duration(elapsed_s * (1 - share) / share)} left")
        return ", ".join(parts)


def duration(seconds: float) -> str:
    """`45 s`, `12 min`, `3 h 20 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
