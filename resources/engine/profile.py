"""What one server takes of one model's requests, and what was learnt of that: a value, kept as JSON."""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from resources.json_types import Json

Structure = Literal["schema", "plain", "json", "none"]
LADDER: tuple[Structure, ...] = ("schema", "plain", "json", "none")  # each asks for less than the one before
MOST_REFUSED = 5  # requests, to learn what a server takes
SURE_S = 24 * 3600.0  # a change is tried out again after so many seconds: servers are mended
# Knobs whose change costs something: a server that refused only once, by a passing fault, is asked in full again.
PASSING = ("context", "most_bytes")  # of how a server was started: not kept for longer than that
LOSSY = ("temperature", "seed", "structure", "most_tokens", "most_images")


@dataclass(frozen=True)
class Profile:
    """How requests are written for one server and model.

    limit: the name of the token limit, empty: none is sent. temperature: least and most that are sent, None: none is.
    system: whether the system turn is one of its own, or the beginning of the first user turn. structure: how
    structured output is asked for: by schema, by a schema without bounds, as any JSON, not at all. usage: ask for usage
    in a stream. most_tokens, most_images, most_bytes: of one request; None: not known. thinking: tokens of room for
    thoughts, on top of what the answer needs. context: tokens of prompt and answer together, and how many a unit of
    `Call.length` takes, for what a prompt leaves.
    """

    limit: str = "max_tokens"
    temperature: tuple[float, float] | None = (0.0, 1e9)
    seed: bool = True
    system: bool = True
    structure: Structure = "schema"
    stream: bool = False
    usage: bool = True
    most_tokens: int | None = None
    most_images: int | None = None
    most_bytes: int | None = None
    thinking: int = 0
    context: tuple[int, float] | None = None

    def with_(self, knob: str, value: object) -> "Profile":
        """The same with one knob turned."""
        turned: dict[str, Any] = {knob: value}
        return replace(self, **turned)


@dataclass(frozen=True)
class Learnt:
    """One knob's value as a refusal taught it. at: Unix time, seconds; sure: it was refused more than once."""

    value: Any
    at: float
    sure: bool


@dataclass(frozen=True)
class Reach:
    """The most that was taken so far, in powers of two: a request within it is nothing new to the server."""

    tokens: int = -1
    images: int = -1
    bytes: int = -1
    schema: bool = False

    def covers(self, other: "Reach") -> bool:
        """Whether a request of `other` asks for nothing that was not taken before."""
        return (
            self.tokens >= other.tokens
            and self.images >= other.images
            and self.bytes >= other.bytes
            and self.schema >= other.schema
        )

    def with_(self, other: "Reach") -> "Reach":
        """The most of both."""
        return Reach(
            max(self.tokens, other.tokens),
            max(self.images, other.images),
            max(self.bytes, other.bytes),
            self.schema or other.schema,
        )


@dataclass(frozen=True)
class Memory:
    """What is kept of a server and model between runs. answered: it has answered before."""

    learnt: Mapping[str, Learnt] = field(default_factory=dict)
    reach: Reach = Reach()
    answered: bool = False

    def applied(self, first: Profile) -> Profile:
        """The profile that a run begins with: what the settings say, and over it what was learnt; of room for thoughts
        and of asking for less structure the one that goes further."""
        if not self.learnt:
            return first
        found = replace(first, **{name: learnt.value for name, learnt in self.learnt.items()})
        return replace(
            found,
            thinking=max(first.thinking, found.thinking),
            structure=max(first.structure, found.structure, key=LADDER.index),
        )

    def doubtful(self, now: float) -> list[str]:
        """The knobs whose change costs something and may rest on a passing fault, or is old.

        Of the first only while few requests were refused in all: so many as there are changes, twice where they are
        sure.
        """
        refused = len(self.learnt) + sum(learnt.sure for learnt in self.learnt.values())
        return [
            name
            for name, learnt in self.learnt.items()
            if name in LOSSY and (now - learnt.at > SURE_S or (not learnt.sure and refused < MOST_REFUSED))
        ]

    def learn(self, name: str, value: object, now: float, sure: bool = False) -> "Memory":
        """With one more change; the same one a second time makes it sure."""
        known = self.learnt.get(name)
        sure = sure or (known is not None and known.value == value)
        return replace(self, learnt={**self.learnt, name: Learnt(value, now, sure)})

    def forget(self, name: str) -> "Memory":
        """Without that change: it was taken after all."""
        return replace(self, learnt={knob: value for knob, value in self.learnt.items() if knob != name})

    def as_json(self) -> str:
        """As the ledger's database keeps it."""
        return json.dumps(asdict(self))


def read_memory(text: str) -> Memory:
    """What `Memory.as_json` wrote; an empty one where it cannot be read (another version wrote it)."""
    try:
        found = json.loads(text)
        return Memory(
            {name: Learnt(_value(learnt["value"]), learnt["at"], learnt["sure"])
             for name, learnt in found["learnt"].items()
             if name in KNOBS and not (name in PASSING and now() - learnt["at"] > SURE_S)},
            Reach(**found["reach"]),
            bool(found["answered"]),
        )  # fmt: skip
    except (ValueError, TypeError, KeyError, AttributeError):
        return Memory()


def _value(value: Json) -> object:
    return tuple(value) if isinstance(value, list) else value


KNOBS = {knob.name for knob in fields(Profile)}


def differences(before: Profile, after: Profile) -> dict[str, object]:
    """The knobs that differ, with their values in `after`."""
    return {name: getattr(after, name) for name in sorted(KNOBS) if getattr(before, name) != getattr(after, name)}


def power(number: int) -> int:
    """The power of two that holds a number: 0 for 0 and 1, 12 for 4,096."""
    return max(0, number - 1).bit_length()


def now() -> float:
    """Unix time, seconds."""
    return time.time()
