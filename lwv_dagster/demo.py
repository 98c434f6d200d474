"""`lwv demo`: every shard, training, scores and report, with progress, and the results as tables."""

import os
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import dagster as dg
from rich.markup import escape

from assets.partitions import SHARDS
from assets.quality.quarantine import read_left_out, read_quarantine
from assets.source_images.catalog import Catalog, CatalogError, NoSourcesError, current_shards
from assets.step import Job
from assets.steps import STEP_OF, steps_of
from lwv_dagster.check import check_servers, never_answered, start_servers
from lwv_dagster.definitions import check_keys, defs
from lwv_dagster.file_screen import show_files
from lwv_dagster.instance import end_dead_runs, open_instance
from lwv_dagster.job_run import run_here
from lwv_dagster.preflight import may_begin
from lwv_dagster.settled_checks import settle_checks
from lwv_dagster.spending import Spending
from lwv_dagster.terminal import console, live_progress, print_table
from resources.endpoints import Endpoint, endpoints_from_env
from resources.failures import EndpointError, StorageError
from resources.locks import HeldError, Lock, LockingError, holding
from resources.settings import SettingError, Settings
from resources.stopping import STOP
from resources.store import Store
from resources.text.shown import number_of
from resources.vllm.own_servers import OWN_SERVERS

JOBS: tuple[Job, ...] = ("shard_job", "training_job", "evaluation_job", "report_job")
TERMINAL: Mapping[str, object] = {"loggers": {"terminal": {}}}  # the live line in place of Dagster's console log


@dataclass
class AssetTally:
    """What the runs reported of one asset."""

    shards: int = 0
    rows: int = 0
    passed: int = 0
    warned: int = 0
    failed: int = 0
    calls_made: int = 0
    notes: list[str] = field(default_factory=list)


def run_demo() -> int:
    """Exit code 0 when every run succeeded; every problem is one line that says what to do. Raises Stopped."""
    if not may_begin("lwv demo"):
        return 2
    try:
        settings = Settings().absolute()
        with holding(Lock(settings.home, "home"), "`lwv demo`"), OWN_SERVERS.keeping():
            return run_all(settings)
    except HeldError as error:
        problem = f"{error} is at work in LWV_HOME={settings.home}: wait for it, stop it, or set another LWV_HOME."
    except (SettingError, LockingError) as error:
        problem = str(error)
    console.print(f"[red]lwv demo cannot start:[/] {escape(problem)}", soft_wrap=True)
    return 2


def run_all(settings: Settings) -> int:
    """`run_demo`, alone in its LWV_HOME."""
    started = time.monotonic()
    try:
        endpoints = endpoints_from_env()
        os.environ.update(LWV_HOME=str(settings.home), LWV_SOURCES=str(settings.sources))
        catalog = Catalog(settings.home, settings.sources, settings)
        catalog.scan()
        shards = catalog.shards()
        new = never_answered(settings, list(endpoints.values()))
    except (NoSourcesError, CatalogError, EndpointError, StorageError, ValueError) as error:
        console.print(f"[red]lwv demo cannot start:[/] {escape(str(error))}", soft_wrap=True)
        return 2
    greet(settings, list(endpoints.values()))
    theirs, ours = [each for each in new if not each.served], [each for each in new if each.served]
    if not start_servers(settings, ours) or (theirs and not check_servers(settings, theirs)):
        console.print("[red]lwv demo stops here:[/] no document was asked for yet. `lwv check` asks again.")
        return 2

    spending = Spending("demo")
    tally: dict[str, AssetTally] = defaultdict(AssetTally)
    store = Store(settings.home)
    with open_instance(settings.home) as instance:
        if ended := end_dead_runs(instance, settings.home):
            were = "was" if ended == 1 else "were"
            console.print(f"  {number_of(ended, 'run')} of a killed process {were} ended; finished work is kept.")
        settle_checks(instance, store, check_keys)
        instance.add_dynamic_partitions(str(SHARDS.name), shards)
        run = partial(run_job, instance, settings.home, tally, spending.tags)
        good_shards = [run("shard_job", shard) for shard in shards]
        # Where training failed, the scores would be of checkpoints that learnt something else.
        scored = run("training_job") and run("evaluation_job")
        good = run("report_job") and all(good_shards) and scored
    show_assets(store, tally)
    show_quarantine(store, shards)
    show_files(store)
    if scored:
        show_scores(store)
    calls = number_of(sum(asset.calls_made for asset in tally.values()), "model call")
    console.print(
        f"\n{calls} made ({spending.says(settings.home)}), {time.monotonic() - started:.0f} s in all. "
        "[bold]See what is bad, and mend it: make look[/] (then http://127.0.0.1:3001). "
        "Runs and checks: make ui (then http://127.0.0.1:3000)"
    )
    if not good:
        console.print("[red]Some runs failed: see the lines marked ✗ above.[/]")
    return 0 if good else 1


