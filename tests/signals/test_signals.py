"""The signals of a shard: what is wrong comes first, says why, costs no call and little time."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assets.corrected_segments.laid_over import decided_row
from assets.corrected_segments.schema import CORRECTED_SEGMENTS
from assets.partitions import SHARDS
from assets.quality.asset_checks import check_shard
from assets.quality.outcome import Outcome, Rule, Violation
from assets.quality.report import write_report
from assets.signals.checks import CHECKS
from assets.signals.schema import SIGNALS
from assets.source_images.schema import SOURCE_IMAGES
from resources.decisions.decision import Decision
from resources.ledger import Ledger
from resources.store import Store
from resources.text.headings import without_heading
from testing.signal_shard import PAGES, lines_of, make_signal_shard
from tests.conftest import Factory

SHARD = "talks-001"
Row = dict[str, Any]


def made(factory: Factory, documents: int, language: str = "en", **plants: Any) -> dict[tuple[int, int], Row]:
    """(document, page) -> its row, as the asset writes it."""
    factory.instance.add_dynamic_partitions(str(SHARDS.name), [SHARD])
    make_signal_shard(factory.store, SHARD, documents, language, **plants)
    assert factory.run("shard_job", SHARD, ["signals"]).success
    rows = list(factory.store.rows(SIGNALS, SHARD))
    assert len(rows) == documents * PAGES
    return {(number // PAGES, number % PAGES + 1): dict(row) for number, row in enumerate(rows)}


def wrong_number(document: int, page: int, language: str) -> Callable[[str], str]:
    """The number of the page's second line, which the segment tells, with one digit more."""
    (number,) = re.findall(r"\d+", lines_of(document, page, language)[1])
    return lambda text: text.replace(number, f"7{number}", 1)


def looped(text: str) -> str:
    head, _, rest = text.partition("\n\n")
    paragraph, _, after = rest.partition("\n\n")
    return f"{head}\n\n" + "\n\n".join([paragraph] * 4) + f"\n\n{after}"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_wrong_number_a_dropped_heading_and_a_loop_come_first_among_plausible_segments(
    factory: Factory, language: str
) -> None:
    rows = made(
        factory,
        12,
        language,
        change={(2, 5): wrong_number(2, 5, language), (4, 9): looped},
        corrected={(7, 3): without_heading},
    )
    worst = sorted(rows, key=lambda place: -rows[place]["doubt"])
    why = {place: rows[place]["parts"][0]["part"] for place in worst[:3]}
    assert why == {(2, 5): "numbers", (4, 9): "repetition", (7, 3): "heading"}
    assert min(rows[place]["doubt"] for place in worst[:3]) > 1.5 * rows[worst[3]]["doubt"]
    assert rows[2, 5]["numbers_off"] and rows[7, 3]["heading_lost"] and rows[4, 9]["loops"]
    assert rows[2, 5]["parts"][0]["why"] == f"not on its page: {rows[2, 5]['numbers_off'][0]}"


def test_every_part_is_told_with_its_points_and_the_checks_pass(factory: Factory) -> None:
    rows = made(factory, 4)
    assert {place: row["doubt"] for place, row in rows.items()} == {
        place: min(100, sum(part["points"] for part in row["parts"])) for place, row in rows.items()
    }
    assert all(outcome.passed for outcome in check_shard(factory.store, "signals", SHARD, CHECKS).values())


def test_tokens_and_cost_are_those_of_the_calls_that_wrote_and_corrected_a_segment(factory: Factory) -> None:
    rows = made(factory, 2)
    written, corrected = rows[0, 1], rows[1, 1]
    assert (written["tokens"], written["cost_usd"], written["edited"]) == (1000, 0.01, None)
    assert (corrected["tokens"], corrected["cost_usd"], corrected["edited"]) == (2000, 0.02, False)
    assert written["template"] == "write-1"


def test_what_the_critic_changed_is_counted_in_tokens(factory: Factory) -> None:
    rows = made(factory, 2, corrected={(1, 2): lambda text: f"{text} Three more words."})
    row = rows[1, 2]
    assert (row["edit_distance"], row["edited"], row["errors"]) == (3, True, ["incoherent"])
    assert 0 < row["edit_share"] < 0.05
    assert (rows[1, 3]["edit_distance"], rows[0, 2]["edit_distance"]) == (0, None)


def test_what_a_person_wrote_is_measured_and_is_no_edit_of_the_critic(factory: Factory) -> None:
    critics = made(factory, 2, corrected={(1, 2): lambda text: f"{text} Three more words."})[1, 2]
    rows = list(factory.store.rows(CORRECTED_SEGMENTS, SHARD))
    place = next(at for at, row in enumerate(rows) if row["segment_id"] == critics["segment_id"])
    text = f"{rows[place]['original']} A person wrote a whole sentence here."
    decision = Decision("ann", 0.0, "segment", critics["segment_id"], "", "corrected", text, ("factual",))
    rows[place] = decided_row(rows[place], decision)
    factory.store.write_table(CORRECTED_SEGMENTS, SHARD, rows)
    assert factory.run("shard_job", SHARD, ["signals"]).success
    row = next(row for row in factory.store.rows(SIGNALS, SHARD) if row["segment_id"] == critics["segment_id"])
    assert row["words"] == critics["words"] + 4  # seven words in place of three
    assert [row[name] for name in ("edit_distance", "edited", "errors")] == [3, True, ["incoherent"]]


