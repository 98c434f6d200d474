"""The UI's own gate, GraphQL on a running `dagster dev`: new files become shards, and a backfill of two succeeds."""

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

from assets.steps import steps_of
from tests.conftest import draw_page

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
        with urllib.request.urlopen(request, timeout=30) as response:
            answer = json.load(response)
        assert "errors" not in answer, answer
        return answer["data"]

    try:
        wait_for(lambda: answers(ask), 60, "the UI to answer")
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


def wait_for(found: Callable[[], Any], seconds: float, what: str) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}"
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


@pytest.mark.slow
def test_new_files_become_shards_and_a_backfill_of_two_succeeds(graphql: Callable[..., Any]) -> None:
    shards = wait_for(lambda: graphql(SHARDS)["assetNodeOrError"]["partitionKeys"], 90, "the sensor to add shards")
    assert shards == ["north-001", "south-001"]
    launched = graphql(
        LAUNCH,
        params={"assetSelection": [{"path": [name]} for name in steps_of("shard_job")], "partitionNames": shards},
    )["launchPartitionBackfill"]
    assert launched["__typename"] == "LaunchBackfillSuccess", launched
    ended = wait_for(
        lambda: (
            (state := graphql(STATUS, id=launched["backfillId"])["partitionBackfillOrError"])
            and state["status"] != "REQUESTED"
            and state
        ),
        240,
        "the backfill to end",
    )
    assert ended == {"status": "COMPLETED_SUCCESS", "numPartitions": 2}
    node = graphql(CHECKS)["assetNodeOrError"]
    assert {event["partition"] for event in node["assetMaterializations"]} == set(shards)
    statuses = {check["executionForLatestMaterialization"]["status"] for check in node["assetChecksOrError"]["checks"]}
    assert statuses == {"SUCCEEDED"}
