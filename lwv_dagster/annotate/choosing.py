"""Which segments are meant by the words of a filter, `shard=talks-001 decided=no most=50`, worst doubt first. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from heapq import nsmallest
from typing import Literal, NamedTuple, get_args

from assets.corrected_segments.schema import ERRORS
from assets.signals.schema import Part, Signal
from assets.source_images.schema import Kind
from assets.source_images.splits import Split
from resources.text.shown import in_line

NAMES = ("shard", "rule", "kind", "error", "language", "split", "model", "prompt", "part", "decided", "most")
CLOSED: dict[str, tuple[str, ...]] = {  # names with a fixed set of values
    "kind": get_args(Kind),
    "error": ERRORS,
    "split": get_args(Split),
    "part": get_args(Part),
    "decided": ("yes", "no", "contested", "stale"),
}

State = Literal["decided", "contested", "stale", "untouched"]  # contested, stale: no decision counts
STANDS: dict[State, tuple[str, ...]] = {  # which values of `decided` name it
    "decided": ("yes",),
    "contested": ("no", "contested"),
    "stale": ("no", "stale"),
    "untouched": ("no",),
}


class ChoiceError(ValueError):
    """A word of a filter that means nothing; the sentence says what would."""


class Found(NamedTuple):
    """A segment of a shard."""

    shard: str
    row: Signal


@dataclass(frozen=True)
class Choice:
    """The values of each name, any of which a segment has; empty: all segments. most: so many at most; None: all."""

    values: dict[str, tuple[str, ...]]
    most: int | None = None

    def takes(self, found: Found, state: State) -> bool:
        """Whether a segment is meant."""
        row = found.row
        have: dict[str, tuple[str, ...]] = {
            "shard": (found.shard,),
            "rule": tuple(name for rule in row["rules"] for name in (rule, rule.rpartition(".")[2])),
            "kind": (row["kind"],),
            "error": tuple(row["errors"]),
            "language": (row["language"],),
            "split": (row["split"],),
            "model": (row["author"],),
            "part": tuple(each["part"] for each in row["parts"]),
            "decided": STANDS[state],
        }
        return all(
            row["template"].startswith(wanted) if name == "prompt" else not {*wanted}.isdisjoint(have[name])
            for name, wanted in self.values.items()
        )


def choice_of(words: Iterable[str]) -> Choice:
    """The filter that some words spell: `name=value`, several values with commas between them or in words of their own.

    Raises ChoiceError.
    """
    values, most = dict[str, tuple[str, ...]](), None
    for word in words:
        name, sign, value = word.partition("=")
        if not sign or name not in NAMES or not value.strip(", "):
            names = ", ".join(f"{each}=" for each in NAMES)
            raise ChoiceError(f"{_quoted(word)} is no part of a filter: {names} are.")
        some = tuple(filter(None, map(str.strip, value.split(","))))
        if name == "most":
            if not value.isascii() or not value.isdigit() or not 0 < len(value) < 9 or int(value) == 0:
                raise ChoiceError(f"{_quoted(word)}: `most` is a whole number from 1.")
            most = int(value)
            continue
        if strange := [each for each in some if each not in CLOSED.get(name, some)]:
            raise ChoiceError(f"{_quoted(strange[0])} is no value of `{name}`: {', '.join(CLOSED[name])} are.")
        values[name] = (*values.get(name, ()), *some)
    return Choice(values, most)


def chosen(found: Iterable[Found], choice: Choice, states: Mapping[str, State]) -> list[Found]:
    """Those that are meant, the most doubtful first. states: of the segments that anything was decided about, by id."""
    taken = (each for each in found if choice.takes(each, states.get(each.row["segment_id"], "untouched")))

    def order(each: Found) -> tuple[int, str]:
        return -each.row["doubt"], each.row["segment_id"]

    return sorted(taken, key=order) if choice.most is None else nsmallest(choice.most, taken, key=order)


def _quoted(text: str) -> str:
    return f"`{in_line(text)[:60]}`"
