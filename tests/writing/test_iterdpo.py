"""Pairs follow from the edits alone: which ones there are, what they hold, what they weigh."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.preference_pairs.iterdpo import cumulative_pairs, shared_prefix_pairs


def document(edits: list[bool], kind: str = "deck") -> tuple[dict, list[str], list[dict]]:
    output = {"example_id": "e", "document_id": "d", "kind": kind, "request": "Write.",
              "images": [f"image{i}" for i in range(len(edits))]}
    original = [f"original {i}" for i in range(len(edits))]
    corrected = [{"text": f"corrected {i}" if edit else text, "edited": edit, "corrector": "critic"}
                 for i, (edit, text) in enumerate(zip(edits, original, strict=True))]
    return output, original, corrected


@given(st.lists(st.booleans(), min_size=1, max_size=30))
def test_a_deck_gives_one_cumulative_pair_per_page_from_its_first_edit_on(edits: list[bool]) -> None:
    pairs = cumulative_pairs(*document(edits))
    first = edits.index(True) if True in edits else len(edits)
    assert [pair["upto"] for pair in pairs] == list(range(first + 1, len(edits) + 1))
    assert all(pair["chosen"] != pair["rejected"] for pair in pairs)
    assert all(len(pair["images"]) == pair["upto"] and pair["closes"] and not pair["prefix"] for pair in pairs)
    assert sum(pair["weight"] for pair in pairs) == pytest.approx(1.0 if pairs else 0.0)


@given(st.lists(st.booleans(), min_size=1, max_size=30))
def test_there_is_one_shared_prefix_pair_per_edit_and_its_prefix_is_corrected(edits: list[bool]) -> None:
    output, original, corrected = document(edits)
    pairs = shared_prefix_pairs(output, original, corrected)
    assert [pair["upto"] - 1 for pair in pairs] == [i for i, edit in enumerate(edits) if edit]
    for pair in pairs:
        i = pair["upto"] - 1
        assert (pair["chosen"], pair["rejected"]) == (f"corrected {i}", f"original {i}")
        assert pair["prefix"] == "\n\n".join(row["text"] for row in corrected[:i])
        assert pair["closes"] == (i == len(edits) - 1)
        assert pair["images"] == output["images"]


def test_a_text_about_one_image_keeps_its_image_and_ends_only_with_its_last_section() -> None:
    output, original, corrected = document([True, False, True], kind="single")
    output["images"] = ["image0"]
    pairs = cumulative_pairs(output, original, corrected)
    assert [pair["closes"] for pair in pairs] == [False, False, True]
    assert all(pair["images"] == ["image0"] for pair in pairs)


def test_a_page_that_was_not_written_gives_no_shared_prefix_pair_but_counts_cumulatively() -> None:
    output, original, corrected = document([False, True])
    original[1] = ""
    assert shared_prefix_pairs(output, original, corrected) == []
    assert [pair["rejected"] for pair in cumulative_pairs(output, original, corrected)] == ["original 0"]
