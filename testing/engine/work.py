"""The job that every tool is given: how many sections a sample has, and how long each of its calls takes.

All of it follows from hash(sample, step), so each tool sees the same work in whatever order it asks.
"""

import hashlib
import random
from dataclasses import dataclass

MIN_SECTIONS, MAX_SECTIONS = 4, 12
PLAN_STEP = 0  # step k >= 1 is section k
SECTION_WORDS = 200  # as the writer asks for


@dataclass(frozen=True)
class Speed:
    """One slot's service time: time to first token (s) and decoding rate (tokens/s)."""

    ttft: float = 0.1
    rate: float = 400.0

    def seconds(self, tokens: int) -> float:
        return self.ttft + tokens / self.rate


def sections_of(sample: int, fixed: int = 0) -> int:
    return fixed or _random(sample, "sections").randint(MIN_SECTIONS, MAX_SECTIONS)


def tokens_of(sample: int, step: int, fixed: int = 0) -> int:
    """Completion tokens of a call: a plan has 45 a section, a section 150 to 400 (266 where sections are fixed)."""
    if step == PLAN_STEP:
        return 45 * sections_of(sample, fixed)
    return 266 if fixed else _random(sample, step).randint(150, 400)


def lower_bound(samples: int, slots: int, speed: Speed, fixed: int = 0) -> float:
    """No schedule can end sooner, seconds: total service over the slots, or the longest chain."""
    chains = [
        sum(speed.seconds(tokens_of(sample, step, fixed)) for step in range(sections_of(sample, fixed) + 1))
        for sample in range(samples)
    ]
    return max(sum(chains) / slots, max(chains))


def total_calls(samples: int, fixed: int = 0) -> int:
    return sum(sections_of(sample, fixed) + 1 for sample in range(samples))


def draw(*what: object) -> float:
    """A number in [0, 1) that follows from `what`."""
    return _random("draw", what).random()


def _random(sample: object, what: object) -> random.Random:
    return random.Random(hashlib.sha256(f"{sample}/{what}".encode()).digest())
