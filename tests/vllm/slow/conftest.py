"""What the tests with a real vLLM share: its environment, and a factory whose every model is served by one."""

import json
import logging
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from resources.endpoints import Endpoint
from resources.failures import EndpointError
from resources.settings import Settings
from resources.training.students.resolve import resolve_student
from resources.vllm.own_servers import OWN_SERVERS
from resources.vllm.serve_command import PLAIN_SAMPLING
from resources.vllm.served_endpoints import Serving
from resources.vllm.served_model import of_path
from resources.vllm.vllm_environment import vllm_environment
from testing.openai_server import scripted_server
from testing.vllm import CORRECTION, JUDGEMENT, SECTION, WEAK_TEACHER, planning
from tests.conftest import Factory, draw_page, draw_unlike_decks
from tests.training.test_preference_round import metadata_of

LONG_DECK = 9  # pages
DECKS = 4
JOBS = ("shard_job", "training_job", "drafts_job", "training_job", "evaluation_job")
Said = Mapping[str, Mapping[str, Any]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.timeout(1500))


@pytest.fixture(scope="session", autouse=True)
def environment() -> None:
    """`make test-vllm` builds it."""
    logging.getLogger("lwv.progress").setLevel(logging.INFO)
    try:
        vllm_environment(Settings().vllm_python)
    except EndpointError as error:
        pytest.exit(f"{error}", returncode=2)


@pytest.fixture(scope="session")
def smol(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SmolLM2-135M as a Qwen2.5-VL, as it is before training."""
    return Path(resolve_student("smol", [], tmp_path_factory.mktemp("models") / "smol"))


def draw_long_deck(folder: Path) -> None:
    """A deck of LONG_DECK pages, none like another."""
    subjects = ("harbours", "lanterns", "orchards", "glaciers", "markets", "violins", "deserts", "bicycles", "comets")
    for page, subject in enumerate(subjects[:LONG_DECK], 1):
        draw_page(
            folder / f"page-{page}.png",
            f"{page}. About {subject}",
            f"{subject.capitalize()} have {page * 7} parts",
            f"People saw {subject} in {1800 + 13 * page}",
            f"Without {subject} nothing would be left",
        )


@dataclass(frozen=True)
class Served:
    """A factory and its shard."""

    factory: Factory
    shard: str


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory, smol: Path) -> Iterator[Served]:
    """smol is teacher, critic and judge; the tiny student is asked by servers of our own."""
    folder = tmp_path_factory.mktemp("served")
    with pytest.MonkeyPatch.context() as patch, dg.DagsterInstance.ephemeral() as instance, OWN_SERVERS.keeping():
        for name in list(os.environ):
            if name.startswith("LWV_") and name != "LWV_VLLM_PYTHON":
                patch.delenv(name)
        recipe = folder / "recipe.toml"
        recipe.write_text(WEAK_TEACHER)
        patch.setenv("LWV_HOME", str(folder / "home"))
        patch.setenv("LWV_SOURCES", str(folder / "sources"))
        patch.setenv("LWV_RECIPE", str(recipe))
        factory = Factory(folder / "home", folder / "sources", instance)
        draw_unlike_decks(factory.sources / "talks")
        draw_long_deck(factory.sources / "talks" / "many")
        (shard,) = factory.scan()
        give_plans(factory, shard, smol, patch)
        for role in ("TEACHER", "CRITIC", "JUDGE"):
            patch.setenv(f"LWV_{role}_BASE_URL", f"vllm:{smol}")
        patch.setenv("LWV_JUDGE_EXTRA", JUDGEMENT)
        patch.setenv("LWV_CRITIC_EXTRA", CORRECTION)
        patch.setenv("LWV_STUDENT_BASE_URL", "vllm:")
        yield Served(factory, shard)


def give_plans(factory: Factory, shard: str, smol: Path, patch: pytest.MonkeyPatch) -> None:
    """Plans in the ledger, as if the teacher had made them; all that it is asked after them vLLM answers."""
    api = Serving(factory.home, Settings()).address(Endpoint("teacher", f"vllm:{smol}"))
    with scripted_server(planning(api)) as server:
        patch.setenv("LWV_TEACHER_BASE_URL", server.url)
        patch.setenv("LWV_TEACHER_MODEL", of_path(str(smol)).name)
        patch.setenv("LWV_TEACHER_EXTRA", json.dumps({**PLAIN_SAMPLING, **SECTION}))
        factory.run("shard_job", shard, ["source_images", "instructions", "long_outputs"])
        assert len(server.requests) >= DECKS
    patch.delenv("LWV_TEACHER_MODEL")
    patch.setenv("LWV_TEACHER_EXTRA", json.dumps(SECTION))


@pytest.fixture(scope="session")
def made(served: Served) -> list[Said]:
    """What each of JOBS said."""
    said: list[Said] = []
    for job in JOBS:
        started = time.monotonic()
        said.append(metadata_of(served.factory.run(job, served.shard if job in ("shard_job", "drafts_job") else None)))
        print(f"{job}: {time.monotonic() - started:.0f} s", flush=True)
    return said
