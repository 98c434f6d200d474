"""Rows are found by an id as by looking through the whole table, whatever groups it is stored in."""

from pathlib import Path

import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assets.segments.schema import SEGMENTS, Segment
from resources.store import GROUP_BYTES, Store

IDS = st.sampled_from(["a", "b", "c", "d-000", ""])


def row(name: str, number: int, text: str = "x") -> Segment:
    return {
        "segment_id": f"{name}-{number:03d}",
        "example_id": name,
        "document_id": name,
        "split": "sft",
        "index": number,
        "page": None,
        "text": text,
        "words": 1,
        "author": "m",
        "drafted_by": "teacher",
    }


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(st.lists(IDS, max_size=40), st.lists(IDS, max_size=3), st.integers(1, 9))
def test_rows_are_found_as_by_looking_through_all(
    tmp_path: Path, names: list[str], wanted: list[str], group: int
) -> None:
    store, rows = Store(tmp_path), [row(name, number) for number, name in enumerate(names)]
    store.write_table(SEGMENTS, "s-001", rows)
    path = store.table_path("segments", "s-001")
    pq.write_table(pq.read_table(path), path, row_group_size=group)
    found = list(store.rows_where(SEGMENTS, "s-001", "example_id", wanted))
    assert found == [each for each in store.rows(SEGMENTS, "s-001") if each["example_id"] in wanted]
    some = list(store.rows_where(SEGMENTS, "s-001", "example_id", wanted, ["index"]))
    assert some == [{"index": each["index"]} for each in found]


def test_small_rows_are_stored_together_and_large_ones_in_bounded_groups(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write_table(SEGMENTS, "small-001", (row("a", number) for number in range(4096)))
    store.write_table(SEGMENTS, "large-001", (row("a", number, "x" * 20_000) for number in range(2048)))
    store.write_table(SEGMENTS, "empty-001", [])
    small, large, empty = (
        pq.read_metadata(store.table_path("segments", f"{name}-001")) for name in ("small", "large", "empty")
    )
    assert (small.num_rows, small.num_row_groups) == (4096, 1)
    assert large.num_rows == 2048
    sizes = [large.row_group(number).total_byte_size for number in range(large.num_row_groups)]
    assert len(sizes) > 2
    assert all(large.row_group(number).num_rows * 20_000 < 2 * GROUP_BYTES for number in range(large.num_row_groups))
    assert empty.num_rows == 0
