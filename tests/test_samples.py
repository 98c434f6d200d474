"""On the samples, with the embedded model: every branch of the recipe is taken, and counted where people look."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.parquet as pq
import pytest

from assets.long_outputs.back_translation import stated
from assets.long_outputs.schema import LONG_OUTPUTS
from assets.preference_pairs.schema import KINDS
from assets.training_dataset import current_manifest
from lwv_dagster.release.write import FORMATS, write_release
from resources.store import Store
from testing.told import told
from tests.conftest import Factory

ROOT = Path(__file__).resolve().parents[1]
RECIPE = """
[instructions]
words = { single = [300, 400], multi = [400] }
words_per_page = 60
groups = [2]
group_share = 1.0
lecture_share = 0.5
rewritten_share = 1.0
chinese_share = 0.5
chapter_pages = 4
stated_share = 0.34
back_translated_share = 0.33
families = { photographs = ["travel_guide", "story", "scenery_copywriting", "movie_review"] }

[mix]
size = 5
chat = "CHAT"
chat_rows = 2
"""


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Counter[str], list[str]]]:
    """The store after every shard's job and both gates, the numbers of all materialisations added up, the shards."""
    folder = tmp_path_factory.mktemp("samples")
    (folder / "recipe.toml").write_text(RECIPE.replace("CHAT", str(folder / "chat.jsonl")))
    (folder / "chat.jsonl").write_text(
        "".join(
            json.dumps(
                {
                    "messages": [
                        {"role": "user", "content": f"What is {number} plus {number}?"},
                        {"role": "assistant", "content": f"It is {2 * number}."},
                    ]
                }
            )
            + "\n"
            for number in range(5)
        )
        + "no JSON\n"
    )
    totals: Counter[str] = Counter()
    with pytest.MonkeyPatch.context() as patch, dg.DagsterInstance.ephemeral() as instance:
        for name in [name for name in os.environ if name.startswith("LWV_")]:
            patch.delenv(name)
        patch.setenv("LWV_HOME", str(folder / "home"))
        patch.setenv("LWV_SOURCES", str(ROOT / "samples"))
        patch.setenv("LWV_RECIPE", str(folder / "recipe.toml"))
        factory = Factory(folder / "home", ROOT / "samples", instance)
        shards = factory.scan()
        gates = ["sft_dataset", "preference_dataset"]
        for result in (
            *(factory.run("shard_job", shard) for shard in shards),
            *(factory.run("training_job", assets=[gate]) for gate in gates),
        ):
            assert result.success
            for event in result.get_asset_materialization_events():
                for name, value in told(event.materialization.metadata).items():
                    if isinstance(value, int | float):
                        totals[f"{event.asset_key.to_user_string()}.{name}"] += value
        yield factory.store, totals, shards


@pytest.mark.slow
def test_every_origin_language_task_and_length_of_the_recipe_is_taken_and_counted(samples: Any) -> None:
    _, totals, _ = samples
    for name in (
        "origin_single",
        "origin_group",
        "origin_multi",
        "origin_deck",
        "origin_deck_rewritten",
        "chapters",
        "language_en",
        "language_zh",
        "task_lecture_script",
        "length_from_stated",
        "length_from_back_translated",
        "length_from_none",
    ):
        assert totals[f"instructions.{name}"] > 0, name
    assert (
        sum(
            totals[f"instructions.task_{family}"]
            for family in ("travel_guide", "story", "scenery_copywriting", "movie_review")
        )
        > 0
    )
    for name in ("length_stated", "length_back_translated", "length_none", "length_score_80_share"):
        assert totals[f"long_outputs.{name}"] > 0, name
    assert totals["long_outputs.quarantined"] == 0


@pytest.mark.slow
def test_segments_are_corrected_and_every_kind_of_pair_that_needs_no_checkpoint_is_made(samples: Any) -> None:
    _, totals, _ = samples
    for name in (
        "corrected_segments.edited",
        "preference_pairs.pairs_cumulative",
        "preference_pairs.pairs_shared_prefix",
        "preference_pairs.pairs_whole",
    ):
        assert totals[name] > 0, name
    assert (
        totals["corrected_segments.edited"] + totals["corrected_segments.unchanged"]
        == totals["corrected_segments.teacher_segments"]
        == totals["corrected_segments.rows"]
    )
    assert totals["preference_pairs.pairs_sampled"] == totals["segments.drafts_cut"] == 0


