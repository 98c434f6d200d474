"""The UI's own way in, GraphQL on a running `dagster dev`: shards, backfills, what is stale and making it again."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from assets.steps import STEPS, steps_of
from lwv_dagster.ui import lineage_address
from tests.conftest import BUSY_S, draw_page, write_recipe

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def graphql(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """A `dagster dev` as `make ui` starts it, over two collections; yields a function that asks its GraphQL."""
    for collection, colour in (("north", "beige"), ("south", "pink")):
        draw_page(tmp_path / "sources" / collection / "sign.png", f"The {collection} gate", colour=colour)
    (tmp_path / "dagster").mkdir()
    shutil.copyfile(ROOT / "dagster_home" / "dagster.yaml", tmp_path / "dagster" / "dagster.yaml")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {
        **os.environ,
        "LWV_HOME": str(tmp_path / "home"),
        "LWV_SOURCES": str(tmp_path / "sources"),
        "DAGSTER_HOME": str(tmp_path / "dagster"),
        "LWV_RECIPE": write_recipe(tmp_path),
    }
    log = (tmp_path / "dev.log").open("w")
    server = subprocess.Popen(
        [Path(sys.executable).parent / "dagster", "dev", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port)],
        cwd=ROOT,
        env=env,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )

    def ask(query: str, **variables: Any) -> Any:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{port}/graphql", body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=120) as response:
            answer = json.load(response)
        assert "errors" not in answer, answer
        return answer["data"]

    try:
        wait_for(lambda: answers(ask), "the UI to answer")
        yield ask
    finally:
        os.killpg(server.pid, signal.SIGINT)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
        log.close()


def answers(ask: Callable[..., Any]) -> bool:
    try:
        return bool(ask("{ version }"))
    except (urllib.error.URLError, ConnectionError):
        return False


def wait_for(found: Callable[[], Any], what: str) -> Any:
    """What `found` gives once it is true; three waits end before pytest-timeout says less."""
    deadline = time.monotonic() + BUSY_S / 4
    while not (value := found()):
        assert time.monotonic() < deadline, f"waited {BUSY_S / 4:.0f} s for {what}"
        time.sleep(1)
    return value


SHARDS = '{ assetNodeOrError(assetKey: {path: ["source_images"]}) { ... on AssetNode { partitionKeys } } }'
LAUNCH = """mutation ($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
STATUS = """query ($id: String!) { partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill {
  status numPartitions } } }"""
CHECKS = """{ assetNodeOrError(assetKey: {path: ["preference_pairs"]}) { ... on AssetNode {
  assetMaterializations { partition } assetChecksOrError { ... on AssetChecks { checks { name
  executionForLatestMaterialization { status } } } } } } }"""


STALE = """query ($shards: [String!]!, $sharded: [AssetKeyInput!]!, $whole: [AssetKeyInput!]!) {
  sharded: assetNodes(assetKeys: $sharded) { assetKey { path } staleStatusByPartition(partitions: $shards) }
  whole: assetNodes(assetKeys: $whole) { assetKey { path } staleStatus } }"""
REPOSITORY = "{ workspaceOrError { ... on Workspace { locationEntries { name } } } }"
RUN = """mutation ($job: JobOrPipelineSelector!) { launchRun(executionParams: {selector: $job, mode: "default"}) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
RUN_STATUS = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
BACKFILLS = """{ partitionBackfillsOrError(limit: 1) { ... on PartitionBackfills { results {
  id title status partitionNames assetBackfillData { assetBackfillStatuses { __typename
  ... on AssetPartitionsStatusCounts { assetKey { path } numPartitionsTargeted } } } } } } }"""
OVER = ("COMPLETED_SUCCESS", "COMPLETED_FAILED", "FAILED", "CANCELED")


@pytest.mark.slow
def test_new_files_become_shards_a_backfill_makes_them_and_a_changed_recipe_just_what_is_stale(
    graphql: Callable[..., Any], tmp_path: Path
) -> None:
    shards = wait_for(lambda: graphql(SHARDS)["assetNodeOrError"]["partitionKeys"], "the sensor to add shards")
    assert shards == ["north-001", "south-001"]
    launched = graphql(
        LAUNCH,
        params={"assetSelection": [{"path": [name]} for name in steps_of("shard_job")], "partitionNames": shards},
    )["launchPartitionBackfill"]
    assert launched["__typename"] == "LaunchBackfillSuccess", launched
    ended = wait_for(lambda: ended_backfill(graphql, launched["backfillId"]), "the backfill to end")
    assert ended == {"status": "COMPLETED_SUCCESS", "numPartitions": 2}
    node = graphql(CHECKS)["assetNodeOrError"]
    assert {event["partition"] for event in node["assetMaterializations"]} == set(shards)
    statuses = {check["executionForLatestMaterialization"]["status"] for check in node["assetChecksOrError"]["checks"]}
    assert statuses == {"SUCCEEDED"}

    assert stale(graphql, shards) == {}
    write_recipe(tmp_path, "[pairs]\nmargin = 9.0\n")  # the server goes on as it is
    assert wait_for(lambda: stale(graphql, shards), "the sensor to see the recipe") == {"preference_pairs": shards}
    refresh(graphql)
    made = wait_for(lambda: newest_backfill(graphql), "the backfill of stale tables to end")
    assert (made["title"], made["status"], sorted(made["partitionNames"])) == (
        "Stale tables",
        "COMPLETED_SUCCESS",
        shards,
    )
    (counts,) = made["assetBackfillData"]["assetBackfillStatuses"]
    assert (counts["assetKey"]["path"], counts["numPartitionsTargeted"]) == (["preference_pairs"], 2)
    assert stale(graphql, shards) == {}


def test_the_address_of_the_lineage_unfolds_each_group() -> None:
    expanded = lineage_address("3000").partition("?expanded=")[2].split(",")
    assert expanded == [f"global@global:{group}" for group in dict.fromkeys(step.group for step in STEPS)]


def ended_backfill(graphql: Callable[..., Any], backfill: str) -> Any:
    state = graphql(STATUS, id=backfill)["partitionBackfillOrError"]
    return state if state["status"] in OVER else None


def newest_backfill(graphql: Callable[..., Any]) -> Any:
    (newest,) = graphql(BACKFILLS)["partitionBackfillsOrError"]["results"]
    return newest if newest["title"] == "Stale tables" and newest["status"] in OVER else None


def stale(graphql: Callable[..., Any], shards: list[str]) -> dict[str, list[str]]:
    """asset -> its stale shards, of those that have any; an asset without shards that is stale has `all`."""
    sharded, whole = ([{"path": [step.name]} for step in STEPS if step.sharded == has] for has in (True, False))
    answer = graphql(STALE, shards=shards, sharded=sharded, whole=whole)
    found = {
        node["assetKey"]["path"][0]: [
            shard for shard, status in zip(shards, node["staleStatusByPartition"], strict=True) if status == "STALE"
        ]
        for node in answer["sharded"]
    }
    found |= {node["assetKey"]["path"][0]: ["all"] for node in answer["whole"] if node["staleStatus"] == "STALE"}
    return {name: names for name, names in found.items() if names}


def refresh(graphql: Callable[..., Any]) -> None:
    """What a click on *Launch run* of refresh_job does."""
    (location,) = graphql(REPOSITORY)["workspaceOrError"]["locationEntries"]
    job = {
        "repositoryLocationName": location["name"],
        "repositoryName": "__repository__",
        "jobName": "refresh_job",
    }
    launched = graphql(RUN, job=job)["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    run = launched["run"]["runId"]
    status = wait_for(
        lambda: (
            (state := graphql(RUN_STATUS, id=run)["runOrError"]["status"]) in ("SUCCESS", "FAILURE", "CANCELED")
            and state
        ),
        "refresh_job to end",
    )
    assert status == "SUCCESS"
