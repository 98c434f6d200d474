"""A trail as lines of text for a terminal: from the sources to what was made of them."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from lwv_dagster.trace.trail import Trail, TrailCall, TrailExample, TrailRow
from resources.messages import Image
from resources.sent_prompts import PromptTree, messages_of
from resources.text.shown import in_line, number_of

MOST = 12  # lines of a kind; the rest is counted
BEGINNING = 70  # characters of a prompt on the line of its call


def trail_lines(trail: Trail, prompts: bool) -> Iterator[str]:
    """prompts: what was sent in full, in place of the beginning of each last message. Pure."""
    yield f"{trail.kind} {trail.id}" + (f": {trail.name}" if trail.name else "")
    for note in trail.notes:
        yield f"  note: {note}"
    yield from _pages(trail)
    for example in trail.examples:
        yield from _example(example, trail.messages, prompts)
    for what, counts in trail.counts.items():
        found = [f"{key or 'unknown'}: {count:,}" for key, count in counts.items()]
        yield f"{what}: {', '.join(_most(found, 'more'))}"
    yield from _listed(
        "made of it, rows",
        [
            f"{row.data_set}:{row.id}  {row.gate}, {row.kind}, {_length(row)}weight {row.weight:.3g}"
            for row in trail.rows
        ],
    )
    yield from _listed(
        "data sets",
        [
            f"{each.id}  {each.gate}, {number_of(each.rows, 'row')}{', current' if each.current else ''}"
            for each in trail.data_sets
        ],
    )
    yield from _listed(
        "checkpoints", [f"{each.id}  {each.kind}, on {each.data_set}, from {each.base}" for each in trail.checkpoints]
    )
    yield from _listed(
        "scores",
        [
            f"{each.id}  S_l {each.length_score:.1f}, "
            + ("not judged" if each.quality_score is None else f"S_q {each.quality_score:.1f}")
            for each in trail.scores
        ],
    )
    yield from _listed("left out", [f"{each.step}  {each.item}: {each.reason}" for each in trail.left_out])
    yield f"cost: {trail.cost_usd:.4f} US dollars"


def _pages(trail: Trail) -> Iterator[str]:
    documents = dict[tuple[str, str, str], list[str]]()
    for page in trail.pages:
        documents.setdefault((page.document_id, page.file, page.licence), []).append(str(page.page))
    yield from _listed(
        "from" if trail.kind not in ("file", "document", "page") else "is",
        [
            f"{file or 'a file that no table knows'}  page{'s' if len(pages) > 1 else ''} {_ranges(pages)}, "
            f"licence {licence}, document {document}"
            for (document, file, licence), pages in documents.items()
        ],
    )


def _example(example: TrailExample, messages: PromptTree, prompts: bool) -> Iterator[str]:
    place = f"in data set {example.data_set}" if example.data_set else "in the tables of now"
    by = ", ".join(filter(None, (example.author, example.corrector)))
    yield (
        f"example {example.example_id} {place}: {example.kind}, {example.language}, shard {example.shard or '-'}"
        f"{f', by {by}' if by else ''}, cost {example.cost_usd:.4f}"
    )
    for segment in example.segments:
        if segment.decision_id:
            yield f"  {segment.segment_id}: the text of a person, decision {segment.decision_id}"
    for call in example.calls:
        yield f"  {_call(call)}"
        sent = messages_of(messages, call.prompt)
        if not prompts and sent:
            yield f"      sent {number_of(len(sent), 'message')}, the last: {_beginning(sent[-1].parts)}"
        elif not sent:
            yield "      what was sent was not kept, or is forgotten"
        for message in sent if prompts else ():
            yield f"      [{message.speaker}]"
            for part in message.parts:
                said = f"(image {part.sha256})" if isinstance(part, Image) else part
                yield from (f"      {line}" for line in said.split("\n"))


def _call(call: TrailCall) -> str:
    what = call.does if call.segment is None else f"{call.does} {call.segment + 1}"
    if not call.at:
        return f"{what}: call {call.call_id}, which the ledger does not know any more"
    when = datetime.fromtimestamp(call.at, UTC).strftime("%Y-%m-%d %H:%M")
    return (
        f"{what}: {call.role} {call.model} at {call.server}, {call.template}, {call.tokens:,} tokens, "
        f"{call.cost_usd:.4f} US dollars, {when}, call {call.call_id}"
    )


def _beginning(parts: Sequence[str | Image]) -> str:
    images = sum(isinstance(part, Image) for part in parts)
    text = in_line(" ".join(part for part in parts if isinstance(part, str)))
    shown = f"({number_of(images, 'image')}) " if images else ""
    return f"{shown}{text[:BEGINNING]}{'…' if len(text) > BEGINNING else ''}"


def _ranges(pages: Sequence[str]) -> str:
    return pages[0] if len(pages) == 1 else f"{', '.join(pages[:MOST])}{', …' if len(pages) > MOST else ''}"


def _listed(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield f"{title}:"
        yield from (f"  {line}" for line in _most(lines, "more (--json has all)"))


def _length(row: TrailRow) -> str:
    return "" if row.words is None else f"{number_of(row.words, 'word')}, "


def _most(lines: Sequence[str], words: str) -> list[str]:
    more = len(lines) - MOST
    return [*lines[:MOST], *([f"and {more:,} {words}"] if more > 0 else [])]
