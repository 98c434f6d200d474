"""The page of one id: its trail back to the sources and on to what was made of it, the same as `lwv trace`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from assets.training_dataset import Gate, read_manifest
from lwv_dagster.look.rendering import look_of, page
from lwv_dagster.look.word_diff import Run, word_diff
from lwv_dagster.trace.trail import Trail, TrailCall, TrailExample, TrailPage, TrailRow
from lwv_dagster.trace.walking import UnknownIdError, trace
from resources.picked_rows import picked_rows
from resources.sent_prompts import PromptTree, SentMessage
from resources.store import Store

MOST_PICTURES, MOST_LISTED = 40, 200
TEXTS = ["id", "messages", "prompt", "prefix", "chosen", "rejected"]


@dataclass(frozen=True)
class ShownCall:
    """A call with the messages that no call above it had: chats are only added to. before: how many it had too; lost:
    what was sent is not known, or not from its beginning."""

    call: TrailCall
    when: str
    before: int
    messages: list[SentMessage]
    lost: bool


@dataclass(frozen=True)
class ShownText:
    """What a row teaches: its prompt, and its answer as runs (of a pair, from rejected to chosen)."""

    asked: str
    prefix: str
    answer: list[Run]
    pair: bool


def search(request: Request) -> Response:
    """Where to type an id; `?id=` leads to its page."""
    if name := request.query_params.get("id", "").strip():
        return RedirectResponse(f"/row/{quote(name, safe='')}", 303)
    return page(request, "row.jinja", title="Trail", trail=None)


def row(request: Request) -> Response:
    """The trail of the id in the address."""
    store = look_of(request).store
    try:
        trail = trace(store, request.path_params["id"])
    except UnknownIdError as error:
        raise HTTPException(404, str(error)) from error
    shown = set[str]()
    return page(
        request,
        "row.jinja",
        title=f"{trail.kind} {trail.id}",
        notes=trail.notes,
        trail=trail,
        documents=documents(trail.pages),
        pictures=[
            each for each in trail.pages[:MOST_PICTURES] if each.image and store.image_path(each.image).is_file()
        ],
        calls={id(each): list(shown_calls(each, trail.messages, shown)) for each in trail.examples},
        texts=texts(store, trail),
        most=MOST_LISTED,
        key=id,
    )


def documents(pages: Sequence[TrailPage]) -> list[tuple[TrailPage, list[int]]]:
    """The first page of each document, with the numbers of all. Pure."""
    found = dict[str, tuple[TrailPage, list[int]]]()
    for each in pages:
        found.setdefault(each.document_id, (each, []))[1].append(each.page)
    return list(found.values())


def shown_calls(example: TrailExample, messages: PromptTree, shown: set[str]) -> Iterator[ShownCall]:
    """The calls of an example. shown: ids of messages that the page has already; more are added to it."""
    for call in example.calls:
        chain, at = list[tuple[str, SentMessage]](), call.prompt
        while message := messages.get(at):
            chain.append((at, message))
            at = message.parent
        chain.reverse()
        new = [(name, message) for name, message in chain if name not in shown]
        shown.update(name for name, _ in new)
        when = datetime.fromtimestamp(call.at, UTC).strftime("%Y-%m-%d %H:%M UTC") if call.at else ""
        lost = not chain or bool(chain[0][1].parent)
        yield ShownCall(call, when, len(chain) - len(new), [message for _, message in new], lost)


def texts(store: Store, trail: Trail) -> list[tuple[TrailRow, ShownText]]:
    """What the row that was asked for teaches, in each data set that holds it; nothing for what is no row."""
    found = list[tuple[TrailRow, ShownText]]()
    for each in trail.rows:
        if each.id == trail.id or (trail.kind in ("row", "example") and each.id == each.example_id):
            gate: Gate = "sft" if each.gate == "sft" else "preference"
            path = read_manifest(store, gate, each.data_set).path
            found += [(each, shown_text(values)) for values in picked_rows(Path(path), "id", [each.id], TEXTS)]
    return found


def shown_text(values: dict[str, Any]) -> ShownText:
    """Of a row of either data set. Pure."""
    if "messages" in values:
        *asked, answer = values["messages"]
        return ShownText("\n\n".join(turn["content"] for turn in asked), "", [Run("same", answer["content"])], False)
    return ShownText(values["prompt"], values["prefix"], word_diff(values["rejected"], values["chosen"]), True)


ROUTES = [Route("/row", search), Route("/row/{id:path}", row)]
