"""A real Label Studio, from the push to the ledger: each task once, each answer once, and of what it let through
unchecked nothing."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from click.testing import CliRunner
from PIL import Image

from assets.corrected_segments.schema import CORRECTED_SEGMENTS
from assets.partitions import SHARDS
from assets.source_images.schema import SOURCE_IMAGES
from lwv_dagster.cli import main
from lwv_dagster.sensors import answered_tasks, decided_shards
from resources.dagster import StoreResource
from resources.decisions.decision import Decision
from resources.decisions.people import decisions_of
from testing.label_studio import PROGRAM, ROOT, Person, Started, choices_result, label_studio, text_result
from testing.signal_shard import make_signal_shard
from tests.conftest import Factory

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
SHARD = "talks-001"
SEGMENTS = 32
# What `lwv` does in a process that is killed while it saves: within the transaction, before it is committed.
KILLED = """
import os, signal
from resources.decisions.people import People
append = People.append
def killed(decisions):
    decisions = list(decisions)
    yield decisions[0]
    os.kill(os.getpid(), signal.SIGKILL)
People.append = lambda self, decisions: append(self, killed(decisions))
from lwv_dagster.cli import main
main(["annotate", "pull"])
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Factory]:
    """A shard of two decks with signals; the first page of one has a picture."""
    home = tmp_path_factory.mktemp("studio") / "home"
    with pytest.MonkeyPatch.context() as patch, dg.DagsterInstance.ephemeral() as instance:
        patch.setenv("LWV_HOME", str(home))
        patch.setenv("COLUMNS", "250")
        factory = Factory(home, home, instance)
        make_signal_shard(factory.store, SHARD, 2)
        instance.add_dynamic_partitions(str(SHARDS.name), [SHARD])
        assert factory.run("shard_job", SHARD, ["signals"]).success
        sha256 = next(iter(factory.store.rows(SOURCE_IMAGES, SHARD)))["image_sha256"]
        path = factory.store.image_path(sha256)
        path.parent.mkdir(parents=True)
        Image.new("RGB", (64, 48), "red").save(path)
        yield factory


@pytest.fixture(scope="module")
def studio(made: Factory) -> Iterator[Started]:
    assert PROGRAM.exists(), "make test-annotate installs Label Studio"
    with label_studio(made.home) as started, pytest.MonkeyPatch.context() as patch:
        patch.setenv("LWV_LABEL_STUDIO_URL", started.lead.url)
        patch.setenv("LWV_LABEL_STUDIO_TOKEN", started.lead.token)
        yield started


def annotate(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(main, ["annotate", *words])
    assert result.exit_code == code, result.output
    return result.output


def tick(factory: Factory, cursor: str | None = None) -> tuple[str, str | None]:
    """What a tick of the sensor says, and its cursor."""
    resources = {"store": StoreResource(home=str(factory.home))}
    with dg.build_sensor_context(factory.instance, cursor=cursor, resources=resources) as context:
        found = answered_tasks(context)
        assert isinstance(found, dg.SkipReason)
        return str(found.skip_message), context.cursor


def project_of(lead: Person) -> int:
    (project,) = lead.ask("GET", "/api/projects/")["results"]
    return int(project["id"])


def decisions(factory: Factory) -> dict[tuple[str, str], Decision]:
    return {(each.target, each.who): each for each in decisions_of(factory.home)}


def test_from_the_push_to_the_ledger(made: Factory, studio: Started) -> None:
    lead = studio.lead
    assert "16 tasks were made, 0 were there" in annotate("push", "split=preference")
    assert "16 tasks were made, 16 were there" in annotate("push")
    assert "0 tasks were made, 32 were there" in annotate("push")
    project = project_of(lead)
    tasks = lead.tasks(project)
    assert len(tasks) == SEGMENTS
    assert 4 <= sum(task["overlap"] == 2 for task in tasks.values()) <= 9  # 20 % of 32
    doubts = {name: task["data"]["doubt"] for name, task in tasks.items()}
    first = lead.ask("GET", f"/api/projects/{project}/next")
    assert first["data"]["doubt"] == max(doubts.values()) > min(doubts.values())

    second = studio.invited("second@example.org")
    edited = [task for _, task in sorted(tasks.items()) if task["data"]["critic"] != task["data"]["draft"]]
    plain = [task for _, task in sorted(tasks.items()) if task["data"]["critic"] == task["data"]["draft"]]
    one, other, skipped, half, unknown_control, unknown_kind, huge, strange, dropped = (*edited[:1], *plain[:8])
    mended = one["data"]["critic"] + "\n\nA person looked."
    lead.answer(one, text_result(mended), choices_result("kinds", "factual"))
    second.answer(one, text_result(mended + " Twice."), choices_result("kinds", "factual"))
    lead.answer(other, text_result(other["data"]["critic"]))
    second.answer(other, choices_result("verdict", "fine"))
    lead.answer(skipped, was_cancelled=True)
    lead.ask("POST", f"/api/tasks/{half['id']}/drafts", json={"result": [text_result("half")], "lead_time": 3})
    lead.answer(unknown_control, text_result("x", from_name="shell"))
    lead.answer(unknown_kind, text_result(unknown_kind["data"]["draft"] + " More."), choices_result("kinds", "boring"))
    lead.answer(huge, text_result("word " * 40_000), choices_result("kinds", "factual"))
    lead.answer(strange, text_result("x", value={"text": {"a": [1]}}))
    second.answer(dropped, choices_result("verdict", "drop"), text_result(dropped["data"]["critic"]))

    assert_killed_pull_leaves_nothing(made)
    said = annotate("pull", code=1)
    assert "5 new decisions" in said and "4 refused" in said and "5 decisions were saved" in said
    assert "`shell` is no control of the project" in said
    assert "`boring` is no kind of error" in said
    assert "has 40,000 words" in said or "lost its heading" in said
    assert "`text` holds no texts" in said
    found = decisions(made)
    assert {key: each.verdict for key, each in found.items()} == {
        (one["data"]["segment"], "lead@lwv.local"): "corrected",
        (one["data"]["segment"], "second@example.org"): "corrected",
        (other["data"]["segment"], "lead@lwv.local"): "fine",
        (other["data"]["segment"], "second@example.org"): "fine",
        (dropped["data"]["segment"], "second@example.org"): "drop",
    }
    assert found[one["data"]["segment"], "lead@lwv.local"].text == mended
    assert found[one["data"]["segment"], "lead@lwv.local"].seconds == 12.5
    assert "0 new decisions" in annotate("pull", code=1)
    assert decisions(made) == found
    assert_agreement(json.loads(annotate("agreement", "--json")))
    assert_sensor_takes_what_is_new_once(made, second, plain[8])
    assert_stale_tasks_go_but_for_those_with_answers(
        made, lead, project, edited[1]["data"]["segment"], one["data"]["segment"]
    )


def assert_killed_pull_leaves_nothing(made: Factory) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED], cwd=ROOT, env={**os.environ}, check=False, timeout=300)
    assert done.returncode == -signal.SIGKILL
    assert decisions_of(made.home) == []


