"""`lwv check` against every server with a quirk: in seconds it says that a run can use it, or why not."""

import asyncio
import time

import pytest

from resources.endpoints import Endpoint
from resources.engine.server_check import check
from resources.failures import EndpointError
from resources.ledger import Ledger
from testing.quirky_server import Quirk, Seen
from tests.servers.case import Case, Runner
from tests.servers.quirks import CASES, errors

pytestmark = pytest.mark.slow
MOST_S = 10.0


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.quirk.name)
def test_a_check_takes_seconds_and_says_what_a_run_would_say(
    case: Case, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner.server.quirk, runner.server.seen = case.quirk, Seen()
    for name, value in {"BASE_URL": runner.server.url, "MODEL": "m", **case.env}.items():
        monkeypatch.setenv(f"LWV_TEACHER_{name}", value)
    if case.kind == "setting" and case.right == "stop" and "EXTRA" not in case.env:
        with pytest.raises(EndpointError, match="LWV_TEACHER_"):
            Endpoint.from_env("teacher")
        return
    endpoint = Endpoint.from_env("teacher")
    started = time.monotonic()
    found = asyncio.run(check(endpoint, endpoint.urls[0], Ledger.at(runner.home), {}, 45.0))
    assert time.monotonic() - started < MOST_S, found
    assert "\n" not in found.problem
    if case.right == "rows" and found.problem:  # a fault that passes, and lasts longer than a check waits
        assert (case in errors.CASES and "HTTP" in found.problem) or "the answer was empty" in found.problem, found
    elif case.right == "rows":
        assert not found.problem, found
        assert {"text", "image", "structured output", "long answer"} <= {line.name for line in found.findings}
    elif case.right == "stop" and found.problem:
        assert all(piece in found.problem for piece in case.says if piece), (case.says, found.problem)


def test_a_check_learns_anew_what_a_passing_fault_had_taught(runner: Runner) -> None:
    from testing.personalities import PERSONALITIES

    strict = next(quirk for quirk in PERSONALITIES if quirk.name == "claude-like")
    ledger, endpoint = Ledger.at(runner.home), Endpoint("teacher", runner.server.url, "m")
    for quirk, seeds in ((strict, False), (Quirk("plain"), True)):
        runner.server.quirk, runner.server.seen = quirk, Seen()
        found = asyncio.run(check(endpoint, endpoint.urls[0], ledger, {}, 45.0))
        assert found.profile.seed == seeds
    assert "seed" in runner.server.seen.requests[-1]
