"""Which shards a gate reads: pending ones are left out and counted, failed and broken ones shut it."""

import time
from pathlib import Path
from typing import Any, get_args

import dagster as dg
import pytest

from assets.partitions import SHARDS
from assets.quality.outcome import Outcome, Rule
from assets.quality.report import report_path, table_hash, write_report
from assets.quality.shard_states import (
    State,
    TableState,
    first_pending,
    pending_note,
    problems_of,
    shard_states,
    why_pending,
)
from assets.run_view import RunView, assets_of
from assets.segments.schema import SEGMENTS
from assets.steps import steps_of
from assets.training_dataset import current_manifest
from resources.store import Store
from testing.rows import english, page, write_shard, written
from tests.conftest import Factory, draw_page
from tests.identity.test_stale import failures

LINEAGE = ("source_images", "instructions", "long_outputs")
RULE = Rule("whole", "It is whole.")


# -- the decision -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("states", "pending", "problems"),
    [
        (("good", "good", "good"), "", []),
        (("missing", "missing", "missing"), "never run", []),
        (("good", "missing", "missing"), "`instructions` is not made yet", []),
        (("good", "unchecked", "missing"), "`instructions` is not checked yet", []),
        (("unchecked", "missing", "missing"), "`source_images` is not checked yet", []),
        (("good", "being_made", "good"), "`instructions` is being made", []),
        (("good", "failed", "missing"), "", ["instructions"]),
        (("failed", "changed", "missing"), "", ["source_images"]),
        (("failed", "being_made", "missing"), "`instructions` is being made", []),
        (("good", "good", "changed"), "", ["long_outputs"]),
        (("good", "missing", "good"), "", ["instructions"]),
        (("good", "unchecked", "good"), "", ["instructions"]),
        (("missing", "missing", "good"), "", ["source_images", "instructions"]),
        (("missing", "good", "missing"), "", ["source_images"]),
    ],
)
def test_what_is_not_done_waits_and_what_failed_or_is_broken_does_not(
    states: tuple[State, ...], pending: str, problems: list[str]
) -> None:
    tables = [TableState(name, state) for name, state in zip(LINEAGE, states, strict=True)]
    found = problems_of("a-001", tables, [])
    waiting = first_pending(tables, [], bool(found))
    assert (why_pending(waiting, waiting is tables[0]) if waiting else "") == pending
    assert pending or [problem.asset for problem in found] == problems


@pytest.mark.parametrize("state", get_args(State))
def test_a_table_that_a_shard_may_lack_counts_where_it_is_there(state: State) -> None:
    tables, drafts = [TableState(name, "good") for name in LINEAGE], [TableState("drafts", state)]
    found = problems_of("a-001", tables, drafts)
    assert bool(found) == (state in ("failed", "changed"))
    assert bool(first_pending(tables, drafts, bool(found))) == (state in ("being_made", "unchecked", "missing"))


def test_many_pending_shards_are_counted_and_the_first_are_named() -> None:
    assert pending_note({}) == ""
    assert pending_note({"a-001": "never run"}) == "1 shard pending: a-001 (never run)"
    said = pending_note({f"a-{number:03d}": "never run" for number in range(1, 13)})
    assert said.startswith("12 shards pending: a-001 (never run), ")
    assert said.endswith("a-010 (never run), and 2 more")


# -- from files -------------------------------------------------------------------------------------------------------
def view(*shards: str, began: float | None = None, **making: float) -> RunView:
    """making: asset -> when a run that makes it of every shard began."""
    found = {(asset, shard): since for asset, since in making.items() for shard in shards}
    return RunView(list(shards), time.time() if began is None else began, found)


def reported(store: Store, shard: str, passed: bool = True) -> None:
    store.write_table(SEGMENTS, shard, [])
    outcome = Outcome("whole", passed, {}, "" if passed else f"segments {shard}: 9 of 9 in quarantine")
    write_report(store, "segments", shard, [RULE], [outcome], 0, 0)