def greet(settings: Settings, endpoints: list[Endpoint]) -> None:
    """What will run, on what is there now, with which models."""
    present = current_shards(settings.home)
    console.print(
        f"[bold]lwv demo[/]  {number_of(len(present), 'document')} in {number_of(len({*present.values()}), 'shard')}, "
        f"from {escape(str(settings.sources))} into {escape(str(settings.home))}",
        soft_wrap=True,
    )
    for endpoint in endpoints:
        console.print(f"  {endpoint!r}", soft_wrap=True, markup=False)
    if any(endpoint.embedded for endpoint in endpoints):
        console.print(
            "  The embedded model is written-down heuristics: it shows the factory at work, not a model's "
            "quality.\n  Set LWV_TEACHER_BASE_URL and LWV_TEACHER_MODEL for real text (CRITIC and JUDGE "
            "likewise)."
        )


def run_job(
    instance: dg.DagsterInstance,
    home: Path,
    tally: dict[str, AssetTally],
    tags: Mapping[str, str],
    name: str,
    shard: str | None = None,
) -> bool:
    """Run one job to its end in this process, count what it reports, and print one line; true when it succeeded.

    Raises Stopped where this process was asked to end.
    """
    STOP.check()
    started, what = time.monotonic(), f"{name} {shard or ''}".strip()
    with live_progress(what):
        result = run_here(instance, defs.resolve_job_def(name), home, TERMINAL, tags, shard)
    STOP.check()
    for event in result.all_events:
        count_event(event, tally)
    mark = "[green]✓[/]" if result.success else "[red]✗[/]"
    console.print(f"{mark} {escape(what)}  [dim]{time.monotonic() - started:.1f} s[/]")
    for problem in problems(result.all_events):
        console.print(f"    [red]{escape(problem)}[/]", soft_wrap=True)
    return result.success


def count_event(event: dg.DagsterEvent, tally: dict[str, AssetTally]) -> None:
    """Add what a materialization or a check says to its asset's tally."""
    if event.is_step_materialization:
        materialization = event.step_materialization_data.materialization
        metadata = materialization.metadata
        asset = tally[materialization.asset_key.to_user_string()]
        asset.shards += materialization.partition is not None
        asset.rows += whole(metadata, "dagster/partition_row_count") or whole(metadata, "dagster/row_count")
        asset.calls_made += whole(metadata, "calls_made")
        if isinstance(note := metadata.get("note"), dg.TextMetadataValue) and note.text:
            asset.notes.append(note.text)
    elif event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
        check = event.asset_check_evaluation_data
        asset = tally[check.asset_key.to_user_string()]
        if check.passed:
            asset.passed += 1
        elif check.severity == dg.AssetCheckSeverity.WARN:
            asset.warned += 1
        else:
            asset.failed += 1


def whole(metadata: Mapping[str, dg.MetadataValue], name: str) -> int:
    """A count in an event's metadata; 0 where it has none."""
    found = metadata.get(name)
    return int(found.value or 0) if isinstance(found, dg.IntMetadataValue | dg.FloatMetadataValue) else 0


def problems(events: Sequence[dg.DagsterEvent]) -> Iterator[str]:
    """One line per failed step and per failed blocking check."""
    for event in events:
        if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            check = event.asset_check_evaluation_data
            if not check.passed and check.severity == dg.AssetCheckSeverity.ERROR:
                yield f"check {check.asset_key.to_user_string()}.{check.check_name}: {check.description or 'failed'}"
        elif event.is_step_failure:
            data = event.step_failure_data
            failure = data.user_failure_data
            error = failure.description if failure and failure.description else data.error_display_string.strip()
            if "blocking" not in error.lower() or failure:
                yield f"{event.step_key}: {error.splitlines()[0] if error else 'failed'}"


def show_assets(store: Store, tally: dict[str, AssetTally]) -> None:
    """A table of every asset: shards, rows, checks, files; and the notes of the runs."""
    rows = []
    for step in (STEP_OF[name] for job in JOBS for name in steps_of(job)):
        asset = tally[step.name]
        shards = str(asset.shards) if step.sharded else "all"
        checks = f"{asset.passed} / {asset.warned} / {asset.failed}"
        rows.append((step.name, shards, asset.rows or "", checks, step.files))
    print_table(
        f"The lineage: checks passed / warned / failed, and files under {escape(os.path.relpath(store.home))}",
        ("asset", "shards", "rows", "checks", "files"),
        rows,
        numbers=("shards", "rows", "checks"),
    )
    for name, asset in tally.items():
        for note in asset.notes:
            console.print(f"{name}: {note}", soft_wrap=True, markup=False)


def show_quarantine(store: Store, shards: list[str]) -> None:
    """A table of what is in quarantine or was left out, with the reasons; nothing where there is none."""
    rows = [
        (row["step"], row["source"], row["reason"])
        for asset in steps_of("shard_job")
        for shard in shards
        for row in read_quarantine(store, asset, shard)
    ]
    rows += [(row["step"], row["source"], row["reason"]) for row in read_left_out(store)]
    if rows:
        print_table("In quarantine (everything else went on)", ("step", "what", "why"), rows)


def show_scores(store: Store) -> None:
    """The means of base, SFT, DPO and teacher, and what they are worth."""
    from assets.benchmark_scores.scores import SCORE_COLUMNS, read_summary

    summary = read_summary(store)
    if summary:
        print_table(
            f"Scores ({summary['harness']}; judge: {escape(summary['judge'])})",
            SCORE_COLUMNS,
            summary["rows"],
            numbers=SCORE_COLUMNS[1:],
        )
        console.print(summary["note"], soft_wrap=True, markup=False)
