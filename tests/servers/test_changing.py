"""Servers that differ from role to role, from call to call or from day to day: what is learnt holds, or is unlearnt."""

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import dagster as dg
import pytest
from pydantic import SecretStr
from starlette.responses import JSONResponse, Response

from lwv_dagster.definitions import defs
from resources.endpoints import Endpoint, Wire
from resources.engine import ModelEngine
from resources.engine.server_check import same_server
from resources.ledger import Ledger
from resources.messages import Call, Role, system, user
from testing.personalities import like_claude, like_gpt5
from testing.quirky_server import Body, Quirk, QuirkyServer, Seen, error, with_message
from tests.servers.case import DOCUMENTS, PLAIN, QUIET, SHARD, Runner, prepare
from tests.servers.parts import always, either, extra_forbidden, has, where
from tests.servers.quirks import structure

THREE_FIELDS = either(
    has("max_tokens", error(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")),
    has("temperature", error(400, "`temperature` is deprecated for this model.")),
    has("seed", extra_forbidden("seed")),
)


def names(server: QuirkyServer, field: str) -> list[bool]:
    """Whether each request had a field."""
    return [field in body for body in server.seen.requests]


def test_with_64_calls_at_once_three_refused_fields_cost_at_most_six_requests(runner: Runner) -> None:
    prepare(runner.home, documents=40)
    came = runner.run(Quirk("three fields", refuse=THREE_FIELDS), {"CONCURRENCY": "64"})
    assert len(came.texts) == 40
    assert runner.server.seen.refused <= 6
    assert runner.server.seen.answered == 40 * 3


def test_the_next_run_starts_right(runner: Runner) -> None:
    quirk = Quirk("three fields", refuse=THREE_FIELDS)
    runner.run(quirk)
    assert 3 <= runner.server.seen.refused <= 6
    runner.run(quirk)
    assert runner.server.seen.requests == []  # everything was answered before
    for runs, most in ((2, 2), (3, 0)):  # what may have been a passing fault is tried once more, and then for good
        prepare(runner.home, documents=runs * DOCUMENTS)
        came = runner.run(quirk)
        assert len(came.texts) == runs * DOCUMENTS
        assert runner.server.seen.answered == PLAIN
        assert runner.server.seen.refused <= most


def test_what_took_several_steps_to_learn_is_learnt_for_good_by_the_second_run(runner: Runner) -> None:
    """The schema is refused in favour of JSON, and JSON for want of a word in the prompt."""
    quirk = next(case.quirk for case in structure.CASES if "the prompt must have the word json" in case.quirk.name)
    for runs, most in ((1, 5), (2, 3), (3, 0)):
        prepare(runner.home, documents=runs * DOCUMENTS)
        came = runner.run(quirk)
        assert len(came.texts) == runs * DOCUMENTS
        assert runner.server.seen.refused <= most


@pytest.mark.parametrize(
    ("field", "fault"),
    [
        ("seed", error(400, "Unsupported parameter: 'seed'", param="seed")),
        ("temperature", error(400, "`temperature` is deprecated for this model.")),
    ],
)
def test_a_field_that_was_refused_once_by_a_passing_fault_is_sent_again_in_the_same_run(
    runner: Runner, field: str, fault: Response
) -> None:
    runner.run(Quirk("once", refuse=lambda body, seen: fault if len(seen.requests) == 1 else None))
    assert names(runner.server, field) == [True, False, *[True] * (PLAIN - 1)]


def test_a_schema_that_was_refused_once_by_a_passing_fault_is_asked_for_again(runner: Runner) -> None:
    fault = error(500, "Internal Server Error")
    runner.run(Quirk("once", refuse=lambda body, seen: fault if len(seen.requests) == 1 else None))
    plans = [body for body in runner.server.seen.requests if "# Step: plan" in str(body["messages"][-1])]
    assert ["response_format" in body for body in plans] == [True, False, True, True]


def test_what_one_call_alone_learnt_from_a_passing_fault_is_unlearnt_by_the_next_run(runner: Runner) -> None:
    fault = error(500, "Internal Server Error")
    prepare(runner.home, documents=1)
    runner.run(Quirk("once", refuse=lambda body, seen: fault if len(seen.requests) == 1 else None))
    assert sum(names(runner.server, "response_format")) == 1  # the only plan was written without
    prepare(runner.home, documents=2)
    came = runner.run(Quirk("plain"))
    assert (len(came.texts), runner.server.seen.answered) == (2, 3)
    assert sum(names(runner.server, "response_format")) == 1


def after(requests: int, refuse: Callable[[Body, Seen], Response | None]) -> Callable[[Body, Seen], Response | None]:
    """From so many requests on."""
    return lambda body, seen: refuse(body, seen) if len(seen.requests) > requests else None


def until(requests: int, refuse: Callable[[Body, Seen], Response | None]) -> Callable[[Body, Seen], Response | None]:
    return lambda body, seen: refuse(body, seen) if len(seen.requests) <= requests else None


NEW = has("max_tokens", error(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."))
OLD = has("max_completion_tokens", extra_forbidden("max_completion_tokens"))
NO_TEMPERATURE = has("temperature", error(400, "`temperature` is deprecated for this model."))
NO_SYSTEM = where(lambda body: body["messages"][0]["role"] == "system", error(400, "System role not supported"))


@pytest.mark.parametrize(
    ("refuse", "most"),
    [
        (after(4, NEW), 3),
        (either(until(4, NEW), after(4, OLD)), 4),
        (after(4, NO_TEMPERATURE), 3),
        (until(5, NO_TEMPERATURE), 3),
        (either(until(4, NO_SYSTEM), after(6, NO_TEMPERATURE)), 5),
    ],
    ids=["a new name", "the old name again", "refuses later", "takes it later", "one thing, then another"],
)
def test_a_server_that_changes_its_mind_within_a_run_is_followed(
    runner: Runner, refuse: Callable[[Body, Seen], Response | None], most: int
) -> None:
    plain = runner.plain_texts()
    came = runner.run(Quirk("changes its mind", refuse=refuse))
    assert came.texts == plain
    assert runner.server.seen.refused <= most


@pytest.mark.parametrize(
    ("first", "second"),
    [(NEW, OLD), (NO_TEMPERATURE, NO_SYSTEM), (THREE_FIELDS, NO_SYSTEM), (like_gpt5, like_claude)],
    ids=["names of the limit", "temperature and system", "three fields and system", "gpt-5 and Claude"],
)
def test_two_servers_behind_one_address_that_disagree_are_both_served(
    runner: Runner,
    first: Callable[[Body, Seen], Response | None],
    second: Callable[[Body, Seen], Response | None],
) -> None:
    plain = runner.plain_texts()
    came = runner.run(
        Quirk("a balancer", refuse=lambda body, seen: (first, second)[len(seen.requests) % 2](body, seen))
    )
    assert came.texts == plain
    assert runner.server.seen.refused <= 10


def test_a_server_mended_in_the_middle_redoes_just_what_was_cut(runner: Runner) -> None:
    plain = runner.plain_texts()

    def cut(answer: Body, body: Body, seen: Seen) -> Response:
        """Thoughts fill whatever room there is, in each second section."""
        if "write section 2 of" not in str(body["messages"][-1]):
            return JSONResponse(answer)
        return JSONResponse(with_message(answer, "length", content="", reasoning_content="First I look at the pages."))

    came = runner.run(Quirk("thinks for ever", shape=cut))
    assert len(came.reasons) == DOCUMENTS
    assert all(reason.startswith("no_room: ") and "section-002" in reason for reason in came.reasons)
    came = runner.run(Quirk("mended"))
    assert came.texts == plain
    assert len(runner.server.seen.requests) == DOCUMENTS
    assert all("write section 2 of" in str(body["messages"][-1]) for body in runner.server.seen.requests)


def endpoint(role: Role, url: str, model: str, extra: Mapping[str, object] | None = None) -> Endpoint:
    return Endpoint(role, url, model, patience_s=5, wire=Wire(extra=extra or {}))


def question(role: Role, number: int) -> Call:
    turns = (system("You write."), user(f"Number {number}?"))
    return Call(role, turns, "test@0", f"sample-{number}", "step", max_tokens=100, temperature=0.5)


def ask_all(home: Path, endpoints: Mapping[Role, Endpoint], calls: list[Call]) -> list[str]:
    """The texts, all asked at once."""

    async def run() -> list[str]:
        async with ModelEngine(endpoints, Ledger.at(home), lambda name: b"") as engine:
            replies = await asyncio.gather(*map(engine.ask, calls))
        return [reply.text for reply in replies]

    return asyncio.run(run())


def test_two_roles_on_one_server_learn_their_own_models_ways(runner: Runner, tmp_path: Path) -> None:
    def refuse(body: Body, seen: Seen) -> Response | None:
        return (like_gpt5 if body["model"] == "new" else like_claude)(body, seen)

    runner.server.quirk = Quirk("two models", refuse=refuse)
    url = runner.server.url
    endpoints = {"teacher": endpoint("teacher", url, "new"), "critic": endpoint("critic", url, "other")}
    ask_all(tmp_path, endpoints, [question(role, number) for number in range(8) for role in ("teacher", "critic")])
    last = {body["model"]: body for body in runner.server.seen.requests}
    assert {"max_completion_tokens", "seed"} < set(last["new"]) and "temperature" not in last["new"]
    assert {"max_tokens"} < set(last["other"]) and not {"seed", "temperature"} & set(last["other"])
    assert runner.server.seen.refused <= 8


def test_a_gateway_that_is_told_the_provider_by_a_header_has_a_profile_for_each(runner: Runner, tmp_path: Path) -> None:
    def refuse(body: Body, seen: Seen) -> Response | None:
        return (NEW if seen.headers[-1]["x-provider"] == "new" else OLD)(body, seen)

    runner.server.quirk, runner.server.seen = Quirk("a gateway", refuse=refuse), Seen()
    endpoints: dict[Role, Endpoint] = {
        role: Endpoint(role, runner.server.url, "m", patience_s=5, wire=Wire(headers={"X-Provider": name}))
        for role, name in (("teacher", "new"), ("critic", "old"))
    }
    ask_all(tmp_path, endpoints, [question(role, number) for number in range(8) for role in endpoints])
    assert runner.server.seen.refused == 1
    for body, headers in zip(runner.server.seen.requests[-8:], runner.server.seen.headers[-8:], strict=True):
        assert ("max_tokens" in body) == (headers["x-provider"] == "old")


def test_one_model_asked_in_two_ways_has_two_profiles(runner: Runner, tmp_path: Path) -> None:
    thinking = where(
        lambda body: "reasoning_effort" in body and "temperature" in body,
        error(400, "`temperature` may only be set to 1 when thinking is enabled"),
    )
    runner.server.quirk = Quirk("thinks where it is told to", refuse=thinking)
    url = runner.server.url
    endpoints = {
        "teacher": endpoint("teacher", url, "m", {"reasoning_effort": "high"}),
        "critic": endpoint("critic", url, "m"),
    }
    ask_all(tmp_path, endpoints, [question(role, number) for number in range(8) for role in ("teacher", "critic")])
    last = {"reasoning_effort" in body: body for body in runner.server.seen.requests}
    assert "temperature" not in last[True] and "temperature" in last[False]
    assert runner.server.seen.refused == 2  # the refusal, and the trial whether it was a passing fault


def test_what_a_try_took_before_the_server_pushed_back_is_counted(runner: Runner, tmp_path: Path) -> None:
    def thinks_first(answer: Body, body: Body, seen: Seen) -> Response:
        if len(seen.requests) > 1:
            return JSONResponse(answer)
        cut = with_message(answer, "length", content="", reasoning_content="First I look at the pages.")
        return JSONResponse({**cut, "usage": {"prompt_tokens": 1000, "completion_tokens": 5000}})

    busy = error(429, "slow down")
    runner.server.seen = Seen()
    runner.server.quirk = Quirk(
        "thinks, then is busy", refuse=lambda body, seen: busy if len(seen.requests) == 2 else None, shape=thinks_first
    )
    ask_all(tmp_path, {"teacher": endpoint("teacher", runner.server.url, "m")}, [question("teacher", 1)])
    assert len(runner.server.seen.requests) == 3
    assert Ledger.at(tmp_path).spent("")[1] > 6000


def test_roles_with_another_key_or_other_headers_are_checked_apart() -> None:
    def role(name: Role, key: str = "", header: str = "") -> Endpoint:
        return Endpoint(name, "http://one/v1", "m", SecretStr(key), wire=Wire(headers={"x-provider": header}))

    assert len(same_server([role("teacher"), role("critic"), role("judge")])) == 1
    assert len(same_server([role("teacher"), role("critic", key="sk-other"), role("judge", header="other")])) == 3


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        ("{reasoning_effort: low}", "LWV_TEACHER_EXTRA is no JSON"),
        ('["reasoning_effort"]', "LWV_TEACHER_EXTRA is no JSON object"),
        ('{"top_p": NaN}', "LWV_TEACHER_EXTRA is no JSON"),
        ('{"messages": []}', "LWV_TEACHER_EXTRA sets `messages`"),
        ('{"stream": true}', "LWV_TEACHER_STREAM"),
        ('{"max_tokens": 10}', "LWV_TEACHER_REASONING_TOKENS"),
    ],
)
def test_an_extra_of_no_use_is_said_before_the_first_call(runner: Runner, extra: str, says: str) -> None:
    came = runner.run(Quirk("plain"), {"EXTRA": extra})
    assert says in came.failure
    assert runner.server.seen.requests == []


def test_a_run_in_which_all_is_set_aside_is_not_green(runner: Runner) -> None:
    """`long_outputs` with its asset checks, against a server whose context takes no prompt."""
    words = "the request exceeds the available context size. try increasing the context size"
    runner.run(Quirk("no room", refuse=always(error(400, words, type="exceed_context_size_error"))))
    job = defs.resolve_job_def("shard_job")
    result = job.execute_in_process(
        run_config=QUIET,
        partition_key=SHARD,
        instance=runner.instance,
        raise_on_error=False,
        asset_selection=[dg.AssetKey("long_outputs")],
    )
    failed = {check.check_name: check for check in result.get_asset_check_evaluations() if not check.passed}
    assert "quarantine_share" in failed and words in str(failed["quarantine_share"].description)
    assert not result.success


def test_a_setting_is_in_the_key_and_what_was_learnt_is_not(runner: Runner) -> None:
    runner.run(Quirk("three fields", refuse=THREE_FIELDS))
    came = runner.run(Quirk("plain"))
    assert runner.server.seen.requests == [] and len(came.texts) == DOCUMENTS  # nothing is paid twice
    runner.run(Quirk("plain"), {"EXTRA": json.dumps({"top_k": 3})})
    assert len(runner.server.seen.requests) == PLAIN