def assert_agreement(found: dict[str, Any]) -> None:
    assert (found["segments"], found["shared"], found["people"]) == (3, 2, 2)
    assert found["between"]["factual"] == {"value": 1.0, "units": 2, "values": 4}
    assert found["between"]["edited"]["value"] == 1.0
    assert found["critic"]["edited"]["units"] == 4
    assert found["pairs"][0]["differ"] == 0


def assert_sensor_takes_what_is_new_once(made: Factory, second: Person, task: dict[str, Any]) -> None:
    before = decisions(made)
    says, cursor = tick(made)
    assert "0 new decisions, 5 known, 4 refused" in says
    second.answer(task, choices_result("verdict", "drop"))
    says, cursor = tick(made, cursor)
    assert "1 new decisions" in says
    after = decisions(made)
    assert len(after) == len(before) + 1
    says, _ = tick(made, cursor)
    assert "0 new decisions" in says and decisions(made) == after
    resources = {"store": StoreResource(home=str(made.home))}
    with dg.build_sensor_context(made.instance, resources=resources) as context:
        asked = decided_shards(context)
    assert isinstance(asked, dg.SensorResult)
    assert [request.partition_key for request in asked.run_requests or ()] == [SHARD]


def assert_stale_tasks_go_but_for_those_with_answers(
    made: Factory, lead: Person, project: int, untouched: str, answered: str
) -> None:
    before = lead.tasks(project)
    rows = [
        {**row, "text": row["text"] + " Changed."} if row["segment_id"] in (untouched, answered) else row
        for row in made.store.rows(CORRECTED_SEGMENTS, SHARD)
    ]
    changed = {row["segment_id"] for row in rows} & {untouched, answered}
    made.store.write_table(CORRECTED_SEGMENTS, SHARD, rows)
    says = annotate("push")
    assert f"{len(changed)} tasks were made" in says
    numbers = {task["id"] for task in lead.all_tasks(project)}
    assert (before[untouched]["id"] in numbers) == (untouched not in changed)
    assert before[answered]["id"] in numbers
    assert "0 tasks were made" in annotate("push")


def test_a_wrong_token_and_a_server_that_is_down_are_a_sentence_each(
    made: Factory, studio: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = decisions_of(made.home)
    monkeypatch.setenv("LWV_LABEL_STUDIO_TOKEN", "0" * 40)
    for words in (("push",), ("pull",)):
        assert "refuses the token in LWV_LABEL_STUDIO_TOKEN (HTTP 401)" in annotate(*words, code=2)
    assert "refuses the token" in tick(made)[0]
    monkeypatch.setenv("LWV_LABEL_STUDIO_TOKEN", studio.lead.token)
    monkeypatch.setenv("LWV_LABEL_STUDIO_URL", "http://127.0.0.1:9")
    for words in (("push",), ("pull",)):
        assert "cannot be reached" in annotate(*words, code=2)
    assert "cannot be reached" in tick(made, "a cursor")[0]
    assert decisions_of(made.home) == before


def test_it_says_where_it_is_and_keeps_what_it_holds_over_a_second_start(made: Factory, studio: Started) -> None:
    assert "Login: lead@lwv.local" in studio.said and "Password: " in studio.said
    project, lead = project_of(studio.lead), studio.lead
    images = [task["data"]["images"][0] for task in lead.all_tasks(project)]
    there = [url for url in images if made.store.image_path(url.rpartition("/")[2][:-4]).exists()]
    assert there and len(there) < len(images)
    assert lead._client.get(there[0]).status_code == 200
    assert lead._client.get("/data/local-files/?d=calls.db").status_code in (403, 404)
    studio.process.terminate()
    studio.process.wait(60)
    with label_studio(made.home) as again:
        assert again.lead.token == lead.token
        assert "as at the first start" in again.said
        assert again.lead.ask("GET", "/api/projects/")["count"] == 1
        assert len(again.lead.all_tasks(project)) == len(images)


def test_a_program_that_is_not_there_and_a_port_that_is_taken_are_a_sentence_each(
    made: Factory, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "lwv_dagster.annotate.label_studio.annotate_server"]
    gone = subprocess.run([*command, str(tmp_path / "no"), "0"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert gone.returncode == 1 and "is not there: `make annotate` installs it." in gone.stderr
