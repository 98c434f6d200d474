"""The whole lineage with a real vLLM as teacher, critic, judge and student."""

import time
from collections.abc import Mapping
from typing import Any

import pytest

from tests.training.test_preference_round import metadata_of
from tests.vllm.slow.conftest import Served

pytestmark = pytest.mark.slow
Said = Mapping[str, Mapping[str, Any]]


@pytest.fixture(scope="module")
def made(served: Served) -> dict[str, Said]:
    said: dict[str, Said] = {}
    for job in ("shard_job", "training_job", "drafts_job", "training_job", "evaluation_job"):
        started = time.monotonic()
        shard = served.shard if job in ("shard_job", "drafts_job") else None
        said[job] = metadata_of(served.factory.run(job, shard))
        print(f"{job}: {time.monotonic() - started:.0f} s", flush=True)
        for asset, facts in said[job].items():
            print("  ", asset, {k: v for k, v in facts.items() if k not in ("made_with", "path")}, flush=True)
    return said


def test_a_shard_is_written(made: dict[str, Said], served: Served) -> None:
    assert made
