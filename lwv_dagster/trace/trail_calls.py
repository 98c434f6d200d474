"""A call as a trail has it, out of what the ledger knows."""

from dataclasses import replace

from lwv_dagster.trace.trail import TrailCall, TrailExample
from resources.ledger import Ledger
from resources.ledger_calls import CallFacts, call_facts


def with_prompts(ledger: Ledger, examples: list[TrailExample]) -> list[TrailExample]:
    """The examples with what the ledger learnt since about calls whose prompt a data set did not know."""
    unknown = [call.call_id for example in examples for call in example.calls if not call.prompt]
    facts = call_facts(ledger, unknown)
    if not facts:
        return examples
    return [
        replace(
            example,
            calls=[_known(call, facts[call.call_id]) if call.call_id in facts else call for call in example.calls],
        )
        for example in examples
    ]


def _known(call: TrailCall, facts: CallFacts) -> TrailCall:
    return replace(call_of(facts), does=call.does, segment=call.segment)


def call_of(facts: CallFacts) -> TrailCall:
    """A call that no table names: what it does is the step's name, or to judge. Pure."""
    does = "judge" if facts.role == "judge" else facts.step
    return TrailCall(
        facts.call_id, does, None, facts.role, facts.model, facts.server, facts.template, facts.prompt, facts.tokens,
        facts.cost_usd, facts.at,
    )  # fmt: skip
