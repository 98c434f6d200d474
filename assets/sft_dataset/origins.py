"""Where the examples of a shard come from: its pages with their files and licences, its calls, what people decided."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from assets.corrected_segments.schema import CORRECTED_SEGMENTS, CorrectedSegment
from assets.instructions.schema import INSTRUCTIONS, Instruction
from assets.long_outputs.schema import LONG_OUTPUTS, LongOutput
from assets.segments.schema import SEGMENTS, Segment
from assets.segments.splitter import output_texts
from assets.sft_dataset.decided_outputs import DecidedOutputs, segments_seen
from assets.signals.schema import SIGNALS
from assets.source_images.schema import SOURCE_IMAGES, Page
from assets.traced_rows import Does, Origin, TracedCall, TracedPage, TracedSegment, no_origin
from resources.ledger import Ledger
from resources.ledger_calls import CallFacts, call_facts, calls_of_samples
from resources.store import Store
from resources.table import Row, Table

PAGE_COLUMNS = ["document_id", "page", "image_sha256", "source_path", "licence"]
OUTPUT_COLUMNS = [
    "example_id",
    "documents",
    "kind",
    "language",
    "images",
    "plan_call_id",
    "cost_usd",
    "sections.list.element.index",
    "sections.list.element.words",
    "sections.list.element.pages",
    "sections.list.element.call_id",
]
SEGMENT_COLUMNS = ["segment_id", "example_id", "index", "page", "words", "drafted_by"]
CORRECTED_COLUMNS = ["segment_id", "example_id", "index", "words", "call_id", "decision_id"]


class Named(NamedTuple):
    """A call as a table names it."""

    call_id: str
    does: Does
    segment: int | None = None


class Origins:
    """example_id -> its origin; a shard's tables are read once, when the first of its examples is asked for.

    shard_of: of each example; what has none has no origin here (general chat). decided: where people's decisions are
    not in the tables (the sft split).
    """

    def __init__(self, store: Store, shard_of: Mapping[str, str], decided: DecidedOutputs | None = None) -> None:
        self._store, self._shard_of, self._decided = store, shard_of, decided
        self._shard, self._found = "", dict[str, Origin]()

    def __call__(self, example_id: str) -> Origin:
        """Of one example."""
        shard = self._shard_of.get(example_id)
        if shard is None:
            return no_origin(example_id)
        if shard != self._shard:
            self._shard, self._found = shard, shard_origins(self._store, shard, None, self._decided)
        return self._found[example_id]


def shard_origins(
    store: Store, shard: str, examples: Collection[str] | None = None, decided: DecidedOutputs | None = None
) -> dict[str, Origin]:
    """example_id -> its origin, of all or some examples of a shard, by its tables and the ledger as they are now."""
    outputs = {
        row["example_id"]: row for row in _read(store, LONG_OUTPUTS, shard, OUTPUT_COLUMNS, "example_id", examples)
    }
    documents = None if examples is None else {name for row in outputs.values() for name in row["documents"]}
    requests = _by_example(store, INSTRUCTIONS, shard, ["example_id", "call_id", "pages"], examples)
    segments = _by_example(store, SEGMENTS, shard, SEGMENT_COLUMNS, examples)
    corrected = _by_example(store, CORRECTED_SEGMENTS, shard, CORRECTED_COLUMNS, examples)
    shown = _read(store, SOURCE_IMAGES, shard, PAGE_COLUMNS, "document_id", documents)
    pages, doubts = {(row["document_id"], row["page"]): row for row in shown}, _doubts(store, shard, examples)
    decisions = decided_sections(decided, shard, outputs) if decided else {}
    named = {
        name: named_calls(row, requests.get(name, []), segments.get(name, []), corrected.get(name, []))
        for name, row in outputs.items()
    }
    ledger = Ledger.at(store.home)
    try:
        facts = call_facts(ledger, (call.call_id for calls in named.values() for call in calls))
        judged = _judged(ledger, outputs)
    finally:
        ledger.close()
    return {
        name: {
            "shard": shard,
            "document_kind": row["kind"],
            "language": row["language"],
            "drafted_by": drafted_by(segments.get(name, [])),
            "documents": list(row["documents"]),
            "pages": _shown(row, requests.get(name, []), pages),
            "segments": traced_segments(row, segments.get(name, []), corrected.get(name, []), doubts, decisions),
            "calls": [traced_call(call, facts.get(call.call_id)) for call in named[name]] + judged.get(name, []),
            "cost_usd": _cost(row, named[name], facts, judged.get(name, [])),
        }
        for name, row in outputs.items()
    }


def named_calls(
    output: LongOutput,
    requests: Sequence[Instruction],
    segments: Sequence[Segment],
    corrected: Sequence[CorrectedSegment],
) -> list[Named]:
    """The calls that the tables name for an example, in the order of the lineage. Those that wrote its text are left
    out where a checkpoint's draft stands in its place."""
    found = [Named(row["call_id"], "request") for row in requests if row["call_id"]]
    if drafted_by(segments) == "teacher":
        found.append(Named(output["plan_call_id"], "plan"))
        for place, section in enumerate(output["sections"]):
            pages = section["pages"]
            index = pages[0] - 1 if output["kind"] == "deck" and pages else place
            found.append(Named(section["call_id"], "write", index))
    found += [Named(row["call_id"], "correct", row["index"]) for row in corrected]
    return [call for call in found if call.call_id]


