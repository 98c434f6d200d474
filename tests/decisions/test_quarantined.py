"""What people decide about quarantined items: a further attempt once, one row through one rule, and out for good; each
over re-runs, and each can be taken back."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from assets.partitions import SHARDS
from assets.quality.quarantine import read_quarantine
from assets.training_dataset import current_manifest, rows_of
from lwv_dagster.cli import main
from resources.decisions.decision import VERDICTS, Decision
from resources.decisions.people import decisions_of
from resources.decisions.quarantined import ShownAside, fault_aside, item_target, quarantine_decisions
from resources.engine.attempts import attempt_that_counts
from resources.ledger import Ledger
from resources.messages import Call, user
from testing.openai_server import ScriptedServer, scripted_server
from testing.signal_shard import make_signal_shard
from tests.conftest import Factory
from tests.sft_dataset.test_gate import fill, make

SHARD, STEP = "talks-001", "corrected_segments"


def decide(folder: Path, code: int = 0, **line: Any) -> str:
    path = folder / "decisions.jsonl"
    path.write_text(json.dumps({"kind": "quarantined", "who": "anna", **line}) + "\n")
    result = CliRunner().invoke(main, ["annotate", "import", str(path), "--yes"])
    assert result.exit_code == code, result.output
    return result.output


def export(*arguments: str) -> list[str]:
    result = CliRunner().invoke(main, ["annotate", "export", *arguments])
    assert result.exit_code in (0, 1), result.output
    return result.output.splitlines()


class Critic:
    """Answers as it is asked to for each page; broken: how many answers about page 3 are of no use, from now on."""

    def __init__(self) -> None:
        self.broken = 2

    def __call__(self, body: dict[str, Any]) -> str:
        parts = [part for part in body["messages"][1]["content"] if part["type"] == "text"]
        segment = re.findall(r"<segment>\n(.*?)\n</segment>", parts[-1]["text"], re.DOTALL)[0]
        if segment.startswith("## Slide 3\n") and self.broken:
            self.broken -= 1
            return "I would rather not."
        return json.dumps({"errors": [], "reason": "", "text": segment})


@pytest.fixture
def critic() -> Critic:
    return Critic()


@pytest.fixture
def server(factory: Factory, critic: Critic, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    monkeypatch.setenv("COLUMNS", "250")
    make_signal_shard(factory.store, SHARD, 2)
    for row in factory.store.read_table("source_images", SHARD).select(["image_sha256"]).to_pylist():
        path = factory.store.image_path(row["image_sha256"])
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (64, 48)).save(path)
    factory.instance.add_dynamic_partitions(str(SHARDS.name), [SHARD])
    with scripted_server(critic) as found:
        monkeypatch.setenv("LWV_CRITIC_BASE_URL", found.url)
        monkeypatch.setenv("LWV_CRITIC_MODEL", "critic")
        monkeypatch.setenv("LWV_CRITIC_API_KEY", "none")
        yield found


def run(factory: Factory, server: ScriptedServer, job: str = "shard_job") -> int:
    """How many calls a run of the step made."""
    before = len(server.requests)
    result = factory.run(job, SHARD, [STEP])  # its blocking rules may fail: half of what is asked is in quarantine
    assert len(result.asset_materializations_for_node(STEP)) == 1
    return len(server.requests) - before


def aside(factory: Factory) -> list[str]:
    return [
        f"{row['example_id']}: {row['reason'].partition(':')[0]}" for row in read_quarantine(factory.store, STEP, SHARD)
    ]


def test_retry_asks_just_the_last_question_again_once_and_over_re_runs(
    factory: Factory, server: ScriptedServer, critic: Critic, tmp_path: Path
) -> None:
    assert run(factory, server) == 4  # pages 1 and 2, page 3, and once more with what was wrong
    (row,) = read_quarantine(factory.store, STEP, SHARD)
    target = item_target(STEP, row["example_id"]).id
    assert row["reason"].startswith("malformed") and re.fullmatch("[0-9a-f]{64}", row["call_id"])
    assert run(factory, server) == 0 and aside(factory) == [f"{row['example_id']}: malformed"]

    (line,) = [line for line in map(json.loads, export()) if line["kind"] == "quarantined"]
    assert (line["target"], line["seen"]) == (target, row["call_id"])
    critic.broken = 1
    says = decide(tmp_path, **{**line, "who": "anna", "verdict": "retry"})
    assert f"shard_job for {SHARD} asks a model again" in says
    assert "1 known" in decide(tmp_path, **{**line, "who": "anna", "verdict": "retry"})
    assert run(factory, server, "corrections_job") == 0 and len(aside(factory)) == 1  # a sensor's run asks nothing
    assert run(factory, server) == 1 and len(aside(factory)) == 1  # the further attempt fails too
    assert run(factory, server) == 0 and len(aside(factory)) == 1  # and is not made again
    (second,) = read_quarantine(factory.store, STEP, SHARD)
    assert second["call_id"] != row["call_id"]

    decide(tmp_path, target=target, verdict="retry", who="ben")
    assert run(factory, server) == 14 and aside(factory) == []  # page 3, and the 13 that come after it
    written = factory.store.content(STEP, SHARD)
    assert run(factory, server) == 0 and run(factory, server, "corrections_job") == 0
    assert factory.store.content(STEP, SHARD) == written
    assert {each.verdict for each in decisions_of(factory.home)} == {"retry"}
    ledger = Ledger.at(factory.home)
    assert ledger.get(row["call_id"]) is not None and ledger.get(second["call_id"]) is not None  # nothing was deleted
    ledger.close()


def test_drop_keeps_an_item_out_without_a_call_until_it_is_withdrawn(
    factory: Factory, server: ScriptedServer, critic: Critic, tmp_path: Path
) -> None:
    run(factory, server)
    (row,) = read_quarantine(factory.store, STEP, SHARD)
    target = item_target(STEP, row["example_id"]).id
    decide(tmp_path, target=target, verdict="drop")
    for _ in range(2):
        assert run(factory, server) == 0 and aside(factory) == [f"{row['example_id']}: dropped"]
    decide(tmp_path, target=target, verdict="withdrawn")
    assert run(factory, server) == 0 and aside(factory) == [f"{row['example_id']}: malformed"]
    decide(tmp_path, target=target, verdict="retry")
    decide(tmp_path, target=target, verdict="drop", who="ben")  # they differ: nothing is asked, nothing is let through
    assert run(factory, server) == 0 and aside(factory) == [f"{row['example_id']}: malformed"]
    decide(tmp_path, target=target, verdict="withdrawn", who="ben")
    assert run(factory, server) == 14 and aside(factory) == []
    assert "no quarantine has this item" in decide(tmp_path, code=1, target=target, verdict="drop")


def test_accept_lets_one_row_through_one_rule_of_the_gate(
    factory: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    fill(factory)
    recipe = ""
    told = make(factory, monkeypatch, tmp_path, recipe)
    for rule, row in (("length", "off"), ("language", "chinese"), ("near_duplicate", "nearly")):
        says = decide(tmp_path, target=f"sft_dataset/{rule}/{row}", verdict="accept", reason="It is good.")
        assert "1 decisions were saved" in says
    names = [json.loads(line)["target"] for line in export("--shard", "b-001") if '"quarantined"' in line]
    assert {name.split("/")[1] for name in names} == {"length", "language", "near_duplicate"} and len(names) == 6
    assert not [line for line in export("--shard", "a-001") if '"quarantined"' in line]
    for rule, row in (("in_benchmark", "same-image"), ("duplicate", "twice")):
        says = decide(tmp_path, code=1, target=f"sft_dataset/{rule}/{row}", verdict="accept")
        assert f"`{rule}` of sft_dataset cannot be let through" in says
    assert "no quarantine has this" in decide(tmp_path, code=1, target="sft_dataset/language/off", verdict="accept")
    assert "drop the example" in decide(tmp_path, code=1, target="sft_dataset/in_benchmark/same-image", verdict="drop")
    assert "a gate asks no model" in decide(
        tmp_path, code=1, target="sft_dataset/in_benchmark/same-image", verdict="retry"
    )
    for _ in range(2):
        after = make(factory, monkeypatch, tmp_path, recipe)
        assert after["kept"] == told["kept"] + 3
        assert not {"dropped_length", "dropped_language", "dropped_near_duplicate"} & {*after}
        assert (after["dropped_in_benchmark"], after["dropped_duplicate"]) == (2, 2)
    assert {"off", "chinese"} & {row["id"] for row in rows_of(current_manifest(factory.store, "sft"))}
    assert "no quarantine has this" in decide(
        tmp_path, code=1, target="sft_dataset/length/good-01", verdict="withdrawn"
    )
    decide(tmp_path, target="sft_dataset/length/off", verdict="withdrawn")
    assert make(factory, monkeypatch, tmp_path, recipe)["dropped_length"] == 1


def test_a_row_that_changed_since_is_not_accepted_any_more(
    factory: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(factory)
    make(factory, monkeypatch, tmp_path, "")
    decide(tmp_path, target="sft_dataset/length/off", verdict="accept", seen="0" * 64)
    assert make(factory, monkeypatch, tmp_path, "")["dropped_length"] == 1


SHOWN = [
    None,
    ShownAside("long_outputs", call_id="a" * 64),
    ShownAside("long_outputs", text="overflow: too many"),
    ShownAside("sft_dataset", "length", "text"),
    ShownAside("sft_dataset", "over_budget", "text"),
]


@pytest.mark.parametrize("shown", SHOWN)
@pytest.mark.parametrize("verdict", VERDICTS)
def test_each_verdict_is_taken_where_it_does_something_and_a_sentence_elsewhere(
    shown: ShownAside | None, verdict: Any
) -> None:
    says = fault_aside(Decision("a", 1.0, "quarantined", "x/y", "0" * 64, verdict), shown)
    taken = {"withdrawn": SHOWN[1:], "drop": SHOWN[1:3], "retry": SHOWN[1:2], "accept": SHOWN[3:4]}
    assert (says == "") == (shown in taken.get(verdict, []))
    assert len(says.splitlines()) <= 1 and (not says or says.endswith("."))


@settings(deadline=None)
@given(st.sets(st.integers(0, 6)), st.integers(0, 6))
def test_the_attempt_that_counts_is_the_first_that_nobody_asked_to_leave_behind(again: set[int], allowed: int) -> None:
    call = Call("critic", (user("a"),), "t@1", "s", "step", attempt=1)
    chain = [call]
    for _ in range(8):
        chain.append(attempt_that_counts(chain[-1], key, {key(chain[-1])}, lambda _: True)[0])
    assert len({key(each) for each in chain}) == len(chain)
    keys = {key(chain[number]) for number in again}
    first = next(number for number in range(9) if number not in again)
    counts, call_id = attempt_that_counts(call, key, keys, lambda _: True)
    assert counts == chain[first] and call_id == key(counts)
    made = {key(each) for each in chain[: allowed + 1]}
    assert attempt_that_counts(call, key, keys, made.__contains__)[0] == chain[min(first, allowed)]


def key(call: Call) -> str:
    return call.key("m")


def said(who: str, verdict: Any, at: float, seen: str = "0" * 64) -> Decision:
    return Decision(who, at, "quarantined", "long_outputs/e", seen, verdict)


def test_what_people_say_of_one_item_comes_to_one_thing() -> None:
    assert quarantine_decisions([]).again == frozenset()
    assert quarantine_decisions([said("a", "retry", 1, "1" * 64), said("b", "retry", 2, "2" * 64)]).again == {
        "1" * 64,
        "2" * 64,
    }
    assert quarantine_decisions([said("a", "retry", 1), said("a", "withdrawn", 2)]).again == frozenset()
    assert quarantine_decisions([said("a", "retry", 1), said("a", "withdrawn", 2), said("a", "retry", 3)]).again
    anew = [said("a", "retry", 1, "1" * 64), said("a", "withdrawn", 2), said("a", "retry", 3, "2" * 64)]
    assert quarantine_decisions(anew).again == {"2" * 64}
    found = quarantine_decisions([said("a", "retry", 1), said("b", "drop", 2)])
    assert (found.again, found.dropped) == (frozenset(), frozenset())  # contested
    found = quarantine_decisions([said("a", "retry", 1), said("b", "drop", 2), said("c", "drop", 3)])
    assert found.dropped == {"long_outputs/e"} and not found.again
