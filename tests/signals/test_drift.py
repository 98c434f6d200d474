"""A shard that is not like those before it is marked, and no other: whatever chance, size and documents there are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.quality.outcome import Context
from assets.signals.checks import no_drift
from assets.signals.drift import (
    NAMED,
    SIGNALS,
    Spread,
    Spreads,
    chi_squared,
    compare,
    drift_of_shards,
    independent,
    ks_distance,
    psi_of,
    spread_of,
    together,
)
from assets.signals.drift_tables import COLUMNS, spreads_of
from resources.identity import TableIdentity
from resources.recipe.model import Checks
from resources.store import Store

LIMITS = Checks()
SIZES = [(16, 8), (256, 4), (60, 5), (120, 1), (20, 6)]  # documents, pages of each


def segments(seed: int, documents: int, pages: int, words: float = 200, chinese: float = 0.3) -> dict[str, list[Any]]:
    """Columns of the signals of a shard: documents differ from each other, and their pages are alike."""
    draw, rows = np.random.default_rng(seed), documents * pages
    example = np.repeat(np.arange(documents), pages)
    language = np.where(draw.random(documents) < chinese, "zh", "en")[example]
    length = words * np.exp(draw.normal(0, 0.25, documents))[example] * np.exp(draw.normal(0, 0.2, rows))
    return {
        "example_id": [f"{seed}-{number}" for number in example],
        "words": np.rint(length).tolist(),
        "length_score": np.clip(100 - np.abs(draw.normal(0, 15, rows)), 0, 100).tolist(),
        "doubt": np.minimum(100, draw.poisson(8, rows) + np.where(draw.random(rows) < 0.1, 40, 0)).tolist(),
        "repeated_share": np.where(draw.random(rows) < 0.85, 0, draw.beta(1, 8, rows)).tolist(),
        "earlier_share": np.where(draw.random(rows) < 0.6, 0, draw.beta(1, 8, rows)).tolist(),
        "page_share": (draw.beta(4, 4, rows) * draw.uniform(0.8, 1, documents)[example]).tolist(),
        "edit_share": [None if number % 3 else float(number % 7) / 10 for number in example],
        "language": language.tolist(),
        "written_language": np.where(draw.random(rows) < 0.01, "en", language).tolist(),
    }


def spreads(seed: int, size: tuple[int, int], **shift: float) -> Spreads:
    return spreads_of(pa.table(segments(seed, *size, **shift)))


def marked(shards: Mapping[str, Spreads]) -> list[str]:
    return [shard for shard, found in drift_of_shards(shards, LIMITS).items() if found.verdict == "drifted"]


SHIFTS = [{"words": 90.0}, {"chinese": 1.0}, {"words": 90.0, "chinese": 1.0}]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("shift", SHIFTS, ids=["shorter", "another language", "both"])
def test_a_planted_shift_is_the_only_shard_of_21_that_is_marked(size: tuple[int, int], shift: dict[str, float]) -> None:
    for seed in range(3):
        clean = {f"decks-{number:03d}": spreads(1000 * seed + number, size) for number in range(1, 22)}
        planted = {**clean, "decks-015": spreads(1000 * seed + 500, size, **shift)}
        assert marked(planted) == ["decks-015"], seed
        assert marked(clean) == []


def test_what_is_said_names_the_signal_and_both_medians() -> None:
    shards = {"a-001": spreads(1, (60, 5)), "a-002": spreads(2, (60, 5), words=90, chinese=1.0)}
    found = {signal.signal: signal for signal in drift_of_shards(shards, LIMITS)["a-002"].drifted}
    assert {*found} == {"words", "language", "written_language"}
    assert found["words"].told().startswith("median ") and "(PSI " in found["words"].told()
    assert "100% `zh` after " in found["language"].told()


def test_under_100_rows_on_either_side_nothing_is_told() -> None:
    shards = {
        "a-001": spreads(1, (33, 3)),
        "a-002": spreads(2, (50, 2), words=20),
        "a-003": spreads(3, (33, 3), words=9),
    }
    found = drift_of_shards(shards, LIMITS)
    assert [each.verdict for each in found.values()] == ["too few", "too few", "too few"]
    assert [(each.rows, each.before) for each in found.values()] == [(99, 0), (100, 99), (99, 199)]


def test_a_collection_is_compared_with_itself_once_it_has_rows_enough_and_else_with_all() -> None:
    shards = {
        "decks-001": spreads(1, (60, 5)),
        "photos-001": spreads(2, (60, 5), words=600),
        "photos-002": spreads(3, (60, 5), words=600),
        "signs-001": spreads(4, (60, 5)),
    }
    assert marked(shards) == ["photos-001", "photos-002"]  # what has drifted is no measure for what follows
    assert marked({**shards, "decks-001": spreads(1, (9, 5))}) == ["signs-001"]


@given(st.lists(st.integers(0, 50), min_size=2, max_size=12), st.lists(st.integers(0, 50), min_size=2, max_size=12))
def test_psi_and_ks_are_0_of_equal_sides_symmetric_and_never_negative(some: list[int], others: list[int]) -> None:
    size = min(len(some), len(others))
    now, then = np.array(some[:size], float) + 1, np.array(others[:size], float) + 1
    assert psi_of(now, now) == pytest.approx(0) and ks_distance(now, now) == 0
    assert psi_of(now, then) == pytest.approx(psi_of(then, now)) and psi_of(now, then) >= 0
    assert ks_distance(now, then) == pytest.approx(ks_distance(then, now)) and ks_distance(now, then) <= 1


def test_ks_and_the_quantile_of_chi_squared_are_those_of_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    draw = np.random.default_rng(5)
    some, others = draw.integers(0, 60, 400), draw.integers(5, 70, 300)
    counts = [np.bincount(side, minlength=70).astype(float) for side in (some, others)]
    assert ks_distance(*counts) == pytest.approx(stats.ks_2samp(some, others).statistic)
    for freedom in (1, 2, 5, 9):
        assert 1 <= chi_squared(freedom) / stats.chi2.isf(1e-5, freedom) < 1.12  # never under


@settings(max_examples=30)
@given(st.integers(2, 40), st.integers(1, 12), st.integers(0, 1000))
def test_pages_of_one_document_are_worth_no_more_than_they_differ(documents: int, pages: int, seed: int) -> None:
    examples = np.repeat(np.arange(documents), pages)
    alike = np.random.default_rng(seed).normal(0, 1, documents)[examples]
    assert independent(alike, examples) == pytest.approx(documents)
    unlike = np.random.default_rng(seed).normal(0, 1, documents * pages)
    assert 1 <= independent(unlike, examples) <= documents * pages + 1e-9


def test_shards_taken_together_are_what_they_are_as_one() -> None:
    parts = [spreads(seed, (20, 5)) for seed in (1, 2)]
    both = pa.concat_tables([pa.table(segments(seed, 20, 5)) for seed in (1, 2)])
    for signal in SIGNALS:
        one = together(*parts).by_signal[signal]
        assert one.counts == spreads_of(both).by_signal[signal].counts


def test_a_signal_that_no_segment_has_is_not_compared() -> None:
    nothing = spread_of("edit_share", np.array([], float), np.array([], int))
    assert nothing == Spread() and nothing.total == 0
    table = pa.table({**segments(1, 60, 5), "edit_share": pa.nulls(300, pa.float32())})
    found = drift_of_shards({"a-001": spreads_of(table), "a-002": spreads(2, (60, 5))}, LIMITS)["a-002"]
    assert "edit_share" not in {signal.signal for signal in found.signals}


@pytest.mark.parametrize("signal", NAMED)
def test_a_name_that_was_never_there_before_is_no_error(signal: str) -> None:
    examples = np.arange(300)
    then = spread_of(signal, np.array(["en"] * 300), examples)
    assert compare(signal, spread_of(signal, np.array(["zh"] * 300), examples), then, LIMITS).drifted
    assert not compare(signal, spread_of(signal, np.array(["zh"] + ["en"] * 299), examples), then, LIMITS).drifted


def test_the_check_warns_of_the_drifted_shard_and_reads_its_limits_from_its_table(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for name, seed, words in (("a-001", 1, 200), ("a-002", 2, 90), ("a-003", 3, 200)):
        path = store.table_path("signals", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        table = pa.table(segments(seed, 60, 5, words=words))
        pq.write_table(table.select(COLUMNS), path)
    (store.table_path("signals", "a-000")).write_bytes(b"damaged")

    def outcome(shard: str, **limits: float) -> Any:
        identity = TableIdentity(1, recipe={f"checks.{name}": value for name, value in limits.items()})
        return no_drift(Context(store, shard, store.read_table("signals", shard), identity))

    assert outcome("a-001").passed and "too few" in outcome("a-001").description
    found = outcome("a-002")
    assert not found.passed and [each.id for each in found.found] == ["words"]
    assert found.metadata["rows_before"] == 300
    assert outcome("a-003").passed and outcome("a-003").metadata["rows_before"] == 300  # without a-002
    assert outcome("a-002", drift_ks=1.0).passed
