"""Where a page's text begins in an answer, which is where the interleaved layout puts its image."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from assets.preference_dataset.starts import PageStarts, page_starts
from resources.table import Table
from resources.text.headings import SEPARATOR


@given(st.lists(st.text("ab\n", max_size=5), min_size=1, max_size=6))
def test_each_text_stands_at_its_start(texts: list[str]) -> None:
    joined = SEPARATOR.join(text for text in texts if text)
    starts = page_starts(texts)
    assert starts == sorted(starts)
    assert all(joined[start : start + len(text)] == text for start, text in zip(starts, texts, strict=True))


class Tables:
    """A store with one deck of three pages, the second of which the checkpoint did not write."""

    def rows(self, table: Table[Any], shard: str) -> list[dict[str, Any]]:
        corrected = [
            {"example_id": "deck", "original": original, "text": text}
            for original, text in (("one", "one"), ("", "two"), ("three", "THREE"))
        ]
        return {
            "long_outputs": [{"example_id": "deck", "kind": "deck"}, {"example_id": "photo", "kind": "single"}],
            "corrected_segments": corrected,
        }[table.name]


def test_starts_are_those_of_the_prefix_and_the_answer_together() -> None:
    starts = PageStarts(Tables(), "shard")  # type: ignore[arg-type]
    assert starts.of({"example_id": "deck", "kind": "cumulative", "upto": 3}) == ([0, 5, 10], [0, 5, 5])
    assert starts.of({"example_id": "deck", "kind": "shared_prefix", "upto": 3}) == ([0, 5, 10], [0, 5, 10])
    nothing: tuple[list[int], list[int]] = ([], [])
    assert starts.of({"example_id": "deck", "kind": "whole", "upto": 3}) == nothing
    assert starts.of({"example_id": "photo", "kind": "cumulative", "upto": 1}) == nothing
