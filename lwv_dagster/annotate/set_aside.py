"""The quarantined items that people can decide about, as the quarantine has them now."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from assets.quality.quarantine import ALL_SHARDS, QuarantineRow, read_quarantine
from assets.sft_dataset.decided_outputs import DecidedOutputs
from assets.steps import STEP_OF, gate_steps, sharded_steps
from resources.decisions.decision import Decision, Target
from resources.decisions.quarantined import ShownAside, item_target, rule_target
from resources.store import Store

GATE = "sft_dataset"  # the gate whose rows have rules that a person can lift


@dataclass(frozen=True)
class Aside:
    """A quarantined item. shard: ALL_SHARDS of a gate; reason: why, as the quarantine has it; source: file and page."""

    target: Target
    shown: ShownAside
    shard: str
    example_id: str
    reason: str
    source: str


def asides(store: Store, shards: Iterable[str], decisions: Iterable[Decision], alike: float) -> Iterator[Aside]:
    """Those of the steps of these shards that ask a model, and of the gates. decisions, alike: as in DecidedOutputs,
    for the texts."""
    shards = list(shards)
    for step in (name for name in sharded_steps() if STEP_OF[name].roles):
        for shard in shards:
            for row in read_quarantine(store, step, shard):
                if item := row["example_id"] or row["document_id"]:
                    shown = ShownAside(step, text=row["reason"], call_id=row["call_id"])
                    yield _aside(item_target(step, item), shown, row)
    for gate in gate_steps():
        rows = [row for row in read_quarantine(store, gate, ALL_SHARDS) if row["example_id"]]
        texts = _texts(store, shards, {row["example_id"] for row in rows}, decisions, alike) if gate == GATE else {}
        for row in rows:
            rule, example = row["reason"].partition(":")[0], row["example_id"]
            if gate == GATE and example not in texts:
                continue  # of another shard
            yield _aside(rule_target(gate, rule, example), ShownAside(gate, rule, texts.get(example, "")), row)


def _aside(target: Target, shown: ShownAside, row: QuarantineRow) -> Aside:
    return Aside(target, shown, row["shard"], row["example_id"], row["reason"], row["source"])


def _texts(
    store: Store, shards: Iterable[str], examples: set[str], decisions: Iterable[Decision], alike: float
) -> dict[str, str]:
    """example -> its text, as it was decided."""
    outputs, found = DecidedOutputs(store, decisions, alike), dict[str, str]()
    for shard in shards:
        if examples and store.has_table("long_outputs", shard):
            written = (row for row in outputs.written(shard) if row["example_id"] in examples)
            found |= {row["example_id"]: outputs.decided(row)["output"] for row in written}
    return found