def test_a_heading_alone_is_nothing_written(factory: Factory) -> None:
    rows = made(factory, 2, change={(0, 4): lambda text: text.partition("\n")[0]})
    assert {part["part"]: part["points"] for part in rows[0, 4]["parts"]} == {"empty": 80}
    assert (rows[0, 4]["doubt"], rows[0, 4]["heading_lost"], rows[0, 4]["length_score"]) == (80, False, None)


def test_a_page_that_was_left_out_is_empty_and_its_neighbours_are_not(factory: Factory) -> None:
    rows = made(factory, 2, change={(0, 4): lambda _: ""})
    assert rows[0, 4]["parts"][0]["part"] == "empty" and rows[0, 4]["headings"] == 0
    assert max(rows[0, page]["doubt"] for page in (3, 5)) < 20


def test_without_ledger_rows_the_cost_is_unknown_and_not_nothing(factory: Factory) -> None:
    factory.instance.add_dynamic_partitions(str(SHARDS.name), [SHARD])
    make_signal_shard(factory.store, SHARD, 1)
    (factory.home / "calls.db").unlink()
    assert factory.run("shard_job", SHARD, ["signals"]).success
    assert {row["cost_usd"] for row in factory.store.rows(SIGNALS, SHARD)} == {None}


def fail(store: Store, asset: str, rule: str, named: list[str]) -> None:
    """A report in which one rule failed."""
    outcome = Outcome(rule, False, {}, "", [Violation(name, "why") for name in named])
    write_report(store, asset, SHARD, [Rule(rule, "", blocking=False)], [outcome], 0, 0)


def test_the_rules_that_failed_name_segments_pages_and_examples_also_beyond_the_ten_that_are_shown(
    factory: Factory,
) -> None:
    rows = made(factory, 2)
    ids = [row["segment_id"] for row in rows.values()]
    document = rows[0, 1]["document_id"]
    fail(factory.store, "segments", "nothing_missing", ids[:12])
    fail(factory.store, "source_images", "pages_differ", [f"{document} page 3"])
    fail(factory.store, "long_outputs", "length_near", [rows[1, 1]["example_id"]])
    assert factory.run("shard_job", SHARD, ["signals"]).success
    found = [(row["rules"], row["parts"]) for row in factory.store.rows(SIGNALS, SHARD)]
    assert [rules for rules, _ in found[:4]] == [
        ["segments.nothing_missing"],
        ["segments.nothing_missing"],
        ["segments.nothing_missing", "source_images.pages_differ"],
        ["segments.nothing_missing"],
    ]
    assert found[11][0] == ["segments.nothing_missing"] and found[12][0] == []
    assert all(rules == ["long_outputs.length_near"] for rules, _ in found[PAGES:])
    assert {part["points"] for part in found[2][1] if part["part"] == "rules"} == {5}  # not of the page's rule


def test_a_report_of_another_table_names_nobody(factory: Factory) -> None:
    rows = made(factory, 2)
    fail(factory.store, "segments", "nothing_missing", [rows[0, 1]["segment_id"]])
    pages = list(factory.store.rows(SOURCE_IMAGES, SHARD))
    fail(factory.store, "source_images", "pages_differ", [f"{rows[0, 1]['document_id']} page 1"])
    factory.store.write_table(SOURCE_IMAGES, SHARD, pages[::-1])
    assert factory.run("shard_job", SHARD, ["signals"]).success
    first = next(iter(factory.store.rows(SIGNALS, SHARD)))
    assert first["rules"] == ["segments.nothing_missing"]


def test_signals_ask_no_model_and_are_the_same_in_each_run(factory: Factory) -> None:
    made(factory, 2)
    before = factory.store.content("signals", SHARD)
    calls = calls_in(factory.home)
    assert factory.run("shard_job", SHARD, ["signals"]).success
    assert factory.store.content("signals", SHARD) == before
    assert calls_in(factory.home) == calls > 0


def calls_in(home: Path) -> int:
    ledger = Ledger.at(home)
    try:
        return sum(row.calls for row in ledger.usage())
    finally:
        ledger.close()


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_shard_of_256_documents_takes_less_than_20_seconds_of_one_core(factory: Factory, language: str) -> None:
    factory.instance.add_dynamic_partitions(str(SHARDS.name), [SHARD])
    make_signal_shard(factory.store, SHARD, 256, language)
    start = time.process_time()
    assert factory.run("shard_job", SHARD, ["signals"]).success
    took = time.process_time() - start
    print(f"signals of 256 documents ({language}): {took:.1f} s of one core")
    assert took < 20
    assert factory.store.read_table("signals", SHARD).num_rows == 256 * PAGES
