"""The asset `quality_report`: the dashboards, one HTML page of every shard's reports, the losses and the scores."""

import json
from collections.abc import Sequence
from itertools import islice

import dagster as dg

from assets.benchmark_scores.scores import read_summary
from assets.quality.quarantine import read_left_out, read_quarantine
from assets.quality.report import Report, read_report
from assets.quality.shard_states import shard_states
from assets.quality_report.overview import TITLES, Overview
from assets.quality_report.page import render_page
from assets.quality_report.step import STEP
from assets.recipe_nodes import RecipeResource
from assets.run_view import RunView
from assets.source_files.summary import tally_of, unread_rows
from assets.step_asset import step_asset
from assets.steps import STEP_OF, gate_steps, gated_by, sharded_steps
from assets.training_dataset import notes
from resources.dagster import StoreResource, clear_failures

FILES_LISTED = 1000  # of those that were not read; the table has all of them


@step_asset(STEP, kinds={"html"})
def quality_report(
    context: dg.AssetExecutionContext, store: StoreResource, recipe: RecipeResource
) -> dg.MaterializeResult[None]:
    """`reports/index.html`: the overview of `lwv look` as one page that can be mailed, and what is in quarantine.

    Whatever was not written yet is left out: the page is most useful where training or a shard failed.
    """
    with clear_failures():
        tables = store.create()
        view = RunView.of(context)
        needed = {name for gate in gate_steps() for name in gated_by(STEP_OF[gate])}
        states = shard_states(tables, view, [name for name in sharded_steps() if name in needed])
        shards = view.shards
        reports = [
            report
            for asset in sharded_steps()
            for shard in shards
            if (report := read_report(tables, asset, shard)) is not None
        ]
        aside = [row for asset in sharded_steps() for shard in shards for row in read_quarantine(tables, asset, shard)]
        aside += read_left_out(tables)
        summary = read_summary(tables)
        waiting = [states.note] if states.note else []
        said = [*embedded_note(reports), *waiting, *([summary["note"]] if summary else ())]
        tally, unread = tally_of(tables), list(islice(unread_rows(tables), FILES_LISTED))
        parts = Overview(tables, linked=False).all()
        files = ". ".join([tally.sentence(), *tally.notes])
        page = render_page(said, {TITLES[name]: part for name, part in parts.items()}, aside, files, unread)
        path = tables.home / "reports" / "index.html"
        tables.write_bytes(path, page.encode())
    return dg.MaterializeResult(
        metadata={
            "reports": len(reports),
            "passed": sum(report["passed"] for report in reports),
            "quarantined": len(aside),
            "pending": len(states.pending),
            **notes(states.note),
            "path": dg.MetadataValue.path(str(path)),
        }
    )


def embedded_note(reports: Sequence[Report]) -> list[str]:
    """Which assets the embedded model wrote or judged, in a sentence; none where it did not."""
    names = [report["asset"] for report in reports if "(embedded)" in json.dumps(report["made_with"])]
    listed = ", ".join(dict.fromkeys(names))
    says = f"The embedded model, which is heuristics, wrote or judged {listed}: no model's quality is shown."
    return [says] if names else []
