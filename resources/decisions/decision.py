"""What a person decided about a text, as a value, and what was shown to them."""

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Literal, NamedTuple, get_args

Kind = Literal["segment", "example", "document", "quarantined"]
Verdict = Literal["corrected", "fine", "drop", "retry", "accept", "withdrawn"]
KINDS: tuple[Kind, ...] = get_args(Kind)
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


class Target(NamedTuple):
    """What is decided about, by the id that tables have for it."""

    kind: Kind
    id: str


@dataclass(frozen=True)
class Decision:
    """One row of the table of decisions; the fields are its columns.

    at: Unix time in seconds. seen: `text_hash` of what was shown. text, errors: of a correction, else empty. seconds:
    that it took.
    """

    who: str
    at: float
    kind: Kind
    target: str
    seen: str
    verdict: Verdict
    text: str = ""
    errors: tuple[str, ...] = ()
    reason: str = ""
    seconds: float = 0.0

    @cached_property
    def decision_id(self) -> str:
        """sha256 (hex) of all that it says: the same decision has the same id, however often it is brought in."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    @property
    def about(self) -> Target:
        """What it decides about."""
        return Target(self.kind, self.target)

    @property
    def says(self) -> tuple[object, ...]:
        """All but when it was made and how long that took."""
        return (self.who, self.about, self.seen, self.verdict, self.text, self.errors, self.reason)


def text_hash(*texts: str) -> str:
    """sha256 (hex) of a text; of several that were shown side by side, each different one once, joined by NUL."""
    return hashlib.sha256("\0".join(dict.fromkeys(texts)).encode()).hexdigest()


@dataclass(frozen=True)
class Shown:
    """What a person sees of a target. text: as it is without people's decisions; original: what the critic had, equal
    to `text` where there was no critic or no edit. page: of a deck's segment, 1-based. language: en | zh. held_out: of
    the benchmark split."""

    text: str
    original: str
    page: int | None = None
    language: str = "en"
    held_out: bool = False

    @property
    def seen(self) -> str:
        """The hash by which a decision is known to be about just this."""
        return text_hash(self.original, self.text)
