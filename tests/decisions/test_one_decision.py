"""A decision from end to end: what it was said to do is what it does, it asks no model, and it can be taken back."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

from assets.corrected_segments.checks import edited_true
from assets.corrected_segments.schema import CORRECTED_SEGMENTS
from assets.preference_pairs.schema import PREFERENCE_PAIRS
from assets.quality.outcome import Context
from assets.quality.quarantine import read_quarantine
from assets.training_dataset import current_manifest
from lwv_dagster.annotate.importing import take
from lwv_dagster.annotate.reach import Reach, reach
from lwv_dagster.cli import main
from lwv_dagster.diff.comparing import diff
from lwv_dagster.sensors import decided_shards
from lwv_dagster.trace.walking import trace
from resources.dagster import StoreResource
from resources.decisions.people import decisions_of
from resources.ledger import CALLS, Ledger
from resources.ledger_forget import LedgerCleaner, Which
from resources.recipe.read import read_recipe
from testing.rows import english
from tests.conftest import Factory, draw_page, factory_in, write_recipe

PAGES = 6
CORRECTED = ["corrected_segments", "preference_pairs"]
GATES = ["sft_dataset", "preference_dataset"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Factory]:
    """A factory with two shards of decks, of six pages and of two, and both data sets."""
    folder = tmp_path_factory.mktemp("decided")
    with pytest.MonkeyPatch.context() as patch, factory_in(folder, patch) as factory:
        patch.setenv("LWV_RECIPE", write_recipe(folder))
        for collection, pages in (("talks", PAGES), ("notes", 2)):
            for subject in ("rivers", "engines", "bread"):
                for page in range(1, pages + 1):
                    lines = [english(f"{collection} {subject} {page} {line}", 6) for line in range(4)]
                    draw_page(factory.sources / collection / subject / f"page-{page}.png", *lines)
        for shard in factory.scan():
            assert factory.run("shard_job", shard).success
        assert factory.run("training_job", assets=GATES).success
        yield factory


def rows_of(factory: Factory) -> dict[tuple[str, str, str], dict[str, Any]]:
    """(table, shard, id) -> row, of every table of every shard."""
    found = {}
    for path in sorted(factory.home.glob("tables/*/*.parquet")):
        for number, row in enumerate(pq.read_table(path).to_pylist()):
            name = row.get("pair_id") or row.get("segment_id") or str(number)
            found[path.parent.name, path.stem, name] = row
    return found


def contents(factory: Factory) -> dict[tuple[str, str], str]:
    return {
        (path.parent.name, path.stem): factory.store.content(path.parent.name, path.stem)
        for path in factory.home.glob("tables/*/*.parquet")
    }


def calls(factory: Factory) -> int:
    ledger = Ledger.at(factory.home)
    try:
        with ledger.connected() as connection:
            return int(connection.execute(select(func.count()).select_from(CALLS)).scalar_one())
    finally:
        ledger.close()


def exported(*arguments: str) -> list[dict[str, Any]]:
    result = CliRunner().invoke(main, ["annotate", "export", *arguments])
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.output.splitlines()]


def brought_in(folder: Path, *lines: dict[str, Any], yes: bool = True) -> str:
    path = folder / "decisions.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    result = CliRunner().invoke(main, ["annotate", "import", str(path), *(["--yes"] if yes else [])])
    assert result.exit_code == 0, result.output
    return result.output


def predicted(factory: Factory, folder: Path, *lines: dict[str, Any]) -> list[Reach]:
    path = folder / "seen.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    before = decisions_of(factory.home)
    taken = take(factory.store, path, before)
    assert taken.refused == []
    return reach(factory.store, taken.places.values(), before, taken.new, read_recipe())


def apply(factory: Factory, shard: str) -> None:
    assert factory.run("corrections_job", shard).success
    assert factory.run("training_job", assets=GATES).success


def test_one_corrected_page_changes_just_the_predicted_pairs_and_asks_no_model(made: Factory, tmp_path: Path) -> None:
    (shard,) = [name for name in made.scan() if name.startswith("talks")]
    lines = [line for line in exported("--shard", shard) if line["split"] == "preference"]
    page = next(line for line in lines if line["page"] == 3)
    deck = [line for line in lines if line["example"] == page["example"]]
    assert [line["page"] for line in deck] == [1, 2, 3, 4, 5, 6]
    assert deck[4]["critic"] != deck[4]["original"]
    untold = contents(made)
    fine = [line | {"who": "anna", "verdict": "fine"} for line in deck if line["page"] != 5]
    brought_in(tmp_path, *fine)
    apply(made, shard)  # from here on page 5 alone is edited

    before, had, asked = rows_of(made), contents(made), calls(made)
    old, decided = current_manifest(made.store, "preference").id, decisions_of(made.home)
    line = page | {
        "who": "anna",
        "verdict": "corrected",
        "text": page["original"] + "\n\nA person looked at this page.",
        "errors": ["missing"],
        "reason": "The page says more.",
    }
    (said,) = predicted(made, tmp_path, line)
    shown = brought_in(tmp_path, line, yes=False)
    assert "1 new decisions" in shown and "Nothing was saved" in shown and old in shown
    assert decisions_of(made.home) == decided and contents(made) == had
    assert "1 decisions were saved" in brought_in(tmp_path, line)
    assert "0 new decisions" in brought_in(tmp_path, line)  # twice is once, though it does not say when
    assert contents(made) == had  # nothing changes before the shard is made again
    apply(made, shard)

    after, segment, name = rows_of(made), ("corrected_segments", shard, page["target"]), page["example"]
    row = after[segment]
    assert (row["text"], row["errors"], row["edited"]) == (line["text"], ["missing"], True)
    assert row["corrector"].endswith(" and a person") and row["corrector"].startswith("embedded-")
    assert row["critic"]["text"] == page["critic"]
    assert row["decision_id"] == decisions_of(made.home)[-1].decision_id
    pairs = {key for key in {*before, *after} if key[0] == "preference_pairs"}
    assert {*said.new} == {key[2] for key in pairs if key not in before}
    assert {*said.new} == {f"{name}-cumulative-003", f"{name}-cumulative-004", f"{name}-shared_prefix-003"}
    assert {*said.changed} == {key[2] for key in pairs & {*before} if before[key] != after.get(key)}
    assert {*said.changed} == {f"{name}-{pair}" for pair in ("cumulative-005", "cumulative-006", "whole")} | {
        f"{name}-shared_prefix-005"
    }
    assert (said.weighted, said.gone) == ((), ())
    weight = [rows["preference_pairs", shard, f"{name}-cumulative-005"]["weight"] for rows in (before, after)]
    assert weight == pytest.approx([1 / 2, 1 / 6])
    untouched = {*before, *after} - pairs - {segment}
    assert {key: before.get(key) for key in untouched} == {key: after.get(key) for key in untouched}

    now = contents(made)
    assert {key for key in now if now[key] != had[key]} == {(table, shard) for table in CORRECTED}
    assert calls(made) == asked
    assert current_manifest(made.store, "preference").id != old
    assert said.held_by == (old,)
    (differs,) = diff(made.store, old, current_manifest(made.store, "preference").id)
    assert {row.id: row.by for row in differs.changed} == {name: ["text"] for name in said.changed}
    assert ({*differs.only_b}, differs.only_a, differs.recipe) == ({*said.new}, [], [])
    assert differs.weights.changed > 0
    trail = trace(made.store, f"{current_manifest(made.store, 'preference').id}:{said.changed[0]}")
    assert row["decision_id"] in {each.decision_id for each in trail.examples[0].segments}
    assert trace(made.store, row["decision_id"]).kind == "decision"
    assert edited_true(Context(made.store, shard, made.store.read_table("corrected_segments", shard))).passed
    apply(made, shard)
    assert contents(made) == now and calls(made) == asked

    told = [each for each in exported("--shard", shard) if each["who"]]
    assert any({**each, **line} == each for each in told)
    assert "0 new decisions" in brought_in(tmp_path, *told)
    brought_in(tmp_path, *(each | {"verdict": "withdrawn"} for each in fine))
    apply(made, shard)
    assert contents(made) == untold and calls(made) == asked


def test_fine_takes_the_critics_edit_back(made: Factory, tmp_path: Path) -> None:
    line = next(
        each
        for each in exported()
        if each["split"] == "preference" and each["original"] and each["critic"] != each["original"]
    )
    had = contents(made)
    shard = line["shard"]
    brought_in(tmp_path, line | {"who": "ben", "verdict": "fine"})
    apply(made, shard)
    row = rows_of(made)["corrected_segments", shard, line["target"]]
    assert (row["text"], row["edited"], row["errors"]) == (line["original"], False, [])
    assert all(
        pair["upto"] - 1 != row["index"]
        for pair in made.store.rows(PREFERENCE_PAIRS, shard)
        if pair["example_id"] == line["example"] and pair["kind"] == "shared_prefix"
    )
    brought_in(tmp_path, line | {"who": "ben", "verdict": "withdrawn"})
    apply(made, shard)
    assert contents(made) == had


def test_two_people_who_differ_leave_the_critics_version_until_a_third_decides(made: Factory, tmp_path: Path) -> None:
    line = next(each for each in exported() if each["split"] == "preference" and each["page"] == 1)
    had, shard = contents(made), line["shard"]
    heading = line["critic"].partition("\n")[0]
    texts = {who: f"{heading}\n\n{english(who, 30)}" for who in ("cleo", "dan", "eve")}
    made_by = {
        who: line | {"who": who, "verdict": "corrected", "text": text, "errors": ["factual"]}
        for who, text in texts.items()
    }
    brought_in(tmp_path, made_by["cleo"], made_by["dan"])
    apply(made, shard)
    assert contents(made) == had
    brought_in(tmp_path, made_by["eve"])
    apply(made, shard)
    assert rows_of(made)["corrected_segments", shard, line["target"]]["text"] == texts["eve"]
    brought_in(tmp_path, *(each | {"verdict": "withdrawn"} for each in made_by.values()))
    apply(made, shard)
    assert contents(made) == had


def test_both_gates_obey_a_drop_and_its_withdrawal(made: Factory, tmp_path: Path) -> None:
    old = {gate: current_manifest(made.store, gate) for gate in ("sft", "preference")}
    lines = exported()
    paged = [each for each in lines if each["split"] == "preference" and each["page"] == 2]
    pairs = [row for shard in made.scan() for row in made.store.rows(PREFERENCE_PAIRS, shard)]
    segment = next(each for each in paged if any(pair["example_id"] == each["example"] for pair in pairs))
    section = next(each for each in lines if each["split"] == "sft")
    drops = [each | {"who": "anna", "verdict": "drop", "reason": "A private photo."} for each in (segment, section)]
    said = {gone for each in predicted(made, tmp_path, *drops) for gone in each.gone}
    brought_in(tmp_path, *drops)
    assert made.run("training_job", assets=GATES).success
    left = {
        gate: {row["id"] for row in pq.read_table(current_manifest(made.store, gate).path).to_pylist()} for gate in old
    }
    had = {gate: {row["id"] for row in pq.read_table(manifest.path).to_pylist()} for gate, manifest in old.items()}
    assert had["sft"] - left["sft"] == {section["example"]}
    assert had["preference"] - left["preference"] == said - {section["example"]}
    assert all(pair.endswith(("-whole", "-002")) or int(pair[-3:]) > 2 for pair in said - {section["example"]})
    for gate in GATES:
        reasons = {row["reason"] for row in read_quarantine(made.store, gate, "all")}
        assert any(reason.startswith("dropped: a person left segment ") for reason in reasons)
        assert any(reason.endswith(": A private photo.") for reason in reasons)
    brought_in(tmp_path, *(each | {"verdict": "withdrawn"} for each in drops))
    assert made.run("training_job", assets=GATES).success
    assert {gate: current_manifest(made.store, gate).id for gate in old} == {gate: old[gate].id for gate in old}


def test_a_corrected_section_of_the_sft_split_stands_in_its_row_and_in_no_other(made: Factory, tmp_path: Path) -> None:
    old = current_manifest(made.store, "sft")
    before = {row["id"]: row for row in pq.read_table(old.path).to_pylist()}
    line = next(each for each in exported() if each["split"] == "sft" and each["page"] == 2)
    text = line["original"] + "\n\nA person looked at this page."
    decided = line | {"who": "anna", "verdict": "corrected", "text": text, "errors": ["missing"]}
    (said,) = predicted(made, tmp_path, decided)
    assert (said.changed, said.held_by) == ((line["example"],), (old.id,))
    brought_in(tmp_path, decided)
    assert made.run("training_job", assets=["sft_dataset"]).success
    after = {row["id"]: row for row in pq.read_table(current_manifest(made.store, "sft").path).to_pylist()}
    assert {name for name in before if before[name] != after[name]} == {line["example"]} and len(before) == len(after)
    then, now = (rows[line["example"]] for rows in (before, after))
    assert now["messages"][1]["content"] == then["messages"][1]["content"].replace(line["original"], text)
    assert now["words"] == then["words"] + 6
    assert now["author"] == f"{then['author']} and a person"
    brought_in(tmp_path, decided | {"verdict": "withdrawn"})
    assert made.run("training_job", assets=["sft_dataset"]).success
    assert current_manifest(made.store, "sft").id == old.id


def test_what_is_wrong_is_told_line_by_line_and_the_rest_is_taken(made: Factory, tmp_path: Path) -> None:
    page = next(each for each in exported() if each["split"] == "preference" and each["page"] == 1)
    good = page | {"who": "anna", "verdict": "fine"}
    lines = [
        "{",
        "[1]",
        json.dumps(page),
        json.dumps(good | {"target": "gone-000"}),
        json.dumps(page | {"who": "anna", "verdict": "corrected", "text": "It is short.", "errors": ["factual"]}),
        json.dumps(good | {"seen": "0" * 64}),
        json.dumps({"kind": "document", "target": page["example"].split("-")[0], "who": "anna", "verdict": "drop"}),
        "[" * 100_000,
        "\xff",
    ]
    path = tmp_path / "hostile.jsonl"
    path.write_bytes(b"\n".join(line.encode("latin-1") for line in lines))
    result = CliRunner().invoke(main, ["annotate", "import", str(path)])
    assert result.exit_code == 1
    for says in (
        "Line 1 is no JSON.",
        "Line 2 is no JSON object.",
        "Line 4: gone-000: no table has this segment",
        "Line 5: " + page["target"] + ": the page lost its heading",
        "Line 8 is no JSON.",
        "Line 9 is no JSON.",
        "2 new decisions (1 on a text that has changed since",
        "1 lines undecided",
    ):
        assert says in result.output
    assert not [each for each in decisions_of(made.home) if each.kind == "document"]
    assert len(list(made.store.rows(CORRECTED_SEGMENTS, page["shard"]))) > 0


def test_the_sensor_asks_for_the_touched_shard_alone_and_for_each_change_once(made: Factory, tmp_path: Path) -> None:
    def asked_for() -> list[tuple[str | None, str | None]]:
        context = dg.build_sensor_context(instance=made.instance, resources={"store": StoreResource()})
        found = decided_shards(context)
        return (
            [(each.partition_key, each.run_key) for each in found.run_requests or ()]
            if isinstance(found, dg.SensorResult)
            else []
        )

    assert asked_for() == []
    line = next(each for each in exported() if each["split"] == "preference" and each["page"] == 2)
    decided = line | {"who": "anna", "verdict": "corrected", "text": line["critic"] + " So.", "errors": ["missing"]}
    brought_in(tmp_path, line | {"who": "anna", "verdict": "drop"})
    assert asked_for() == []  # the gate obeys it, no table changes
    brought_in(tmp_path, decided)
    ((shard, key),) = asked_for()
    assert shard == line["shard"] and asked_for() == [(shard, key)]
    result = made.run("training_job", assets=["preference_dataset"])
    (told,) = result.asset_materializations_for_node("preference_dataset")
    assert f"people's decisions on {shard} are not applied yet" in str(told.metadata["note"].value)
    apply(made, line["shard"])
    assert asked_for() == []
    brought_in(tmp_path, decided | {"verdict": "withdrawn"})
    ((shard, other),) = asked_for()
    assert (shard, other != key) == (line["shard"], True)
    apply(made, line["shard"])


def test_a_run_for_decisions_stops_where_it_would_have_to_ask(made: Factory) -> None:
    shard = next(name for name in made.scan() if name.startswith("talks"))
    had = contents(made)
    cleaner = LedgerCleaner(made.home)
    assert cleaner.forget(Which(role="critic")) > 0
    cleaner.close()
    asked = calls(made)
    result = made.run("corrections_job", shard)
    assert not result.success
    failure = next(event for event in result.all_events if event.is_step_failure).step_failure_data.user_failure_data
    assert "this run may ask no model: run shard_job for this shard" in failure.description
    assert calls(made) == asked and contents(made) == had
    assert made.run("shard_job", shard, CORRECTED).success
    assert calls(made) > asked and contents(made) == had
