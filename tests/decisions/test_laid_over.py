"""Decisions laid over a critic's rows: what the table's rules ask for holds whatever was decided; all can be undone."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.corrected_segments.laid_over import critics_row, lay_over, segments_seen
from assets.corrected_segments.schema import ERRORS, CorrectedSegment
from assets.sft_dataset.decided_outputs import DecidedOutputs
from assets.sft_dataset.keep import missing_pages
from resources.decisions.decision import Decision, text_hash
from resources.store import Store
from resources.text.words import count_words
from testing.rows import written

TEXTS = st.sampled_from(["The river is long.", "The river is short.", "It ends here."])


@st.composite
def critics(draw: st.DrawFn) -> CorrectedSegment:
    original, text = draw(TEXTS | st.just("")), draw(TEXTS)
    return {
        "segment_id": "e-000",
        "example_id": "e",
        "document_id": "d",
        "index": 0,
        "page": 1,
        "original": original,
        "text": text,
        "words": count_words(text),
        "edited": text != original,
        "errors": ["factual"] if text != original else [],
        "reason": "",
        "corrector": "critic-1",
        "call_id": "c",
        "decision_id": None,
        "critic": None,
    }


@given(
    critics(),
    st.sampled_from(["corrected", "fine", "drop", "withdrawn"]),
    TEXTS,
    st.lists(st.sampled_from(ERRORS), min_size=1, unique=True),
    st.booleans(),
)
def test_whatever_is_decided_the_row_keeps_the_rules_of_its_table_and_can_be_taken_back(
    row: CorrectedSegment, verdict: str, text: str, errors: list[str], stale: bool
) -> None:
    (seen,) = segments_seen([row]).values()
    decision = Decision(
        "anna",
        1.0,
        "segment",
        "e-000",
        "0" * 64 if stale else seen,
        verdict,
        text,
        tuple(errors),  # type: ignore[arg-type]
    )
    ((laid,), contested, behind) = lay_over([row], [decision], 0.9)
    assert laid["text"] and laid["words"] == count_words(laid["text"])
    assert laid["edited"] == (laid["text"] != row["original"]) == bool(laid["errors"])
    assert critics_row(laid) == row
    assert lay_over([laid], [decision], 0.9).rows == [laid]  # over a table as over the critic's own rows
    assert lay_over([laid], [decision, replace(decision, at=2.0, verdict="withdrawn")], 0.9).rows == [row]
    changed = (laid["text"], laid["errors"]) != (row["text"], row["errors"])
    assert (laid["decision_id"] == decision.decision_id) == changed == (laid["corrector"] == "critic-1 and a person")
    assert (contested, behind) == (0, int(stale and verdict != "withdrawn"))


PAGES = ["## Slide 1\n\nOne.", "## Slide 2\n\nTwo.", ""]


@pytest.mark.parametrize(("page", "others"), [(1, [PAGES[1]]), (2, [PAGES[0]]), (3, PAGES[:2])])
def test_a_corrected_page_of_an_sft_deck_stands_in_its_place_also_where_it_was_not_written(
    page: int, others: list[str], tmp_path: object
) -> None:
    text = f"## Slide {page}\n\nA person wrote it."
    row = written("e", "\n\n".join(PAGES[:2]), ["a", "b", "c"], kind="deck")
    row["sections"] = [
        {**row["sections"][0], "text": PAGES[number], "pages": [number + 1], "index": number} for number in range(2)
    ]
    seen = text_hash(PAGES[page - 1])
    decision = Decision("anna", 1.0, "segment", f"e-{page - 1:03d}", seen, "corrected", text, ("factual",))
    outputs = DecidedOutputs(Store(tmp_path), [decision], 0.9)  # type: ignore[arg-type]
    found = outputs.decided(row)
    assert found["output"] == "\n\n".join(filter(None, [*PAGES[: page - 1], text, *PAGES[page:]]))
    assert all(other in found["output"] for other in others)
    assert found["words"] == count_words(found["output"]) and found["author"] == "model and a person"
    assert missing_pages(found) == ([] if page == 3 else [3])
    another = {**row, "output": "\n\n".join(f"## Slide {number}\n\nAnother." for number in (1, 2, 3))}
    assert outputs.decided(another) == another  # type: ignore[arg-type]
