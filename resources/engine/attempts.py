"""Which attempt of a question counts, and what one item's work is given: a time limit, a memory of its last call."""

import asyncio
from collections.abc import Awaitable, Callable, Container
from contextvars import ContextVar
from dataclasses import replace
from typing import TypeVar

from resources.failures import AnswerError
from resources.ledger import Record
from resources.messages import Call

FURTHER = 100  # between the attempts of a step itself and those that a person asked for after them
Result = TypeVar("Result")
_last: ContextVar[list[str]] = ContextVar("_last")  # the key of the last call of the item that is worked on


def attempt_that_counts(
    call: Call, key_of: Callable[[Call], str], again: Container[str], may_ask: Callable[[str], bool]
) -> tuple[Call, str]:
    """A call in the attempt that counts, and its key.

    again: keys whose answers are not to be used: such a question is asked in a further attempt, with another seed,
    whose key may be among them in turn. may_ask: whether a further attempt may be made, by its key; else the one before
    counts.
    """
    call_id = key_of(call)
    while call_id in again:
        further = replace(call, attempt=call.attempt + FURTHER, seed=call.seed + FURTHER)
        further_id = key_of(further)
        if not may_ask(further_id):
            break
        call, call_id = further, further_id
    return call, call_id


def answers(record: Record, call: Call) -> bool:
    """Whether a row of the ledger answers a call: what failed once is asked again, and so is a part of no use."""
    return record.status == "ok" or (record.status == "truncated" and call.goes_on and bool(record.text))


def note_call(call_id: str) -> None:
    """The item that is worked on asks this call."""
    if (last := _last.get(None)) is not None:
        last[:] = [call_id]


async def within(work: Awaitable[Result], seconds: float) -> Result:
    """`work`, or AnswerError("overdue") where a document takes longer than `seconds`. Awaited in a task of its own. An
    AnswerError has the key of the last call."""
    last = list[str]()
    _last.set(last)
    try:
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError as error:
        overdue = AnswerError("overdue", f"the document took longer than {seconds:g} s")
        overdue.call_id = "".join(last)
        raise overdue from error
    except AnswerError as error:
        error.call_id = "".join(last)
        raise
