"""A server's quirk with the outcome that is right for it, and how a case is run: `long_outputs` over documents."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import dagster as dg
import pytest
from PIL import Image, ImageDraw

from assets.instructions.schema import INSTRUCTIONS, Instruction
from assets.long_outputs.asset import long_outputs
from assets.long_outputs.schema import LONG_OUTPUTS
from assets.quality.quarantine import read_quarantine
from lwv_dagster.definitions import default_resources
from resources.store import Store
from testing.quirky_server import Quirk, QuirkyServer, Seen
from testing.told import told

SHARD = "quirks-001"
# No setting of the machine's user may reach a case; what takes minutes in the world takes a moment here.
QUICK = {"STARTUP_S": "3", "PATIENCE_S": "6", "TIMEOUT_S": "20"}
JOB = dg.Definitions([long_outputs], resources=default_resources).resolve_implicit_global_asset_job_def()
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
DOCUMENTS = 3
PLAIN = 9  # calls of a plain server: a plan and two sections each


@dataclass(frozen=True)
class Case:
    """quirk: how the server behaves; right: what has to come of a run. `rows`: every document, with the same text as
    from a plain server; `aside`: every document in quarantine; `stop`: the step fails in one sentence; `some`: one
    document in quarantine, the others whole.

    kind: of the quarantine or of the failure; says: pieces of its words; taught: requests refused at most; made: calls
    at most above those of a plain server; env: settings of the teacher, without their prefix; same: the text is that
    of a plain server; aside: how many documents `some` are; side: of the images, pixels.
    """

    quirk: Quirk
    right: Literal["rows", "aside", "stop", "some"] = "rows"
    kind: str = ""
    says: tuple[str, ...] = ()
    taught: int = 2  # what costs something is tried once more: it may have been a passing fault
    made: int = 0
    env: Mapping[str, str] = field(default_factory=dict)
    same: bool = True
    aside: int = 1
    side: int = 320


@dataclass(frozen=True)
class Came:
    """What came of a run: the step's metadata, or that of its failure with its words; the texts by document; the
    quarantine's reasons."""

    metadata: Mapping[str, Any]
    failure: str
    texts: Mapping[str, str]
    reasons: tuple[str, ...]


def draw_images(store: Store, count: int, side: int = 320) -> list[str]:
    """Small pages with a line of text each."""
    names = []
    for number in range(count):
        image = Image.new("RGB", (side, side * 3 // 4), ("white", "#cde", "#edc", "#ded")[number % 4])
        ImageDraw.Draw(image).text((20, 30), f"Fact {number + 1} of bread", fill="black", font_size=24)
        path = store.home / f"page-{number}.jpg"
        image.save(path, "JPEG", quality=85)
        names.append(store.put_image(path.read_bytes()))
        path.unlink()
    return names


def examples(images: list[str]) -> list[Instruction]:
    """Three documents: one image, two images, a deck of two."""
    kinds = (("single", images[:1]), ("multi", images[1:3]), ("deck", images[2:4]))
    return [
        {
            "example_id": f"example-{number}",
            "document_id": f"document-{number}",
            "kind": kind,  # type: ignore[typeddict-item]
            "split": "sft",
            "language": "en",
            "images": shown,
            "request": "Write about these pages.",
            "instruction": "Write about these pages, in about 400 words.",
            "required_words": 400,
            "target_words": 400,
            "length_from": "stated",
            "task": "open",
            "documents": [f"document-{number}"],
            "pages": list(range(1, len(shown) + 1)),
            "origin": "multi",
            "author": "fixed",
            "call_id": None,
        }
        for number, (kind, shown) in enumerate(kinds)
    ]


def prepare(home: Path, documents: int = DOCUMENTS, side: int = 320) -> Store:
    """A home with the documents' instructions and images."""
    home.mkdir(parents=True, exist_ok=True)
    store = Store(home)
    rows = examples(draw_images(store, 4, side))
    copies = [
        {
            **rows[number % 3],
            "example_id": f"example-{number}",
            "document_id": f"document-{number}",
            "instruction": f"Write about these pages, in about 400 words, as number {number}.",
        }
        for number in range(documents)
    ]
    store.write_table(INSTRUCTIONS, SHARD, copies)  # type: ignore[arg-type]
    return store


class Runner:
    """Runs `long_outputs` against the one server, under a quirk's behaviour."""

    _plain: Mapping[str, str] | None = None  # texts of a plain server, by document

    def __init__(
        self, home: Path, server: QuirkyServer, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.home, self.server, self.instance = home, server, instance
        self._monkeypatch = monkeypatch

    def plain_texts(self) -> Mapping[str, str]:
        """What a plain server's run gives; made once."""
        if Runner._plain is None:
            home, self.home = self.home, self.home / "plain"
            came = self.run(Quirk("plain"))
            assert len(came.texts) == DOCUMENTS and self.server.seen.answered == PLAIN, came
            Runner._plain, self.home = came.texts, home
        return Runner._plain

    def run(self, quirk: Quirk, env: Mapping[str, str] | None = None, side: int = 320) -> Came:
        """One run, with nothing of the machine's own settings; the first one in a home makes what it reads."""
        if not (self.home / "tables").exists():
            prepare(self.home, side=side)
        self.server.quirk, self.server.seen = quirk, Seen()
        for name in [name for name in os.environ if name.startswith("LWV_")]:
            self._monkeypatch.delenv(name)
        self._monkeypatch.setenv("LWV_HOME", str(self.home))
        for name, value in {"BASE_URL": self.server.url, "MODEL": "m", **QUICK, **(env or {})}.items():
            self._monkeypatch.setenv(f"LWV_TEACHER_{name}", value)
        return materialise(self.home, self.instance)


def materialise(home: Path, instance: dg.DagsterInstance) -> Came:
    """One run of `long_outputs`."""
    store = Store(home)
    result = JOB.execute_in_process(run_config=QUIET, partition_key=SHARD, instance=instance, raise_on_error=False)
    if not result.success:
        failed = result.get_step_failure_events()[0].step_failure_data.user_failure_data
        assert failed is not None, result.get_step_failure_events()[0].step_failure_data.error
        return Came(told(failed.metadata), failed.description or "", {}, ())
    found = result.asset_materializations_for_node("long_outputs")[0].metadata
    return Came(
        told(found),
        "",
        {row["example_id"]: row["output"] for row in store.rows(LONG_OUTPUTS, SHARD)},
        tuple(row["reason"] for row in read_quarantine(store, "long_outputs", SHARD)),
    )
