"""Walking every trail of a home: what is missing on the way back to file, page, licence, prompt and cost, or on."""

from collections.abc import Iterator
from typing import Any

from assets.source_images.schema import SOURCE_IMAGES
from assets.training_dataset import image_here, read_manifest, rows_of
from lwv_dagster.trace.evidence import DataSet, Evidence
from lwv_dagster.trace.trail import Trail
from lwv_dagster.trace.walking import trace
from resources.messages import Image
from resources.sent_prompts import messages_of
from resources.store import Store


def missing_back(store: Store) -> list[str]:
    """Of every row of every data set, every checkpoint and every score: what its trail lacks."""
    return [says for each in (_rows(store), _checkpoints(store), _scores(store)) for says in each]


def missing_forward(store: Store, shard: str) -> list[str]:
    """Of every page of a shard: rows, data sets, checkpoints and scores that show or learnt from it, and that its
    trail lacks or has beyond these."""
    evidence, found = Evidence(store), list[str]()
    holding: dict[str, set[tuple[str, str]]] = {}  # image -> (data set, row)
    for data_set in evidence.data_sets:
        for row in _rows_of(store, data_set, ["id", "images"]):
            for image in row["images"]:
                holding.setdefault(image_here(store, image).stem, set()).add((data_set.shown.id, row["id"]))
    for page in store.rows(SOURCE_IMAGES, shard):
        trail = trace(store, f"{page['document_id']}#{page['page']}")
        rows = {(row.data_set, row.id) for row in trail.rows}
        expected = holding.get(page["image_sha256"], set())
        if rows != expected:
            found.append(f"{trail.id}: rows {sorted(rows ^ expected)}")
        data_sets = {name for name, _ in expected}
        if {each.id for each in trail.data_sets} != data_sets:
            found.append(f"{trail.id}: data sets")
        learnt = {each.id for each in evidence.checkpoints if each.data_set in data_sets}
        learnt |= {each.id for each in evidence.checkpoints if each.base in learnt}
        if {each.id for each in trail.checkpoints} != learnt:
            found.append(f"{trail.id}: checkpoints")
        scored = {each.id for each in evidence.scores(models=["sft", "dpo"]) if each.checkpoint in learnt}
        if not scored <= {each.id for each in trail.scores}:
            found.append(f"{trail.id}: scores")
        own = any(page["document_id"] in each.id for each in trail.scores)
        if page["split"] == "benchmark" and evidence.scores(models=["teacher"]) and not own:
            found.append(f"{trail.id}: the scores of its own item")
    return found


def _rows(store: Store) -> Iterator[str]:
    for data_set in Evidence(store).data_sets:
        for row in _rows_of(store, data_set, ["id", "images", "kind"]):
            trail = trace(store, f"{data_set.shown.id}:{row['id']}")
            yield from (f"{trail.id}: {says}" for says in lacking(trail))
            images = [image_here(store, image).stem for image in row["images"]]
            (example,) = trail.examples
            if [page.image for page in example.pages][: len(images)] != images:
                yield f"{trail.id}: its pages"
            if not any(call.does == "write" for call in example.calls):
                yield f"{trail.id}: the calls that wrote it"
            if data_set.shown.gate == "preference" and not any(call.does == "correct" for call in example.calls):
                yield f"{trail.id}: the calls that corrected it"


def _checkpoints(store: Store) -> Iterator[str]:
    for checkpoint in Evidence(store).checkpoints:
        trail = trace(store, checkpoint.id)
        if trail.kind != "checkpoint" or checkpoint.data_set not in [each.id for each in trail.data_sets]:
            yield f"{checkpoint.id}: its data set"
        if not trail.pages or any(not page.file or not page.licence for page in trail.pages):
            yield f"{checkpoint.id}: files and licences"
        for what in ("documents by licence", "calls by model and prompt", "calls by server"):
            if not trail.counts.get(what):
                yield f"{checkpoint.id}: {what}"


def _scores(store: Store) -> Iterator[str]:
    for score in Evidence(store).scores(models=["base", "sft", "dpo", "teacher"]):
        trail = trace(store, score.id)
        yield from (f"{score.id}: {says}" for says in lacking(trail))
        if score.model in ("sft", "dpo") and not (trail.checkpoints and trail.data_sets):
            yield f"{score.id}: its checkpoint and data set"


def lacking(trail: Trail) -> Iterator[str]:
    """What a trail of a row or a score lacks: a file and licence of each page, a prompt, model and server of each call,
    a picture in what was sent, the cost."""
    if not trail.pages:
        yield "pages"
    for page in trail.pages:
        if not (page.file and page.licence and page.document_id and page.page):
            yield f"file, page or licence of {page}"
    calls = [call for example in trail.examples for call in example.calls]
    if not calls:
        yield "calls"
    for call in calls:
        sent = messages_of(trail.messages, call.prompt)
        if not (call.model and call.server and call.template and call.tokens and call.at):
            yield f"what is known of call {call.call_id}"
        if not sent or sent[0].parent:
            yield f"the prompt of call {call.call_id}"
        if not any(isinstance(part, Image) for message in sent for part in message.parts):
            yield f"the images in the prompt of call {call.call_id}"
    if abs(trail.cost_usd - max(each.cost_usd for each in trail.examples)) > 1e-9 and trail.kind == "row":
        yield "its cost"


def _rows_of(store: Store, data_set: DataSet, columns: list[str]) -> Iterator[dict[str, Any]]:
    yield from rows_of(read_manifest(store, data_set.shown.gate, data_set.shown.id), columns)
