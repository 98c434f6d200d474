"""What decisions do to the rows that are trained on, before they are saved: no call is made and nothing is written."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from assets.corrected_segments.laid_over import lay_over
from assets.corrected_segments.schema import CORRECTED_SEGMENTS, CorrectedSegment
from assets.long_outputs.schema import LongOutput
from assets.preference_dataset.dropped_pairs import dropped_segment, reaching
from assets.preference_pairs.iterdpo import corrected_by_example, correction_pairs
from assets.preference_pairs.schema import PREFERENCE_PAIRS, PreferencePair
from assets.sft_dataset.decided_outputs import DecidedOutputs
from lwv_dagster.annotate.targets import Place
from resources.decisions.decision import Decision
from resources.failures import StorageError
from resources.picked_rows import picked_rows
from resources.recipe.model import Pairs, Recipe
from resources.store import Store
from resources.training.checkpoint import read_training

Row = tuple[str, ...]  # what a row teaches: its texts


@dataclass(frozen=True)
class Reach:
    """What becomes of one example's rows, by their ids: new, changed in text, weighted anew alone, gone.

    held_by: ids of the data sets that hold a row as it was before it changed or went; trained: checkpoints that were
    trained on one of these, or from such a checkpoint, as `sft/<id>`.
    """

    shard: str
    example_id: str
    new: tuple[str, ...]
    changed: tuple[str, ...]
    weighted: tuple[str, ...]
    gone: tuple[str, ...]
    held_by: tuple[str, ...]
    trained: tuple[str, ...] = ()


def reach(
    store: Store, places: Iterable[Place], before: Sequence[Decision], more: Sequence[Decision], recipe: Recipe
) -> list[Reach]:
    """The reach of `more` decisions, on these places, beside those `before` them; by example, as far as any row of it
    changes."""
    alike = recipe.corrections.alike
    then, now = (DecidedOutputs(store, each, alike) for each in (before, [*before, *more]))
    examples = {(place.shard, place.example_id): place.output for place in places}
    found = []
    for (shard, example_id), output in examples.items():
        if output["split"] == "sft":
            old, new = sft_row(output, then), sft_row(output, now)
            found.append(_reach(store, "sft", shard, example_id, old, new))
        elif output["split"] == "preference" and store.has_table(CORRECTED_SEGMENTS.name, shard):
            old, new = (pairs_under(store, shard, output, each, recipe.pairs) for each in (then, now))
            found.append(_reach(store, "preference", shard, example_id, old, new))
    return [each for each in found if each.new or each.changed or each.weighted or each.gone]


def sft_row(output: LongOutput, outputs: DecidedOutputs) -> dict[str, tuple[Row, float]]:
    """The row of an example of the sft split under some decisions: id, text, weight; empty where it is dropped."""
    if outputs.dropped(output):
        return {}
    return {output["example_id"]: ((outputs.decided(output)["output"],), 1.0)}


def pairs_under(
    store: Store, shard: str, output: LongOutput, outputs: DecidedOutputs, wanted: Pairs
) -> dict[str, tuple[Row, float]]:
    """The pairs of an example of the preference split under some decisions: id -> texts and weight."""
    if outputs.dropped(output):
        return {}
    found = corrected_by_example(store, shard, output["example_id"])[output["example_id"]]
    rows: list[CorrectedSegment] = [each.row for each in found]
    decisions = [each for target in outputs.decisions for each in outputs.decisions[target]]
    laid = lay_over(rows, decisions, outputs.alike).rows
    dropped = [(row["index"], reason) for row in rows if (reason := dropped_segment(row, outputs))]
    corrected = [each._replace(row=row) for each, row in zip(found, laid, strict=True)]
    pairs: list[PreferencePair] = correction_pairs(output, corrected, wanted)
    if store.has_table(PREFERENCE_PAIRS.name, shard):
        made = store.rows_where(PREFERENCE_PAIRS, shard, "example_id", [output["example_id"]])
        pairs += [row for row in made if row["kind"] == "sampled"]
    return {
        pair["pair_id"]: ((pair["chosen"], pair["rejected"], pair["prefix"]), pair["weight"])
        for pair in pairs
        if not reaching(pair, dropped)
    }


def _reach(
    store: Store,
    gate: str,
    shard: str,
    example_id: str,
    old: Mapping[str, tuple[Row, float]],
    new: Mapping[str, tuple[Row, float]],
) -> Reach:
    both = [name for name in old if name in new]
    changed = [name for name in both if old[name][0] != new[name][0]]
    gone = [name for name in old if name not in new]
    held = data_sets_with(store, gate, {name: old[name][0] for name in (*changed, *gone)})
    return Reach(
        shard,
        example_id,
        tuple(name for name in new if name not in old),
        tuple(changed),
        tuple(name for name in both if name not in changed and old[name][1] != new[name][1]),
        tuple(gone),
        tuple(held),
        tuple(checkpoints_of(store, gate, held)),
    )


def data_sets_with(store: Store, gate: str, rows: Mapping[str, Row]) -> list[str]:
    """Ids of the data sets of a gate that hold any of these rows with these texts."""
    files = sorted((store.home / "datasets" / gate).glob("*/train.parquet")) if rows else []
    return [path.parent.name for path in files if _holds(path, gate, rows)]


def checkpoints_of(store: Store, gate: str, data_sets: Collection[str]) -> list[str]:
    """The checkpoints, as `sft/<id>` and `dpo/<id>`, that were trained on one of these data sets of a gate, and those
    that were trained from one of them in turn. A folder without a record is left out."""
    found, folders = list[str](), set[str]()
    for kind in ("sft", "dpo"):
        for path in sorted((store.home / "checkpoints" / kind).glob("*/training.json")) if data_sets else ():
            try:
                record = read_training(path.parent)
                own = record["dataset_id"] in data_sets and (kind == "sft") == (gate == "sft")
                base = str(Path(record["base"]).resolve())
            except (OSError, StorageError, KeyError, TypeError):
                continue
            if own or base in folders:
                found.append(f"{kind}/{path.parent.name}")
                folders.add(str(path.parent.resolve()))
    return found


def _holds(path: Path, gate: str, rows: Mapping[str, Row]) -> bool:
    texts: Collection[str] = ("messages",) if gate == "sft" else ("chosen", "rejected", "prefix")
    return any(_texts(row, gate) == rows[row["id"]] for row in picked_rows(path, "id", rows, ["id", *texts]))


def _texts(row: Mapping[str, object], gate: str) -> Row:
    if gate == "sft":
        turns = row["messages"]
        assert isinstance(turns, list)
        return (str(turns[-1]["content"]),)
    return tuple(str(row[name]) for name in ("chosen", "rejected", "prefix"))
