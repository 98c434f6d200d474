"""What Label Studio answers is not believed: each answer is a decision once or a sentence, each fault of the server a
sentence."""

import copy
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.partitions import SHARDS
from lwv_dagster.annotate.label_studio.answers_read import TaskAnswers, read_task
from lwv_dagster.annotate.label_studio.label_studio_client import LabelStudio
from lwv_dagster.annotate.label_studio.task_plan import TaskKey, answered, key_of, plan_push
from lwv_dagster.cli import main
from lwv_dagster.sensors import answered_tasks
from resources.dagster import StoreResource
from resources.decisions.people import People, decisions_of, people_of
from resources.failures import LedgerError
from resources.store import Store
from testing.fake_label_studio import TOKEN, FakeLabelStudio, fake_label_studio, stored
from testing.signal_shard import make_signal_shard
from tests.conftest import Factory
from tests.preflight.test_full_disk import Sized, disk  # noqa: F401 (a fixture)

PEOPLE = {1: "lead@lwv.local", 2: "second@example.org"}
TASKS = {task["id"]: task for task in stored("tasks")["tasks"]}
ONE, FINE = TASKS[2], TASKS[8]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home whose tasks were pushed to the recorded server."""
    home = tmp_path_factory.mktemp("pulled") / "home"
    make_signal_shard(Store(home), "talks-001", 2)
    return home


@pytest.fixture
def studio(written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeLabelStudio]:
    home = tmp_path / "home"
    (home / "tables").parent.mkdir(parents=True)
    (home / "tables").symlink_to(written / "tables")
    monkeypatch.setenv("LWV_HOME", str(home))
    monkeypatch.setenv("COLUMNS", "250")
    with fake_label_studio(home) as fake:
        monkeypatch.setenv("LWV_LABEL_STUDIO_URL", fake.url)
        monkeypatch.setenv("LWV_LABEL_STUDIO_TOKEN", TOKEN)
        yield fake


@pytest.fixture
def factory_signals(studio: FakeLabelStudio, written: Path) -> None:
    """Signals beside the other tables, in a copy of them."""
    tables = home_of(studio) / "tables"
    tables.unlink()
    shutil.copytree(written / "tables", tables)
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(str(SHARDS.name), ["talks-001"])
        factory = Factory(home_of(studio), home_of(studio), instance)
        assert factory.run("shard_job", "talks-001", ["signals"]).success


def home_of(studio: FakeLabelStudio) -> Path:
    return studio._home


def annotate(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(main, ["annotate", *words])
    assert result.exit_code == code, result.output
    return result.output


def tick(home: Path, cursor: str | None = None) -> tuple[str, str | None]:
    with (
        dg.DagsterInstance.ephemeral() as instance,
        dg.build_sensor_context(instance, cursor=cursor, resources={"store": StoreResource(home=str(home))}) as context,
    ):
        return str(answered_tasks(context).skip_message), context.cursor


def test_the_recorded_answers_are_decisions_once_and_those_of_no_use_a_sentence_each(studio: FakeLabelStudio) -> None:
    says = annotate("pull", code=1)
    assert "4 new decisions" in says and "2 refused" in says
    assert "Task 7, answer" in says and "`shell` is no control of the project" in says
    assert "Task 5, answer" in says and "`boring` is no kind of error" in says
    found = decisions_of(home_of(studio))
    assert {(each.target[-3:], each.who, each.verdict, each.errors) for each in found} == {
        ("003", "lead@lwv.local", "corrected", ("factual",)),
        ("003", "second@example.org", "corrected", ("factual", "missing")),
        ("000", "lead@lwv.local", "fine", ()),
        ("011", "second@example.org", "drop", ()),
    }
    assert "0 new decisions" in annotate("pull", code=1)
    assert "0 new decisions, 4 known, 2 refused" in tick(home_of(studio))[0]
    assert decisions_of(home_of(studio)) == found


def test_an_answer_that_is_changed_later_is_a_further_decision_and_the_cursor_leads_to_it(
    studio: FakeLabelStudio,
) -> None:
    _, cursor = tick(home_of(studio))
    studio.asked.clear()
    task = next(task for task in studio.tasks if task["id"] == FINE["id"])
    task["updated_at"] = task["annotations"][0]["updated_at"] = "2099-01-01T00:00:00.000000Z"
    assert "1 refused" in tick(home_of(studio), cursor)[0]  # in the future
    task["updated_at"] = "2098-01-01T00:00:00.000000Z"
    task["annotations"][0] |= {"updated_at": "2026-11-27T23:30:00.5+01:00"}
    task["annotations"][0]["result"] = [dict(TASKS[4]["annotations"][0]["result"][0])]
    assert "1 new decisions" in tick(home_of(studio), cursor)[0]
    newest = decisions_of(home_of(studio), [task["data"]["segment"]])
    assert [each.verdict for each in newest] == ["fine", "drop"]


def test_nothing_is_noted_before_it_is_saved(studio: FakeLabelStudio, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_self: People, _decisions: object) -> int:
        raise LedgerError("The disk is full: free some space.")

    with monkeypatch.context() as patch:
        patch.setattr(People, "append", full)
        says, cursor = tick(home_of(studio), '{"since": "2020", "begun": 1}')
        assert says == "The disk is full: free some space." and cursor == '{"since": "2020", "begun": 1}'
    assert decisions_of(home_of(studio)) == []
    assert "4 new decisions" in tick(home_of(studio), cursor)[0]


def test_a_disk_that_is_full_while_decisions_are_saved_loses_none_and_doubles_none(
    studio: FakeLabelStudio,
    disk: Sized,  # noqa: F811
    written: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small = disk("600k")
    (small / "tables").symlink_to(written / "tables")
    studio._home = small.resolve()
    monkeypatch.setenv("LWV_HOME", str(small))
    with people_of(small) as people:
        assert people.decisions() == []
    filler = small / "filler"
    fill_up(filler)
    result = CliRunner().invoke(main, ["annotate", "pull"])
    assert result.exit_code == 2 and "full: free some space" in result.output and "Traceback" not in result.output
    filler.unlink()
    assert decisions_of(small) == []
    assert "4 new decisions" in annotate("pull", code=1)
    assert "0 new decisions" in annotate("pull", code=1)
    assert len(decisions_of(small)) == 4


def fill_up(path: Path) -> None:
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 512)


def changed(change: Callable[[Any, Any], object]) -> dict[str, Any]:
    task = copy.deepcopy(ONE)
    change(task, task["annotations"][0])
    task["annotations"] = task["annotations"][:1]
    return task


def lines_and_faults(task: Any) -> tuple[list[str], list[str]]:
    found = TaskAnswers()
    read_task(task, PEOPLE, found)
    return [str(each.line["verdict"]) for each in found.lines], found.refused


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda task, _: task["data"].update(draft="Another."), "shows other texts than were pushed"),
        (lambda task, _: task["data"].pop("critic"), "shows no texts"),
        (lambda task, _: task.update(data=3), "nobody pushed it"),
        (lambda task, _: task["data"].update(segment=["a"]), "nobody pushed it"),
        (lambda _, answer: answer.update(task=99), "it is of another task (99)"),
        (lambda _, answer: answer.update(completed_by=99), "nobody is known as account 99"),
        (lambda _, answer: answer.update(completed_by=True), "nobody is known as account True"),
        (lambda _, answer: answer.update(completed_by=None), "nobody is known as account None"),
        (lambda _, answer: answer.update(updated_at="yesterday"), "`yesterday` is no time"),
        (lambda _, answer: answer.update(updated_at="2026-11-27T21:44:00"), "is no time"),
        (lambda _, answer: answer.update(updated_at=3), "`3` is no time"),
        (lambda _, answer: answer.update(result={}), "is no list of results"),
        (lambda _, answer: answer.update(result=["text"]), "a result is no JSON object"),
        (lambda _, answer: answer.update(result=[]), "it has no text and no verdict"),
        (lambda _, answer: answer["result"].append(answer["result"][0]), "is not used as the project has it"),
        (lambda _, answer: answer["result"][0].update(to_name="pages"), "`text` is not used as the project has it"),
        (lambda _, answer: answer["result"][0].update(type="choices"), "`text` is not used as the project has it"),
        (lambda _, answer: answer["result"][0].update(value=None), "`text` holds no texts"),
        (lambda _, answer: answer["result"][0].update(value={"text": [1]}), "`text` holds no texts"),
        (lambda _, answer: answer["result"][0].update(value={"text": ["a", "b"]}), "it has no text and no verdict"),
        (lambda _, answer: answer["result"][0].update(from_name="a" * 9000), "is no control of the project"),
        (lambda task, _: task["annotations"].__setitem__(0, "x"), "an answer is no JSON object"),
    ],
)
def test_each_answer_that_is_not_as_it_was_asked_for_is_a_sentence(change: Any, says: str) -> None:
    lines, refused = lines_and_faults(changed(change))
    assert lines == [] and len(refused) == 1
    assert says in refused[0] and refused[0].endswith(".") and len(refused[0].splitlines()) == 1
    assert len(refused[0]) < 300


def test_the_text_as_it_was_is_fine_and_a_verdict_of_nobodys_is_refused() -> None:
    draft, kinds = ONE["data"]["draft"], ONE["annotations"][0]["result"][1]
    text = {**ONE["annotations"][0]["result"][0], "value": {"text": [f"{draft}\n"]}}

    def answer(*results: object) -> tuple[list[str], list[str]]:
        return lines_and_faults(changed(lambda _, answer: answer.update(result=list(results))))

    verdict = TASKS[4]["annotations"][0]["result"][0]
    assert answer(text) == (["fine"], [])
    assert answer(text, kinds)[0] == ["corrected"]  # kinds without an edit: refused where every line is
    assert answer(text, verdict)[0] == ["drop"]
    assert "`retry` is no verdict" in answer({**verdict, "value": {"choices": ["retry"]}})[1][0]
    assert "is no verdict" in answer({**verdict, "value": {"choices": ["fine", "drop"]}})[1][0]
    assert lines_and_faults(changed(lambda _, answer: answer.update(was_cancelled=True))) == ([], [])


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [here, *(place for key, each in inner for place in places(each, (*here, key)))]


@settings(deadline=None)
@given(st.sampled_from(places(changed(lambda *_: None))[1:]), ANY)
def test_whatever_stands_anywhere_in_a_task_it_is_lines_and_sentences(place: tuple[Any, ...], value: Any) -> None:
    task = changed(lambda *_: None)
    *path, last = place
    inner: Any = task
    for key in path:
        inner = inner[key]
    inner[last] = value
    _, refused = lines_and_faults(task)
    assert all(len(says.splitlines()) == 1 for says in refused)


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (401, b"", "refuses the token in LWV_LABEL_STUDIO_TOKEN (HTTP 401)"),
        (403, b"{}", "refuses the token"),
        (500, b"<h1>Oops</h1>\nsecond", "answers GET /api/projects/ with HTTP 500: <h1>Oops</h1> second"),
        (302, b"", "with HTTP 302"),
        (200, b"<!doctype html>", "does not answer as Label Studio does"),
        (200, b"[" * 100_000, "does not answer as Label Studio does"),
        (200, b"[]", "does not answer as Label Studio does"),
        (200, b'{"results": 3}', "does not answer as Label Studio does"),
        (200, b"x" * 65_000_000, "has more than 64 MB"),
    ],
)
def test_a_server_that_answers_otherwise_is_a_sentence_and_gets_the_token_alone(
    studio: FakeLabelStudio, status: int, body: bytes, says: str
) -> None:
    studio.other = lambda _method, _path: (status, body, {"Location": "http://127.0.0.1:9/"} if status == 302 else {})
    for words in ("pull", "push"):
        output = annotate(words, code=2)
        assert says in output and "Traceback" not in output and TOKEN not in output
    assert says in tick(home_of(studio))[0]
    assert decisions_of(home_of(studio)) == []


def test_without_a_server_named_the_sensor_says_how_to_name_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LWV_LABEL_STUDIO_URL", raising=False)
    monkeypatch.setenv("LWV_HOME", str(tmp_path))
    assert "LWV_LABEL_STUDIO_URL and LWV_LABEL_STUDIO_TOKEN name one" in tick(tmp_path)[0]
    monkeypatch.setenv("LWV_LABEL_STUDIO_TOKEN", TOKEN)
    for url in ("localhost:8080", "file:///etc", "http://", "http://[", "http://a b"):
        monkeypatch.setenv("LWV_LABEL_STUDIO_URL", url)
        assert len(tick(tmp_path)[0].splitlines()) == 1


def test_answers_that_change_while_they_are_read_pass_none_over(studio: FakeLabelStudio) -> None:
    studio.tasks = [
        {
            **copy.deepcopy(FINE),
            "id": number,
            "updated_at": f"2026-11-27T21:00:00.{number // 3:06d}Z",
            "total_annotations": 1,
        }
        for number in range(1, 351)
    ]
    with LabelStudio(studio.url, TOKEN) as client:
        read = list[int]()
        for task in client.answered_tasks(1):
            read.append(int(str(task["id"])))
            if len(read) in (50, 150, 250):  # one that was read moves to the end
                studio.tasks[len(read) - 50]["updated_at"] = f"2026-11-27T22:00:00.{len(read):06d}Z"
    assert Counter(read) == Counter([*range(1, 351), 1, 101, 201])


KEYS = st.builds(TaskKey, st.sampled_from("abc"), st.sampled_from("12"))
PUSHED = st.lists(st.tuples(KEYS, st.booleans(), st.booleans()), max_size=9)


@settings(deadline=None)
@given(PUSHED, st.lists(KEYS, max_size=6), st.dictionaries(st.sampled_from("abc"), st.sampled_from("12"), min_size=2))
def test_after_a_push_each_wanted_task_is_there_once_and_nothing_that_somebody_did_is_gone(
    pushed: list[tuple[TaskKey, bool, bool]], wanted: list[TaskKey], now: dict[str, str]
) -> None:
    wanted = [key for key in wanted if now.setdefault(key.segment, key.seen) == key.seen]
    existing: list[dict[str, Any]] = [
        {"id": number, "data": key._asdict(), "annotations": [{}] * answer, "drafts": [{}] * draft}
        for number, (key, answer, draft) in enumerate(pushed)
    ]
    plan = plan_push(existing, wanted, now)
    left = [task for task in existing if task["id"] not in plan.delete]
    after = [*left, *({"data": key._asdict()} for key in plan.make)]
    assert all(not answered(task) for task in existing if task["id"] in plan.delete)
    untouched = Counter(key_of(task) for task in after if not answered(task))
    assert all(count == 1 and key and now.get(key.segment) == key.seen for key, count in untouched.items())
    assert not {*untouched} & {key_of(task) for task in after if answered(task)}  # a double of one with answers goes
    assert {*wanted} <= {key_of(task) for task in after}
    again = plan_push([{"id": number, **task} for number, task in enumerate(after)], wanted, now)
    assert again.make == [] and again.delete == []


def test_foreign_tasks_are_left_alone() -> None:
    assert plan_push([{"id": 1, "data": {"text": "x"}}, {"id": "y"}, {}], [], {}).delete == []


def test_a_push_that_is_broken_off_is_gone_on_with_and_makes_nothing_twice(
    studio: FakeLabelStudio, factory_signals: None
) -> None:
    studio.tasks = studio.tasks[:3]
    imports = 0

    def breaks_off(method: str, path: str) -> tuple[int, bytes, dict[str, str]] | None:
        nonlocal imports
        imports += path.endswith("/import")
        return (502, b"", {}) if method == "PATCH" else None

    studio.other = breaks_off
    assert "HTTP 502" in annotate("push", code=2)
    studio.other = lambda _method, _path: None
    assert "0 tasks were made, 32 were there" in annotate("push")
    assert imports == 1 and len(studio.tasks) == len({task["data"]["segment"] for task in studio.tasks}) == 32


def test_a_filter_that_names_nothing_and_a_shard_without_signals_are_told(
    studio: FakeLabelStudio, factory_signals: None
) -> None:
    assert "0 tasks were made" in annotate("push", "kind=single", code=1)
    assert "`slide` is no value of `kind`" in annotate("push", "kind=slide", code=2)
    (home_of(studio) / "tables" / "signals" / "talks-001.parquet").unlink()
    says = annotate("push", code=1)
    assert "talks-001 has no `signals` yet" in says and "0 tasks were made" in says
