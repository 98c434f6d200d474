"""The whole lineage with a real vLLM as teacher, critic, judge and student."""

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
    for shard in served.shards:
        said[f"shard_job {shard}"] = metadata_of(served.factory.run("shard_job", shard))
    return said


def test_a_shard_is_written(made: dict[str, Said], served: Served) -> None:
    for name, what in made.items():
        print(name)
        for asset, facts in what.items():
            print("  ", asset, {k: v for k, v in facts.items() if k not in ("made_with", "path")})
    assert made