def test_reports_and_tables_say_how_a_shard_stands(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for shard in ("good-001", "changed-001", "gone-001"):
        reported(store, shard)
    reported(store, "failed-001", passed=False)
    store.write_table(SEGMENTS, "changed-001", [{**dict.fromkeys(SEGMENTS.schema.names), "segment_id": "s"}])  # type: ignore[list-item]
    store.table_path("segments", "gone-001").unlink()
    store.write_table(SEGMENTS, "unchecked-001", [])
    shards = ("changed-001", "failed-001", "gone-001", "good-001", "never-001", "unchecked-001")
    found = shard_states(store, view(*shards), ["segments"])
    assert found.finished == ["good-001"]
    assert found.pending == {"never-001": "never run", "unchecked-001": "`segments` is not checked yet"}
    assert {problem.shard: problem.reason for problem in found.problems} == {
        "changed-001": "its table changed after it was checked",
        "failed-001": "failed whole (9 of 9 in quarantine)",
        "gone-001": "its table is gone",
    }


def test_a_shard_that_a_run_is_making_is_pending_until_that_run_has_checked_it(tmp_path: Path) -> None:
    store = Store(tmp_path)
    reported(store, "a-001", passed=False)
    before = shard_states(store, view("a-001", segments=time.time()), ["segments"])
    assert before.pending == {"a-001": "`segments` is being made"}
    since = time.time()
    reported(store, "a-001")  # what the run checks is done, and so is what another run checks after one that was killed
    assert shard_states(store, view("a-001", segments=since), ["segments"]).finished == ["a-001"]


@pytest.mark.parametrize("passed", [True, False])
def test_what_is_checked_after_a_run_began_counts_for_the_next_one(passed: bool, tmp_path: Path) -> None:
    store, began = Store(tmp_path), time.time()
    reported(store, "late-001", passed)
    assert shard_states(store, view("late-001", began=began), ["segments"]).pending
    assert not shard_states(store, view("late-001"), ["segments"]).pending


@pytest.mark.parametrize(
    "written", ["", '{"asset": "segm', "[]", "null", '{"asset": "segments"}', '{"outcomes": [{"rule": "r"}]}', "\xff"]
)
def test_a_report_that_cannot_be_read_counts_as_none(written: str, tmp_path: Path) -> None:
    store = Store(tmp_path)
    reported(store, "a-001")
    assert shard_states(store, view("a-001"), ["segments"]).finished == ["a-001"]
    report_path(store, "segments", "a-001").write_bytes(written.encode("latin-1"))
    assert shard_states(store, view("a-001"), ["segments"]).pending == {"a-001": "`segments` is not checked yet"}


# -- runs of Dagster --------------------------------------------------------------------------------------------------
def unfinished_run(factory: Factory, shard: str, job: str = "shard_job") -> dg.DagsterRun:
    """A run that began and has not ended, as another process leaves it."""
    from lwv_dagster.definitions import defs

    run = factory.instance.create_run_for_job(defs.resolve_job_def(job), tags={"dagster/partition": shard})
    factory.instance.report_dagster_event(
        dg.DagsterEvent(dg.DagsterEventType.PIPELINE_START.value, job_name=job), run.run_id
    )
    return run


def gates(factory: Factory) -> dict[str, dict[str, Any]]:
    """asset -> what its materialisation said; both gates, which must open."""
    result = factory.run("training_job", assets=["sft_dataset"])
    assert result.success, failures(result)
    said = result.asset_materializations_for_node("sft_dataset")[0].metadata
    return {name: value.value for name, value in said.items()}


def fill(factory: Factory, shard: str, number: int) -> None:
    text = english(f"{shard}{number}", 300)
    row = written(f"{number:016x}-single", text, [factory.store.put_image(f"{number}".encode())])
    pages = [page(f"{number:016x}", row["images"][0], phash=f"{number * 0x0123456789ABCDEF % 16**16:016x}", text=text)]
    write_shard(factory.store, shard, [row], pages)
    factory.instance.add_dynamic_partitions(str(SHARDS.name), [shard])


def test_a_gate_trains_with_what_is_finished_and_counts_the_rest(factory: Factory) -> None:
    for number, shard in enumerate(("a-001", "b-001", "c-001"), 1):
        fill(factory, shard, number)
    whole = gates(factory)
    assert (whole["dagster/row_count"], whole["pending"]) == (3, 0)
    assert "note" not in whole

    factory.instance.add_dynamic_partitions(str(SHARDS.name), ["d-001"])  # never run
    factory.store.table_path("long_outputs", "c-001").unlink()  # half-way: killed before it was written
    report_path(factory.store, "long_outputs", "c-001").unlink()
    run = unfinished_run(factory, "b-001")
    some = gates(factory)
    assert (some["dagster/row_count"], some["shards"], some["pending"]) == (1, 1, 3)
    assert some["note"] == (
        "3 shards pending: b-001 (`source_images` is being made), c-001 (`long_outputs` is not made yet), "
        "d-001 (never run)"
    )
    manifest = current_manifest(factory.store, "sft")
    assert (manifest.shards, list(manifest.pending)) == (["a-001"], ["b-001", "c-001", "d-001"])

    fill(factory, "b-001", 2)  # the run has checked it all
    assert gates(factory)["dagster/row_count"] == 2
    factory.instance.report_run_failed(run)
    assert gates(factory)["dagster/row_count"] == 2


def test_a_gate_before_which_no_shard_is_finished_refuses_in_one_sentence(factory: Factory) -> None:
    fill(factory, "a-001", 1)
    unfinished_run(factory, "a-001")
    factory.instance.add_dynamic_partitions(str(SHARDS.name), ["b-001"])
    refused = failures(factory.run("training_job", assets=["sft_dataset"]))
    assert (
        "No shard is finished, 2 shards pending: a-001 (`source_images` is being made), b-001 (never run). "
        "Run shard_job for them, or wait until they are." in refused
    )


def test_a_run_of_some_assets_makes_these_alone(factory: Factory) -> None:
    fill(factory, "a-001", 1)
    run = unfinished_run(factory, "a-001", "drafts_job")
    assert assets_of(run) == steps_of("drafts_job")
    assert gates(factory)["pending"] == 0  # drafts_job makes nothing that this gate reads


def test_a_failed_shard_shuts_the_gate_beside_finished_and_pending_ones(factory: Factory) -> None:
    draw_page(factory.sources / "good" / "sign.png", "A sign that stands alone")
    (factory.sources / "bad").mkdir()
    (factory.sources / "bad" / "broken.png").write_text("no picture")
    draw_page(factory.sources / "new" / "sign.png", "Another sign")
    bad, good, _ = factory.scan()
    assert factory.run("shard_job", good, [*LINEAGE]).success
    assert not factory.run("shard_job", bad, [*LINEAGE]).success
    refused = failures(factory.run("training_job", assets=["sft_dataset"]))
    assert f"{bad}/source_images: failed quarantine_share" in refused
    assert "bad/broken.png" in refused and "new-001" not in refused
    assert table_hash(factory.store, "long_outputs", good)
