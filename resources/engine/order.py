"""Which waiting call gets the next free slot, and how many samples may be open: decisions only."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Waiting:
    """A call that waits for a slot. place: its sample's rank of admission; left: calls its sample still needs, this
    one included (None: not known yet, before its plan)."""

    place: int
    left: int | None


def open_samples(window: float, slots: int) -> int:
    """How many samples may be open for `slots` slots.

    1.5 a slot keeps the slots full while a server's prefix cache holds every open sample (docs/engine.md); 4 a slot is
    the best possible schedule within 0.2 % by simulation, for where there is no cache to protect.
    """
    return max(1, math.ceil(window * slots))


def next_call(waiting: Sequence[Waiting], tail: bool) -> int:
    """The index in `waiting` of the call to send next.

    Oldest sample first, so that few samples are half done. In the tail, when no sample waits to be opened, most calls
    left first, so that no long sample is alone at the end.
    """
    if not tail:
        return min(range(len(waiting)), key=lambda index: waiting[index].place)

    def most_left(index: int) -> tuple[float, int]:
        call = waiting[index]
        return (-math.inf if call.left is None else -call.left, call.place)

    return min(range(len(waiting)), key=most_left)
