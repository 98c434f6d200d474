"""What the tests with a real vLLM share: its environment, and a factory whose every model is served by one."""

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from resources.failures import EndpointError
from resources.settings import Settings
from resources.training.students.resolve import resolve_student
from resources.vllm.own_servers import OWN_SERVERS
from resources.vllm.vllm_environment import vllm_environment
from testing.vllm import JUDGEMENT, WEAK_TEACHER
from tests.conftest import Factory, draw_page, draw_unlike_decks

LONG_DECK = 9  # pages


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
    """A factory, its shards, and what each job said."""

    factory: Factory
    shards: list[str]


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
        for role in ("TEACHER", "CRITIC", "JUDGE"):
            patch.setenv(f"LWV_{role}_BASE_URL", f"vllm:{smol}")
        patch.setenv("LWV_JUDGE_EXTRA", JUDGEMENT)
        patch.setenv("LWV_STUDENT_BASE_URL", "vllm:")
        factory = Factory(folder / "home", folder / "sources", instance)
        draw_unlike_decks(factory.sources / "talks")
        draw_long_deck(factory.sources / "long" / "deck")
        yield Served(factory, factory.scan())
