"""A step that loses most of a shard, or all of it, is no success; and who asks later is told what was lost where."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from assets.benchmark_scores.items import NoItemsError, held_out_items
from assets.instructions.schema import INSTRUCTIONS
from assets.long_outputs.checks import CHECKS
from assets.long_outputs.schema import LONG_OUTPUTS
from assets.quality.asset_checks import check_shard
from assets.quality.outcome import Outcome
from assets.quality.quarantine import write_quarantine
from assets.quality.quarantine_share import losses, why_lost
from assets.sft_dataset.asset import why_empty
from assets.sft_dataset.selection import Selection
from assets.source_images.schema import SOURCE_IMAGES
from lwv_dagster.demo import problems
from resources.identity import TableIdentity
from resources.store import Store
from testing.openai_server import scripted_server
from testing.rows import page, written
from tests.conftest import Factory, draw_deck, write_recipe
from tests.identity.test_stale import failures

REFUSED = "rejected: teacher (gpt) at step plan: 400 Unsupported parameter: 'max_tokens'"


def set_aside(store: Store, asset: str, shard: str, reasons: Sequence[str]) -> None:
    rows = [
        {"item": "", "document_id": f"d{number}", "example_id": f"e{number}", "reason": reason}
        for number, reason in enumerate(reasons)
    ]
    write_quarantine(store, asset, shard, rows)


def shard_of(store: Store, asked: int, rows: int, reasons: Sequence[str], share: object = None) -> Outcome:
    """The verdict on a shard of long_outputs. share: what its table says that its recipe allowed; None: nothing."""
    blank: dict[str, Any] = dict.fromkeys(INSTRUCTIONS.schema.names)
    store.write_table(INSTRUCTIONS, "lectures-001", cast(Any, [{**blank, "example_id": f"e{n}"} for n in range(asked)]))
    store.write_table(SOURCE_IMAGES, "lectures-001", [page(f"d{n}", "a" * 64) for n in range(asked)])
    recipe = {} if share is None else {"checks.quarantine_share": share}
    outputs = [written(f"w{n}", "A text. " * 20) for n in range(rows)]
    store.write_table(LONG_OUTPUTS, "lectures-001", outputs, TableIdentity(1, recipe))
    set_aside(store, "long_outputs", "lectures-001", reasons)
    return check_shard(store, "long_outputs", "lectures-001", CHECKS)["quarantine_share"]


def test_a_shard_that_lost_everything_says_how_much_and_why_in_one_sentence(tmp_path: Path) -> None:
    outcome = shard_of(Store(tmp_path), 9, 0, [REFUSED] * 9)
    assert not outcome.passed
    assert outcome.description == f"long_outputs lectures-001: 9 of 9 in quarantine, all `rejected`: {REFUSED[10:]}"
    assert outcome.metadata == {"share": 1.0, "allowed": 0.5, "quarantined": 9, "asked": 9}


@pytest.mark.parametrize(
    ("asked", "rows", "reasons", "share", "passed"),
    [
        (10, 5, [REFUSED] * 5, None, True),
        (10, 4, [REFUSED] * 6, None, False),
        (10, 4, [REFUSED] * 6, 0.6, True),
        (10, 9, [REFUSED], 0, False),
        (10, 1, ["not_long: short", "irrelevant: a cat", "too_long: 9,000,000"] * 3, 0, True),  # the recipe's own
        (10, 1, ["dropped: a person keeps it out"] * 9, 0, True),
        (3, 0, ["not_long: short"] * 3, 1, False),
        (3, 0, [], 1, False),
        (0, 0, [], 0, True),
    ],
)
def test_the_share_is_the_recipes_and_an_empty_table_passes_only_where_nothing_was_asked(
    asked: int, rows: int, reasons: list[str], share: float | None, passed: bool, tmp_path: Path
) -> None:
    assert shard_of(Store(tmp_path), asked, rows, reasons, share).passed is passed


def test_of_several_kinds_each_is_counted_and_the_commonest_one_explained() -> None:
    rows = [
        {"step": "s", "shard": "a", "item": "", "document_id": "", "example_id": "", "reason": reason, "source": ""}
        for reason in ["empty: nothing", f"refused: {'no ' * 200}", "refused: never", "b.png is no image"]
    ]
    said = why_lost(rows, 9)
    assert said.startswith("4 of 9 in quarantine, 2 `refused`, 1 `empty`: no no")
    assert len(said.partition(": ")[2]) == 300
    assert why_lost(rows[3:], None) == "1 in quarantine: b.png is no image"


def test_a_teacher_that_writes_no_usable_plan_ends_the_shard_with_that_sentence_and_closes_the_gate_with_it(
    factory: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for subject in ("Rivers", "Engines", "Bread"):
        draw_deck(factory.sources / "talks" / subject.lower(), subject, 2)
    monkeypatch.setenv("LWV_RECIPE", write_recipe(tmp_path))
    (shard,) = factory.scan()
    with scripted_server(lambda body: "First I would look at everything, then write.") as server:
        monkeypatch.setenv("LWV_TEACHER_BASE_URL", server.url)
        monkeypatch.setenv("LWV_TEACHER_MODEL", "m")
        result = factory.run("shard_job", shard)
    lost = "3 of 3 in quarantine, all `malformed`: the plan cannot be used"
    (said,) = problems(result.all_events)
    assert said.startswith(f"check long_outputs.quarantine_share: long_outputs {shard}: {lost}")
    assert "segments" not in {event.step_key for event in result.all_events if event.is_step_success}
    refused = failures(factory.run("training_job", assets=["sft_dataset"]))
    assert f"{shard}/long_outputs: failed quarantine_share ({lost}" in refused
    assert "pending" not in failures(factory.run("training_job", assets=["preference_dataset"]))


def test_a_gate_and_the_scores_that_find_nothing_say_where_it_was_lost(tmp_path: Path) -> None:
    store = Store(tmp_path)
    shard_of(store, 3, 0, [REFUSED, REFUSED])
    lost = losses(store, ["source_images", "instructions", "long_outputs"], ["lectures-001"], "sft")
    assert lost == f"long_outputs lectures-001: 2 of 3 in quarantine, all `rejected`: {REFUSED[10:]}"
    assert losses(store, ["long_outputs"], ["lectures-001"], "preference") == ""
    assert lost in why_empty(Selection(), lost)
    pages = [page("d0", "a" * 64, split="benchmark")]
    store.write_table(SOURCE_IMAGES, "lectures-001", pages)
    with pytest.raises(NoItemsError, match="2 of 3 in quarantine"):
        held_out_items(store, ["lectures-001"])
