"""What of a data set's provenance, or of the tables of now, belongs to an id: examples, rows, what was made of them."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import pyarrow as pa

from assets.sft_dataset.origins import shard_origins
from assets.traced_rows import Origin, Provenance, TracedRow, provenance_of, provenance_of_document
from lwv_dagster.trace.evidence import DataSet, Evidence, read_where
from lwv_dagster.trace.trail import (
    Trail,
    TrailCall,
    TrailCheckpoint,
    TrailDataSet,
    TrailExample,
    TrailPage,
    TrailRow,
    TrailSegment,
)
from resources.store import DamagedTableError, MissingTableError

Keep = Callable[[Provenance, TracedRow], bool]


def everything(_example: Provenance, _row: TracedRow) -> bool:
    """Every row of an example."""
    return True


def add_examples(trail: Trail, evidence: Evidence, example_ids: Iterable[str], keep: Keep = everything) -> None:
    """Some examples: as each data set has them, and as the tables have them now. keep: the rows that count."""
    wanted = frozenset(example_ids)
    for data_set in evidence.data_sets:
        _add(trail, data_set, lambda path: provenance_of(path, wanted), keep)
    _add_older(trail, evidence, wanted)
    by_shard = dict[str, set[str]]()
    for example_id in wanted:
        for shard in evidence.shards_of(example_id[:16]):
            by_shard.setdefault(shard, set()).add(example_id)
    for shard, names in by_shard.items():
        _add_live(trail, evidence, shard, names)


def add_document(trail: Trail, evidence: Evidence, document_id: str, keep: Keep = everything) -> None:
    """The examples that show a document, likewise."""
    for data_set in evidence.data_sets:
        _add(trail, data_set, lambda path: provenance_of_document(path, document_id), keep)
    shards = evidence.shards_of(document_id)
    for shard in shards:
        asked = evidence.store.table_path("instructions", shard)
        names = {
            row["example_id"] for row in read_where(asked, ["example_id", "documents"], "document_id", [document_id])
        } | {row["example_id"] for row in _sharing(evidence, shard, document_id)}
        _add_live(trail, evidence, shard, names)
        _add_older(trail, evidence, frozenset(names))
    trail.left_out = evidence.left_out([document_id], shards)


def add_uses(trail: Trail, evidence: Evidence) -> None:
    """What was trained on the trail's data sets, what came out of that, and the scores of its examples."""
    data_sets = {each.id for each in trail.data_sets}
    trail.checkpoints = trained_on(evidence.checkpoints, data_sets)
    names = {each.id for each in trail.checkpoints}
    models = [model for model, checkpoint in evidence.scored.items() if checkpoint in names]
    examples = list(dict.fromkeys(example.example_id for example in trail.examples))
    found = [*evidence.scores(models=models), *evidence.scores(items=examples)]
    trail.scores = list({score.id: score for score in found}.values())


def trained_on(checkpoints: Sequence[TrailCheckpoint], data_sets: Iterable[str]) -> list[TrailCheckpoint]:
    """Those that learnt from any of the data sets, themselves or by the checkpoint from which they began. Pure."""
    wanted, found = set(data_sets), dict[str, TrailCheckpoint]()
    for _ in checkpoints:  # as long as a chain can be
        more = {each.id: each for each in checkpoints if each.data_set in wanted or each.base in found}
        if more.keys() == found.keys():
            break
        found = more
    return list(found.values())


def example_of(
    example_id: str, origin: Origin, data_set: str = "", author: str = "", corrector: str = ""
) -> TrailExample:
    """An example as a trail has it. Pure."""
    return TrailExample(
        example_id,
        data_set,
        origin["shard"],
        origin["document_kind"],
        origin["language"],
        author,
        corrector,
        origin["cost_usd"],
        [
            TrailPage(page["document_id"], page["page"], page["image"], page["source_path"], page["licence"])
            for page in origin["pages"]
        ],
        [
            TrailSegment(each["segment_id"], each["page"], each["words"], each["doubt"], each["decision_id"])
            for each in origin["segments"]
        ],
        [
            TrailCall(
                call["call_id"],
                call["does"],
                call["segment"],
                call["role"],
                call["model"],
                call["server"],
                call["template"],
                call["prompt"],
                call["tokens"],
                call["cost_usd"],
                call["at"],
            )
            for call in origin["calls"]
        ],
    )


def row_of(data_set: TrailDataSet, example_id: str, row: TracedRow) -> TrailRow:
    """A row as a trail has it. Pure."""
    return TrailRow(
        data_set.id, data_set.gate, row["id"], example_id, row["kind"], row["upto"], row["weight"], row["words"]
    )


def _add(trail: Trail, data_set: DataSet, find: Callable[[Path], list[Provenance]], keep: Keep) -> None:
    shown = data_set.shown
    try:
        found = find(data_set.provenance) if data_set.provenance else []
    except (pa.ArrowException, OSError) as error:
        found = []
        trail.notes.append(f"{data_set.provenance} cannot be read ({str(error).partition(chr(10))[0]}).")
    for example in found:
        rows = [row_of(shown, example["example_id"], row) for row in example["rows"] if keep(example, row)]
        if rows:
            trail.rows += rows
            trail.examples.append(
                example_of(example["example_id"], example, shown.id, example["author"], example["corrector"])
            )
            if shown not in trail.data_sets:
                trail.data_sets.append(shown)


def _add_live(trail: Trail, evidence: Evidence, shard: str, names: set[str]) -> None:
    """Examples as the tables have them now, where no data set has them just so."""
    with suppress(MissingTableError, DamagedTableError):
        for name, origin in shard_origins(evidence.store, shard, names).items():
            example = example_of(name, origin)
            calls = [call.call_id for call in example.calls]
            same = (each for each in trail.examples if each.example_id == name)
            if not any([call.call_id for call in each.calls] == calls for each in same):
                trail.examples.append(example)


def _add_older(trail: Trail, evidence: Evidence, wanted: frozenset[str]) -> None:
    """Rows of data sets from before there was provenance: that they are there is all that is known of them."""
    for data_set in evidence.data_sets:
        if data_set.provenance is not None:
            continue
        by = "id" if data_set.shown.gate == "sft" else "example_id"
        columns = ["id", "kind", "upto", "weight", "words"]
        for row in read_where(data_set.rows, columns, by, sorted(wanted)):
            example = row["id"] if by == "id" else next(name for name in wanted if row["id"].startswith(f"{name}-"))
            trail.rows.append(
                TrailRow(
                    data_set.shown.id,
                    data_set.shown.gate,
                    row["id"],
                    example,
                    row["kind"],
                    row.get("upto"),
                    row.get("weight", 1.0),
                    row.get("words"),
                )
            )
            if data_set.shown not in trail.data_sets:
                trail.data_sets.append(data_set.shown)
                trail.notes.append(
                    f"Data set {data_set.shown.id} was written before there was provenance: what is said of its rows "
                    "comes from the tables and the ledger of now."
                )


def _sharing(evidence: Evidence, shard: str, document_id: str) -> list[dict[str, str]]:
    """Examples of several documents, one of which is this."""
    path = evidence.store.table_path("instructions", shard)
    with suppress(MissingTableError, DamagedTableError):
        table = evidence.store.read_table("instructions", shard) if path.exists() else None
        if table is not None and "documents" in table.column_names:
            rows = table.select(["example_id", "documents"]).to_pylist()
            return [row for row in rows if len(row["documents"]) > 1 and document_id in row["documents"]]
    return []