@pytest.mark.slow
def test_a_back_translated_instruction_states_the_length_that_was_written_as_people_do(samples: Any) -> None:
    store, _, shards = samples
    rows = [row for shard in shards for row in store.rows(LONG_OUTPUTS, shard)]
    for row in rows:
        assert (row["required_words"] is None) == (row["length_from"] == "none")
        if row["length_from"] == "back_translated":
            assert row["required_words"] == stated(row["words"])
            assert str(row["required_words"]) in row["instruction"]


@pytest.mark.slow
def test_each_section_was_given_the_plan_and_all_sections_before_it(samples: Any, monkeypatch) -> None:
    """The key of a call hashes all that was sent: it is found again only with exactly the sections before it."""
    from assets.long_outputs.conversation import Conversation, Turn, section_room
    from assets.long_outputs.writer import PLAN, WRITE, sections_for
    from resources.embedded.protocol import model_name
    from resources.ledger import Ledger
    from resources.messages import Call
    from resources.recipe.model import Writing

    store, _, shards = samples
    ledger, recipe = Ledger.at(store.home), Writing()
    row = next(
        row
        for shard in shards
        for row in store.rows(LONG_OUTPUTS, shard)
        if len(row["sections"]) >= 3 and row["length_from"] != "back_translated" and not row["repairs"]
    )
    deck = row["kind"] == "deck"
    plan = ledger.get(row["plan_call_id"])
    assert plan is not None
    prompt = PLAN.fill(
        pages=len(row["images"]),
        language=row["language"],
        total_words=row["target_words"],
        section_rule="one per page" if deck else str(sections_for(row["target_words"], recipe)),
    )
    talk: Any = Conversation(None, row, recipe)  # type: ignore[arg-type]
    talk.turns = [Turn(prompt, plan.text)]
    from assets.long_outputs.plan_reader import parse_plan

    planned = parse_plan(plan.text)
    for section, entry in zip(row["sections"], planned, strict=True):
        asked = WRITE.fill(
            index=entry.index,
            count=len(planned),
            language=row["language"],
            point=entry.point,
            words=entry.words,
            pages=", ".join(map(str, entry.pages)),
            heading=section["heading"],
        )

        def key(turns: Any, asked: str = asked, words: int = entry.words) -> str:
            return Call(
                "teacher",
                Conversation(None, row, recipe, turns=turns).messages(asked),  # type: ignore[arg-type]
                WRITE.version,
                row["example_id"],
                "",
                max_tokens=section_room(words),
                temperature=recipe.temperature,
            ).key(model_name("teacher"))

        assert key(talk.turns) == section["call_id"]
        assert entry.index == 1 or key(talk.turns[:-1]) != section["call_id"]
        talk.turns.append(Turn(asked, section["text"]))


@pytest.mark.slow
def test_the_gates_count_what_they_keep_leave_out_and_mix(samples: Any) -> None:
    store, totals, _ = samples
    read, kept, chosen = (totals[f"sft_dataset.{name}"] for name in ("read", "kept", "chosen"))
    dropped = sum(count for name, count in totals.items() if name.startswith("sft_dataset.dropped_"))
    assert (read - dropped, chosen, totals["sft_dataset.rows_chat"]) == (kept, 5, 2)
    report = current_manifest(store, "sft").report
    assert (totals["sft_dataset.chat_bad_lines"], report["off"] >= 0) == (1, True)
    for kind in ("cumulative", "shared_prefix", "whole"):
        assert totals[f"preference_dataset.pairs_{kind}"] > 0
    shares = [totals[f"preference_dataset.weight_share_{kind}"] for kind in KINDS]
    assert sum(shares) == pytest.approx(1)
    assert not {row["id"] for row in pq.read_table(current_manifest(store, "sft").path).to_pylist()} & {
        row["example_id"] for row in pq.read_table(current_manifest(store, "preference").path).to_pylist()
    }


@pytest.mark.slow
@pytest.mark.parametrize("format_", ["hub", "trl", "llamafactory", "ms-swift"])
def test_both_data_sets_are_released_in_every_format_with_a_card(samples: Any, tmp_path: Path, format_: str) -> None:
    store, _, _ = samples
    write_release(store, FORMATS[format_], tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text()
    assert "embedded" in card and "CC" in card and "cumulative" in card
    assert len(list((tmp_path / "out").rglob("*.png"))) >= 1
