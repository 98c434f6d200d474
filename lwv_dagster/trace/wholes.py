"""The trails of what is over many examples, or judged: data sets, checkpoints, scores."""

from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa

from lwv_dagster.trace.evidence import DataSet, Evidence
from lwv_dagster.trace.gathering import add_examples, trained_on
from lwv_dagster.trace.summing import sum_up
from lwv_dagster.trace.trail import Trail
from lwv_dagster.trace.trail_calls import call_of
from resources.ledger import Ledger
from resources.ledger_calls import calls_of_samples


def data_set_trail(evidence: Evidence, name: str) -> Trail | None:
    """Of a data set: its documents and counts, and what learnt from it; None where there is none of this id."""
    data_set = next((each for each in evidence.data_sets if each.shown.id == name), None)
    if data_set is None:
        return None
    trail = Trail(data_set.shown.id, "data set", f"{data_set.shown.gate} data set")
    _add_data_set(trail, data_set)
    trail.checkpoints = trained_on(evidence.checkpoints, [data_set.shown.id])
    return _with_scores(trail, evidence, [each.id for each in trail.checkpoints])


def checkpoint_trail(evidence: Evidence, name: str) -> Trail | None:
    """Of a checkpoint: the data sets that it and those before it learnt from, and its scores."""
    checkpoints = {each.id: each for each in evidence.checkpoints}
    mine = checkpoints.get(name)
    if mine is None:
        return None
    trail = Trail(mine.id, "checkpoint", f"{mine.kind} checkpoint", checkpoints=[mine])
    while (base := checkpoints.get(trail.checkpoints[-1].base)) and base not in trail.checkpoints:
        trail.checkpoints.append(base)
    wanted = [each.data_set for each in trail.checkpoints]
    for data_set in evidence.data_sets:
        if data_set.shown.id in wanted:
            _add_data_set(trail, data_set)
    for gone in {*wanted} - {each.id for each in trail.data_sets}:
        trail.notes.append(f"Data set {gone} is not there any more.")
    return _with_scores(trail, evidence, [mine.id])


def score_trail(evidence: Evidence, ledger: Ledger | None, model: str, item: str) -> Trail | None:
    """Of what a model wrote for an item: its pages, the judge's call, and the checkpoint that wrote it."""
    mine = [score for score in evidence.scores(items=[item]) if score.model == model]
    trail = Trail(f"{model}:{item}", "score", "")
    if not mine:
        return None
    add_examples(trail, evidence, [item])
    for example in trail.examples:
        trail.pages += [page for page in example.pages if page not in trail.pages]
    if model != "teacher":  # the teacher's calls wrote the reference, not this answer
        trail.examples = [replace(example, calls=[], cost_usd=0.0) for example in trail.examples]
    answers = calls_of_samples(ledger, [item], "judge") if ledger else []
    judged = [call for call in answers if call.step == f"judge-{model}"][-1:]
    trail.examples = [replace(each, calls=[*each.calls, *map(call_of, judged)]) for each in trail.examples]
    trail.name, trail.scores = ", ".join(dict.fromkeys(page.file for page in trail.pages)), mine
    checkpoints = {each.id: each for each in evidence.checkpoints}
    name = mine[0].checkpoint
    while name in checkpoints and checkpoints[name] not in trail.checkpoints:
        trail.checkpoints.append(checkpoints[name])
        name = checkpoints[name].base
    wanted = {each.data_set for each in trail.checkpoints}
    trail.data_sets = [each.shown for each in evidence.data_sets if each.shown.id in wanted]
    trail.cost_usd = sum(each.cost_usd for each in trail.examples[:1]) + sum(each.cost_usd for each in judged)
    if model in ("sft", "dpo") and not mine[0].checkpoint:
        trail.notes.append("These scores are from before they named their checkpoint: run evaluation_job again.")
    return trail


def _add_data_set(trail: Trail, data_set: DataSet) -> None:
    trail.data_sets.append(data_set.shown)
    if data_set.provenance is None:
        trail.notes.append(
            f"Data set {data_set.shown.id} was written before there was provenance: trace one of its rows."
        )
        return
    try:
        found = sum_up(data_set.provenance)
    except (pa.ArrowException, OSError) as error:
        trail.notes.append(f"{data_set.provenance} cannot be read ({str(error).partition(chr(10))[0]}).")
        return
    known = {page.document_id for page in trail.pages}
    trail.pages += [page for page in found.documents if page.document_id not in known]
    trail.cost_usd += found.cost_usd
    for name, counts in found.counts.items():
        mine = trail.counts.setdefault(name, {})
        for key, count in counts.items():
            mine[key] = mine.get(key, 0) + count


def _with_scores(trail: Trail, evidence: Evidence, checkpoints: Sequence[str]) -> Trail:
    models = [model for model, name in evidence.scored.items() if name in checkpoints]
    trail.scores = evidence.scores(models=models)
    return trail
