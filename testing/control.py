"""`long_outputs` against a teacher that misbehaves, by any recipe, and how much of it came out good."""

import io
import os
from pathlib import Path
from typing import Any

import dagster as dg
from PIL import Image

from assets.instructions.schema import INSTRUCTIONS
from assets.long_outputs.asset import long_outputs
from assets.long_outputs.schema import LONG_OUTPUTS, LongOutput
from assets.partitions import SHARDS
from assets.quality.quarantine import QuarantineRow, read_quarantine
from lwv_dagster.definitions import default_resources
from resources.store import Store
from resources.text.length_score import length_score
from testing import misbehaving
from testing.engine.writing import example
from testing.openai_server import scripted_server
from testing.told import told

SHARD = "bad-001"
OFF = "[writing]\nlength_control = false\nloop_control = false\n"


def run(home: Path, documents: int, recipe: str) -> tuple[dict[str, Any], list[LongOutput], list[QuarantineRow]]:
    """(metadata, rows, quarantine rows) of `long_outputs` on that many documents, through Dagster."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "recipe.toml").write_text(recipe)
    store = Store(home)
    jpeg = io.BytesIO()
    Image.new("RGB", (28, 28)).save(jpeg, "JPEG")
    page = store.put_image(jpeg.getvalue())
    store.write_table(INSTRUCTIONS, SHARD, [example(number, [page], 0) for number in range(documents)])
    with scripted_server(misbehaving.answer) as server, dg.DagsterInstance.ephemeral() as instance:
        os.environ.update(
            LWV_HOME=str(home),
            LWV_RECIPE=str(home / "recipe.toml"),
            LWV_TEACHER_MODEL="misbehaving",
            LWV_TEACHER_BASE_URL=server.url,
        )
        instance.add_dynamic_partitions(str(SHARDS.name), [SHARD])
        result = dg.materialize(
            [long_outputs], partition_key=SHARD, instance=instance, resources=dict(default_resources)
        )
    metadata = result.asset_materializations_for_node("long_outputs")[0].metadata
    return (
        told(metadata),
        list(store.rows(LONG_OUTPUTS, SHARD)),
        read_quarantine(store, "long_outputs", SHARD),
    )


def good_share(rows: list[LongOutput]) -> float:
    """Of the written documents: length score at least 80 against their target."""
    return sum(length_score(row["words"], row["target_words"]) >= 80 for row in rows) / max(1, len(rows))


def section_share(rows: list[LongOutput]) -> float:
    """Of their sections: within 0.8 to 1.25 of their target (heading included)."""
    sections = [section for row in rows for section in row["sections"]]
    within = sum(0.78 <= section["words"] / section["target_words"] <= 1.28 for section in sections)
    return within / max(1, len(sections))
