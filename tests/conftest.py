"""What many tests need: a factory of its own in a temporary folder, with small real documents."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import hypothesis
import pytest
from PIL import Image, ImageDraw

from assets.partitions import SHARDS
from assets.source_images.catalog import Catalog
from lwv_dagster.definitions import defs
from resources.settings import Settings
from resources.store import Store
from resources.training.launcher import waiting_threads

# A shell that starts the tests in the background ignores Ctrl+C, and so would all that they start; Dagster then
# ignores SIGTERM too.
signal.signal(signal.SIGINT, signal.default_int_handler)

# So unlike each other that none is taken for a copy of the held-out one.
UNLIKE_DECKS = {
    "rivers": [
        ("Where rivers begin", "Springs feed a narrow brook", "Snow melts in April"),
        ("How a valley forms", "Water carries gravel downhill", "Banks collapse every winter"),
        ("The delta", "Silt settles before the sea", "Birds nest on 14 islands"),
    ],
    "engines": [
        ("Steam pushes pistons", "A boiler holds nine bar", "Coal was cheap then"),
        ("Valves and timing", "Cams open each inlet", "Late sparks waste fuel"),
        ("Electric motors", "Magnets turn the rotor", "Copper windings get hot"),
    ],
    "bread": [
        ("Flour meets yeast", "Dough doubles within an hour", "Salt slows everything"),
        ("Kneading", "Gluten strands stretch", "Fold it six times"),
        ("Baking day", "An oven of 230 degrees", "Crust sings when cooling"),
    ],
}
# Before torch is loaded here: on a busy machine its threads would spin away the time of those they wait for.
os.environ.update(waiting_threads(os.environ))
TRAINING = Path(__file__).parent / "training"
BUSY_S = 1800  # for a test whose work takes up to a minute on a quiet machine


# Limits of the suite are of work, not of a quiet machine.
hypothesis.settings.register_profile("suite", deadline=None)
hypothesis.settings.load_profile("suite")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What trains or starts servers ends by its steps; its time limit is for what hangs, not for a busy machine.

    pytest-timeout counts a fixture in the first test that asks for it.
    """
    for item in items:
        if item.get_closest_marker("slow") or TRAINING in item.path.parents:
            item.add_marker(pytest.mark.timeout(BUSY_S))


def draw_page(path: Path, *lines: str, colour: str = "white") -> None:
    """An image with lines of text that OCR reads."""
    image = Image.new("RGB", (640, 360), colour)
    pen = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        pen.text((30, 30 + 56 * number), line, fill="black", font_size=30)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def draw_deck(folder: Path, subject: str, pages: int) -> None:
    for page in range(1, pages + 1):
        draw_page(
            folder / f"page-{page:02d}.png",
            f"{subject}, part {page}",
            f"The first fact about {subject} {page}",
            f"Number {page * 12} is worth knowing",
            f"{subject} ends with a question",
        )


def draw_unlike_decks(collection: Path) -> None:
    """A deck of each split, whose pages are no copies of each other; the critic finds errors in them."""
    for subject, pages in UNLIKE_DECKS.items():
        for number, lines in enumerate(pages, 1):
            draw_page(collection / subject / f"page-{number}.png", *lines)


def write_recipe(folder: Path, text: str = "", words_per_page: int = 30) -> str:
    """The path of a recipe of short texts; `text`: further TOML tables."""
    path = folder / "recipe.toml"
    path.write_text(
        "[instructions]\nwords = { single = [120], multi = [200] }\nstated_share = 1.0\n"
        f"back_translated_share = 0.0\nwords_per_page = {words_per_page}\n{text}"
    )
    return str(path)


@dataclass
class Factory:
    """One LWV_HOME and LWV_SOURCES, and an instance that forgets everything."""

    home: Path
    sources: Path
    instance: dg.DagsterInstance

    @property
    def store(self) -> Store:
        return Store(self.home)

    def scan(self) -> list[str]:
        catalog = Catalog(self.home, self.sources, Settings())
        catalog.scan()
        self.instance.add_dynamic_partitions(str(SHARDS.name), catalog.shards())
        return catalog.shards()

    def run(self, job: str, shard: str | None = None, assets: list[str] | None = None) -> dg.ExecuteInProcessResult:
        """The job, or only some `assets` of it, in this process."""
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        return defs.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            partition_key=shard,
            raise_on_error=False,
            run_config=quiet,
            asset_selection=[dg.AssetKey(name) for name in assets] if assets else None,
        )


@contextmanager
def factory_in(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Factory]:
    """A factory in `folder`, without files, whose models are the embedded ones."""
    for role in ("TEACHER", "CRITIC", "JUDGE"):
        for name in ("BASE_URL", "MODEL", "API_KEY"):
            patch.delenv(f"LWV_{role}_{name}", raising=False)
    patch.setenv("LWV_HOME", str(folder / "home"))
    patch.setenv("LWV_SOURCES", str(folder / "sources"))
    (folder / "sources").mkdir()
    with dg.DagsterInstance.ephemeral() as instance:
        yield Factory(folder / "home", folder / "sources", instance)


@pytest.fixture
def factory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Factory]:
    with factory_in(tmp_path, monkeypatch) as found:
        yield found