def traced_call(call: Named, facts: CallFacts | None) -> TracedCall:
    """A call with what the ledger knows of it."""
    return {
        "call_id": call.call_id,
        "does": call.does,
        "segment": call.segment,
        "role": facts.role if facts else "",
        "model": facts.model if facts else "",
        "server": facts.server if facts else "",
        "template": facts.template if facts else "",
        "step": facts.step if facts else "",
        "prompt": facts.prompt if facts else "",
        "tokens": facts.tokens if facts else 0,
        "cost_usd": facts.cost_usd if facts else 0.0,
        "at": facts.at if facts else 0.0,
    }


def traced_segments(
    output: LongOutput,
    segments: Sequence[Segment],
    corrected: Sequence[CorrectedSegment],
    doubts: Mapping[str, int],
    decisions: Mapping[str, str],
) -> list[TracedSegment]:
    """The segments of an example as its rows have them: corrected where it was. A text of a person has no doubt."""
    words = {row["segment_id"]: row["words"] for row in corrected}
    decided = {row["segment_id"]: row.get("decision_id") for row in corrected} | dict(decisions)
    return [
        {
            "segment_id": row["segment_id"],
            "page": row["page"],
            "words": words.get(row["segment_id"], row["words"]),
            "doubt": None if decided.get(row["segment_id"]) else doubts.get(row["segment_id"]),
            "decision_id": decided.get(row["segment_id"]),
        }
        for row in segments
    ]


def drafted_by(segments: Sequence[Segment]) -> str:
    """Who wrote the text that the segments are of."""
    return segments[0]["drafted_by"] if segments else "teacher"


def decided_sections(decided: DecidedOutputs, shard: str, examples: Iterable[str]) -> dict[str, str]:
    """segment_id -> the decision whose text stands in its place in a row of the sft split."""
    about = {target.id.rpartition("-")[0] for target in decided.decisions if target.kind == "segment"}
    concerned = about.intersection(examples)
    found = dict[str, str]()
    for row in decided.written(shard) if concerned else ():
        if row["example_id"] in concerned and row["split"] == "sft":
            texts = [text for _, text in output_texts(row)]
            for target, outcome in decided.settled(segments_seen(row["example_id"], texts)).items():
                if outcome.decision and outcome.decision.verdict == "corrected":
                    found[target.id] = outcome.decision.decision_id
    return found


def _read(
    store: Store, table: Table[Row], shard: str, columns: list[str], by: str, values: Collection[str] | None
) -> Iterable[Row]:
    """A shard's rows, or those in which a column has one of the values. Raises MissingTableError, DamagedTableError."""
    if values is None:
        return store.rows(table, shard, columns)
    return store.rows_where(table, shard, by, values, columns)


def _by_example(
    store: Store, table: Table[Row], shard: str, columns: list[str], examples: Collection[str] | None
) -> dict[str, list[Any]]:
    found: defaultdict[str, list[Any]] = defaultdict(list)
    if store.has_table(table.name, shard):
        for row in _read(store, table, shard, columns, "example_id", examples):
            found[str(row["example_id"])].append(row)
    return found


def _doubts(store: Store, shard: str, examples: Collection[str] | None) -> dict[str, int]:
    """segment_id -> its doubt, where the signals are of what the models wrote by now: people's decisions since then
    change no other segment."""
    identity = store.identity(SIGNALS.name, shard) if store.has_table(SIGNALS.name, shard) else None
    if identity is None or any(
        not store.has_table(name, shard) or store.content(name, shard) != content
        for name, content in identity.upstream.items()
        if name != CORRECTED_SEGMENTS.name
    ):
        return {}
    rows = _read(store, SIGNALS, shard, ["segment_id", "doubt"], "example_id", examples)
    return {row["segment_id"]: row["doubt"] for row in rows}


def _shown(
    output: LongOutput, requests: Sequence[Instruction], pages: Mapping[tuple[str, int], Page]
) -> list[TracedPage]:
    """The page of each image of an example."""
    documents = list(output["documents"] or [])
    numbers = list((requests[0].get("pages") if requests else None) or range(1, len(output["images"]) + 1))
    owners = documents * len(output["images"]) if len(documents) == 1 else documents
    found = list[TracedPage]()
    for place, image in enumerate(output["images"]):
        owner = owners[place] if place < len(owners) else ""
        number = numbers[place] if place < len(numbers) else place + 1
        page = pages.get((owner, number))
        found.append(
            {
                "document_id": owner,
                "page": number,
                "image": image,
                "source_path": page["source_path"] if page else "",
                "licence": page["licence"] if page else "unknown",
            }
        )
    return found


def _judged(ledger: Ledger, outputs: Mapping[str, LongOutput]) -> dict[str, list[TracedCall]]:
    """The judge's newest answer to each draft of an example: tables do not name these calls."""
    found: defaultdict[str, dict[str, TracedCall]] = defaultdict(dict)
    for call in calls_of_samples(ledger, outputs, "judge"):
        if call.step.startswith("judge-draft-"):
            found[call.sample][call.step] = traced_call(Named(call.call_id, "judge"), call)
    return {name: list(calls.values()) for name, calls in found.items()}


def _cost(
    output: LongOutput, named: Sequence[Named], facts: Mapping[str, CallFacts], judged: Sequence[TracedCall]
) -> float:
    """US dollars: all that writing took, calls too whose answers were replaced, and each other call."""
    others = [call.call_id for call in named if call.does in ("request", "correct") and call.call_id in facts]
    return (
        float(output["cost_usd"] or 0.0)
        + sum(facts[name].cost_usd for name in others)
        + sum(call["cost_usd"] for call in judged)
    )
