"""Every rule of every asset: it passes on what the factory writes, and it alone fails on what breaks it."""

import shutil
from importlib import import_module
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest

from assets.drafts.draft import draft_row
from assets.drafts.schema import DRAFTS
from assets.long_outputs.schema import LONG_OUTPUTS
from assets.quality.asset_checks import check_shard
from assets.quality.check_metadata import check_metadata
from assets.quality.model_markup import no_model_markup
from assets.quality.outcome import AssetRules, Context, Outcome
from assets.quality.quarantine import write_quarantine
from assets.quality.report import OutcomeRecord, ids_named, read_report, violations_of
from assets.steps import STEP_OF, sharded_steps
from resources.store import Store
from resources.table import Table
from tests.conftest import Factory, draw_deck, draw_page, write_recipe
from tests.quality.mutations import MUTATIONS, THOUGHT, change, lost_page, refusing


def table_named(name: str) -> Table[Any]:
    return getattr(import_module(f"assets.{name}.schema"), name.upper())


def rules_of(name: str) -> AssetRules:
    return import_module(f"assets.{name}.checks").CHECKS


@pytest.fixture(scope="module")
def good_home(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A shard that went through the real job: a deck of the preference split among others."""
    folder = tmp_path_factory.mktemp("rules")
    with pytest.MonkeyPatch.context() as patch, dg.DagsterInstance.ephemeral() as instance:
        patch.setenv("LWV_HOME", str(folder / "home"))
        patch.setenv("LWV_SOURCES", str(folder / "sources"))
        patch.setenv("LWV_RECIPE", write_recipe(folder, words_per_page=60))
        factory = Factory(folder / "home", folder / "sources", instance)
        for subject in ("Rivers", "Engines", "Bread"):
            draw_deck(factory.sources / "mixed" / subject.lower(), subject, 3)
        draw_page(factory.sources / "mixed" / "sign.png", "A sign that stands alone")
        (factory.sources / "mixed" / "LICENCES.csv").write_text(
            "file,licence\nrivers,CC0-1.0\nengines,CC0-1.0\nbread,CC0-1.0\nsign.png,CC0-1.0\n"
        )
        (shard,) = factory.scan()
        assert factory.run("shard_job", shard).success
        write_drafts(factory.store, shard)
        after = ["segments", "corrected_segments", "signals", "preference_pairs"]
        assert factory.run("drafts_job", shard, after).success
    return factory.home, shard


def write_drafts(store: Store, shard: str) -> None:
    """What a checkpoint might have written: the teacher's text with an error, without it, and twice next to nothing."""
    rows = []
    for example in store.rows(LONG_OUTPUTS, shard):
        texts = [section["text"] for section in example["sections"]]
        text = "\n\n".join(texts)
        answers = [f"{text} It costs 987 euros.", text, "Little is said here.", "Nothing is."]
        rows += [
            draft_row(example, sample, {"text": text, "tokens": 9, "finish": "stop"}, "tiny sft 1")
            for sample, text in enumerate(answers)
            if example["split"] == "preference"
        ]
    store.write_table(DRAFTS, shard, rows)


@pytest.fixture
def store(good_home: tuple[Path, str], tmp_path: Path) -> tuple[Store, str]:
    """A copy of the good shard that a test may break."""
    home, shard = good_home
    shutil.copytree(home, tmp_path / "home")
    return Store(tmp_path / "home"), shard


def failed(store: Store, name: str, shard: str) -> set[str]:
    return {rule for rule, outcome in check_shard(store, name, shard, rules_of(name)).items() if not outcome.passed}


@pytest.mark.parametrize("name", sharded_steps())
def test_what_the_factory_writes_passes_every_rule(good_home: tuple[Path, str], name: str) -> None:
    home, shard = good_home
    assert Store(home).read_table(name, shard).num_rows > 0
    assert failed(Store(home), name, shard) == set()


@pytest.mark.parametrize("name", sharded_steps())
def test_an_empty_table_over_empty_tables_passes(store: tuple[Store, str], name: str) -> None:
    tables, shard = store
    for table in sharded_steps()[: sharded_steps().index(name) + 1]:
        tables.write_table(table_named(table), shard, [], tables.identity(table, shard))
    assert failed(tables, name, shard) == set()


@pytest.mark.parametrize("name", sharded_steps())
def test_a_table_that_is_missing_fails_every_rule_and_still_has_a_report(store: tuple[Store, str], name: str) -> None:
    tables, shard = store
    tables.table_path(name, shard).unlink()
    assert failed(tables, name, shard) == {rule.name for rule in rules_of(name).rules}


@pytest.mark.parametrize(
    ("name", "mutate", "rules"), MUTATIONS, ids=[f"{name}-{number}" for number, (name, _, _) in enumerate(MUTATIONS)]
)
def test_a_broken_table_fails_exactly_the_rules_that_it_breaks_in_sentences_and_every_violation_says_why(
    store: tuple[Store, str], name: str, mutate: Any, rules: set[str]
) -> None:
    tables, shard = store
    table = tables.read_table(name, shard)
    tables.write_table(table_named(name), shard, mutate(table.to_pylist()), tables.identity(name, shard))
    outcomes = check_shard(tables, name, shard, rules_of(name))
    assert {rule for rule, outcome in outcomes.items() if not outcome.passed} == rules
    for rule in rules:
        assert len(outcomes[rule].description.split()) > 3, rule
        assert "expect_column" not in outcomes[rule].description
        assert all(each.id and each.why for each in outcomes[rule].found), rule
        assert outcomes[rule].found or rule in ("on_policy", "quarantine_share", "something_edited"), rule
    report = read_report(tables, name, shard)
    assert report is not None
    kept = {each["rule"]: [(found.id, found.why) for found in violations_of(each)] for each in report["outcomes"]}
    assert kept == {rule: [(each.id, each.why) for each in found.found] for rule, found in outcomes.items()}


@pytest.mark.parametrize(
    ("name", "mutate", "rule", "says"),
    [
        ("source_images", change(width=0), "sizes_sane", ", page 1 ("),
        ("source_images", change(image_sha256="ab" * 32), "images_stored", ", page 1 ("),
        ("long_outputs", lost_page, "pages_covered", ", page 2 ("),
        ("long_outputs", refusing, "no_refusals", ", page 1 ("),
        ("segments", change(words=0), "nothing_missing", ", page 1 ("),
        ("corrected_segments", change(words=0), "text_present", ", page 1 ("),
    ],
)
def test_a_violation_names_its_file_and_page(
    store: tuple[Store, str], name: str, mutate: Any, rule: str, says: str
) -> None:
    tables, shard = store
    rows = mutate(tables.read_table(name, shard).to_pylist())
    files = {row["document_id"]: row["source_path"] for row in tables.read_table("source_images", shard).to_pylist()}
    tables.write_table(table_named(name), shard, rows, tables.identity(name, shard))
    outcome = check_shard(tables, name, shard, rules_of(name))[rule]
    assert f"{files[rows[0]['document_id']]}{says}" in outcome.description


def shown(outcome: Outcome) -> list[Any]:
    """The rows of the table that the UI draws."""
    table = check_metadata("a", "s", outcome.rule, outcome.metadata, outcome.found)["violations"]
    assert isinstance(table, dg.TableMetadataValue)
    return list(table.records)


def test_a_report_names_all_that_breaks_a_rule_and_people_are_shown_ten(store: tuple[Store, str]) -> None:
    tables, shard = store
    row = tables.read_table("segments", shard).to_pylist()[0]
    ids = [f"{row['example_id']}-{number:03d}" for number in range(15)]
    broken = [{**row, "segment_id": name, "words": 0} for name in ids]
    tables.write_table(table_named("segments"), shard, broken, tables.identity("segments", shard))
    outcomes = check_shard(tables, "segments", shard, rules_of("segments"))
    assert len(shown(outcomes["nothing_missing"])) == 10  # by Great Expectations
    report = read_report(tables, "segments", shard)
    assert report is not None
    found = {outcome["rule"]: ids_named(outcome) for outcome in report["outcomes"]}
    assert found["nothing_missing"] == ids
    assert found["ids_unique"] == []
    page = tables.read_table("source_images", shard).to_pylist()[0]
    pages = [{**page, "page": number, "width": 0, "image_sha256": "ab" * 32} for number in range(1, 16)]
    tables.write_table(table_named("source_images"), shard, pages, tables.identity("source_images", shard))
    outcomes = check_shard(tables, "source_images", shard, rules_of("source_images"))
    named = {each["rule"]: ids_named(each) for each in pages_report(tables, shard)}
    for rule in ("sizes_sane", "images_stored"):  # by Great Expectations, and by a plain function
        assert len(shown(outcomes[rule])) == 10 < len(pages) == len(outcomes[rule].found)
        assert set(named[rule]) == {f"{page['document_id']} page {page['page']}" for page in pages}


def pages_report(store: Store, shard: str) -> list[OutcomeRecord]:
    report = read_report(store, "source_images", shard)
    assert report is not None
    return report["outcomes"]


SEARCHED = [name for name in sharded_steps() if "no_model_markup" in rules_of(name).plain]


def text_columns(name: str) -> list[tuple[str, str]]:
    """(column, field of its struct or list of structs, or nothing) of every text that a table has."""
    found = []
    for field in table_named(name).schema:
        item = field.type.value_type if pa.types.is_list(field.type) else field.type
        if pa.types.is_string(item):
            found.append((field.name, ""))
        if pa.types.is_struct(item):
            found += [(field.name, inner.name) for inner in item if pa.types.is_string(inner.type)]
    return found


def test_texts_are_seen_in_lists_and_in_structs() -> None:
    assert {("output", ""), ("images", ""), ("sections", "text")} <= set(text_columns("long_outputs"))


def test_every_table_that_a_model_writes_is_searched_for_its_thoughts() -> None:
    writers = {name for name in sharded_steps() if STEP_OF[name].roles or STEP_OF[name].student}
    assert writers - {*SEARCHED} == set()


@pytest.mark.parametrize("name", SEARCHED)
def test_a_thought_is_found_in_whatever_column_of_a_table_it_stands(store: tuple[Store, str], name: str) -> None:
    tables, shard = store
    table = tables.read_table(name, shard)
    columns = text_columns(name)
    assert columns
    for column, inner in columns:
        row = table.to_pylist()[0]
        if inner and pa.types.is_struct(table.schema.field(column).type):
            row[column] = {inner: THOUGHT}
        elif inner:
            row[column][-1][inner] = THOUGHT
        else:
            row[column] = [THOUGHT] if isinstance(row[column], list) else THOUGHT
        changed = pa.Table.from_pylist([row], schema=table.schema)
        outcome = no_model_markup(Context(tables, shard, changed))
        assert not outcome.passed and f"{column}.{inner}".strip(".") in outcome.found[0].why, column


def test_too_much_quarantine_stops_a_shard_and_a_little_only_warns(store: tuple[Store, str]) -> None:
    tables, shard = store
    rows = [
        {"item": f"mixed/{number}.png", "document_id": f"{number}", "example_id": "", "reason": "broken"}
        for number in range(5)
    ]
    write_quarantine(tables, "source_images", shard, rows[:1])
    assert failed(tables, "source_images", shard) == {"nothing_quarantined"}
    write_quarantine(tables, "source_images", shard, rows)
    assert failed(tables, "source_images", shard) == {"nothing_quarantined", "quarantine_share"}
    warned = check_shard(tables, "source_images", shard, rules_of("source_images"))["nothing_quarantined"]
    assert warned.description == "5 of 9 documents were set aside: broken, broken, broken and 2 more"


@pytest.mark.parametrize("name", sharded_steps())
def test_a_step_that_set_everything_aside_fails_for_that(store: tuple[Store, str], name: str) -> None:
    tables, shard = store
    rows = tables.read_table(name, shard).to_pylist()
    ids = {row.get("example_id") or row["document_id"]: row.get("document_id") for row in rows}
    aside = [
        {"item": "", "document_id": document or example, "example_id": example, "reason": "empty: nothing was answered"}
        for example, document in ids.items()
    ]
    write_quarantine(tables, name, shard, aside)
    tables.write_table(table_named(name), shard, [], tables.identity(name, shard))
    outcomes = check_shard(tables, name, shard, rules_of(name))
    assert not outcomes["quarantine_share"].passed
    assert "in quarantine, all `empty`: nothing was answered" in outcomes["quarantine_share"].description


def test_every_rule_is_mutated_at_least_once() -> None:
    covered = {(name, rule) for name, _, rules in MUTATIONS for rule in rules}
    elsewhere = {
        *((name, "quarantine_share") for name in sharded_steps()),
        ("source_images", "nothing_quarantined"),
        ("corrected_segments", "something_edited"),
        ("signals", "no_drift"),  # tests/signals/test_drift.py
    }
    assert {
        (name, rule.name) for name in sharded_steps() for rule in rules_of(name).rules
    } - covered - elsewhere == set()
