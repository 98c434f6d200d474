"""Documents dealt out as forward passes: filled to a token budget, and alike for all devices at each step. No torch.

Devices wait for the slowest of them at each pass. So the passes that devices compute together, a round, are as alike as
the documents of a window of many updates allow.
"""

import heapq
import random
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from resources.store import batched

WINDOW = 1024  # documents that are dealt out together, at least: of fewer, passes are less alike
Pass = tuple[int, ...]  # numbers of documents
Round = tuple[Pass, ...]  # one pass of each device


@dataclass(frozen=True)
class Plan:
    """The rounds of an epoch, of which an update takes `rounds_per_update`, the last one what is left."""

    rounds: list[Round]
    rounds_per_update: int

    def passes(self, seed: int, epoch: int) -> list[Pass]:
        """An epoch as a data loader deals it out: device d of D takes every D-th pass, from the d-th on."""
        rounds = list(self.rounds)
        random.Random(f"{seed}-{epoch}").shuffle(rounds)
        return [one for each in rounds for one in each]


def plan_passes(
    tokens: Sequence[int], documents_per_update: float, budget: int | None, devices: int, seed: int
) -> Plan:
    """Documents of so many `tokens`, in an order that follows from `seed`.

    budget: tokens of a pass, where several documents share one; a longer document is a pass by itself. None: each
    document is. documents_per_update: on all devices together, about: an update has as many rounds as have so many
    documents on average.
    """
    order = list(range(len(tokens)))
    random.Random(seed).shuffle(order)
    windows = list(batched(order, max(WINDOW, round(8 * documents_per_update))))
    if len(windows) > 1 and len(windows[-1]) < WINDOW:  # too few to be dealt out alike
        windows[-2:] = [windows[-2] + windows[-1]]
    rounds = [each for window in windows for each in _rounds(tokens, window, budget, devices)]
    return Plan(rounds, max(1, round(len(rounds) * documents_per_update / max(1, len(tokens)))))


def idle_share(plan: Plan, tokens: Sequence[int]) -> float:
    """The share of all devices' time in which they wait for the slowest of them, where a pass takes as long as it has
    tokens."""
    sizes = [[sum(tokens[number] for number in one) for one in each] for each in plan.rounds]
    longest = sum(max(each) * len(each) for each in sizes)
    return 1 - sum(map(sum, sizes)) / longest if longest else 0.0


def _rounds(tokens: Sequence[int], window: Sequence[int], budget: int | None, devices: int) -> list[Round]:
    """The documents of a window as passes, the most alike together. All devices take part in each pass: those that have
    none left in the last round get one again that another has, a few documents of a window."""
    passes = sorted(_passes(tokens, window, budget, devices), key=lambda one: _size(tokens, one))
    rounds = [tuple(found) for found in batched(passes, devices)]
    if rounds and len(rounds[-1]) < devices:
        rounds[-1] += rounds[-1][-1:] * (devices - len(rounds[-1]))
    return rounds


def _passes(tokens: Sequence[int], window: Sequence[int], budget: int | None, devices: int) -> list[Pass]:
    """As many as fill all rounds, each document in the pass that has the fewest tokens so far; the largest come first.

    With as few passes as the budget allows, one more round at a time is added until none is over it."""
    if budget is None:
        return [(number,) for number in window]
    long = [(number,) for number in window if tokens[number] >= budget]
    rest = sorted((number for number in window if tokens[number] < budget), key=lambda number: -tokens[number])
    count = ceil(sum(tokens[number] for number in rest) / budget)
    count += -(len(long) + count) % devices
    while True:
        found = _dealt(tokens, rest, min(count, len(rest)))
        if count >= len(rest) or max((_size(tokens, one) for one in found), default=0) <= budget:
            return [*long, *found]
        count += devices


def _dealt(tokens: Sequence[int], documents: Sequence[int], count: int) -> list[Pass]:
    """documents: the largest first."""
    bins = [(0, number) for number in range(count)]
    found: list[list[int]] = [[] for _ in range(count)]
    for document in documents:
        size, number = heapq.heappop(bins)
        found[number].append(document)
        heapq.heappush(bins, (size + tokens[document], number))
    return [tuple(one) for one in found if one]


def _size(tokens: Sequence[int], one: Pass) -> int:
    return sum(tokens[number] for number in one)
