"""LWV_BUDGET_* holds for all runs of one command together, and each run of the UI has its own."""

import asyncio
from pathlib import Path

import dagster as dg
import pytest

from lwv_dagster.spending import Spending
from resources.dagster import BUDGET_TAG, ModelsResource
from resources.engine import StoppedError
from resources.messages import Call, user
from resources.store import Store
from testing.openai_server import scripted_server


def ask(store: Store, run_id: str, tags: dict[str, str], number: int) -> None:
    """One call of 15 tokens, in a run."""

    async def call() -> None:
        run = dg.DagsterRun(job_name="shard_job", run_id=run_id, tags=tags)
        async with ModelsResource().engine(store, run) as engine:
            await engine.ask(Call("teacher", (user(f"Number {number}?"),), "test@0", "sample", "step"))

    asyncio.run(call())


def test_the_runs_of_a_command_spend_one_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_ids = [f"{number}" * 8 + "-0000-4000-8000-000000000000" for number in range(4)]
    store, spending, other = Store(tmp_path), Spending("demo"), Spending("demo")
    tags = dict(spending.tags)
    assert tags[BUDGET_TAG] != other.tags[BUDGET_TAG]
    with scripted_server(lambda body: "Yes.") as server:
        monkeypatch.setenv("LWV_TEACHER_BASE_URL", server.url)
        monkeypatch.setenv("LWV_TEACHER_MODEL", "m")
        monkeypatch.setenv("LWV_BUDGET_TOKENS", "30")
        ask(store, run_ids[0], tags, 0)
        ask(store, run_ids[1], tags, 1)
        with pytest.raises(StoppedError, match="the budget of 30 tokens"):
            ask(store, run_ids[2], tags, 2)
        assert spending.says(tmp_path) == "30 tokens, $0.00"
        ask(store, run_ids[2], {}, 2)  # a run of its own
        ask(store, run_ids[3], dict(other.tags), 3)  # the next command
        assert len(server.requests) == 4
        assert other.says(tmp_path) == "15 tokens, $0.00"
