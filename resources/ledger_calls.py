"""What the ledger knows of calls besides their texts: who was asked, with which prompt, and what it took."""

from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

from sqlalchemy import ColumnElement, select

from resources.ledger import ASKED_AT_ONCE, CALLS, Ledger


class CallFacts(NamedTuple):
    """A call. server: base URL; prompt: of `sent_prompts`; tokens: of the prompt and the answer; at: Unix time."""

    call_id: str
    role: str
    model: str
    server: str
    template: str
    sample: str
    step: str
    status: str
    prompt: str
    tokens: int
    cost_usd: float
    at: float


_COLUMNS = (
    CALLS.c.call_id,
    CALLS.c.role,
    CALLS.c.model,
    CALLS.c.endpoint,
    CALLS.c.template,
    CALLS.c.sample,
    CALLS.c.step,
    CALLS.c.status,
    CALLS.c.prompt,
    CALLS.c.prompt_tokens + CALLS.c.completion_tokens,
    CALLS.c.cost_usd,
    CALLS.c.at,
)


def call_facts(ledger: Ledger, call_ids: Iterable[str]) -> dict[str, CallFacts]:
    """Some calls by their id; without those that are not there."""
    found, wanted = dict[str, CallFacts](), iter(dict.fromkeys(call_ids))
    while some := list(islice(wanted, ASKED_AT_ONCE)):
        found |= {call.call_id: call for call in _calls(ledger, CALLS.c.call_id.in_(some))}
    return found


def calls_of_samples(ledger: Ledger, samples: Iterable[str], role: str) -> list[CallFacts]:
    """The answered calls of one role for some examples, oldest first."""
    found, wanted = list[CallFacts](), iter(dict.fromkeys(samples))
    while some := list(islice(wanted, ASKED_AT_ONCE)):
        found += _calls(ledger, CALLS.c.sample.in_(some) & (CALLS.c.role == role) & (CALLS.c.status == "ok"))
    return sorted(found, key=lambda call: (call.at, call.call_id))


def _calls(ledger: Ledger, condition: ColumnElement[bool]) -> list[CallFacts]:
    with ledger.connected() as connection:
        return [CallFacts(*tuple(row)) for row in connection.execute(select(*_COLUMNS).where(condition))]
