"""A decision from outside is not believed: each fault is one sentence, and what is left can be laid over a shard."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.corrected_segments.schema import ERRORS
from resources.decisions.decision import Shown
from resources.decisions.decision_faults import DecisionError, decision_of, fault

DECK = Shown("## 第3页\n\n河水很长。", "## 第3页\n\n河水不长。", page=3, language="zh")
SECTION = Shown("## Rivers\n\nThey are long.", "## Rivers\n\nThey are long.")
LINE: dict[str, Any] = {
    "target": "e-002",
    "who": "anna",
    "seen": DECK.seen,
    "verdict": "corrected",
    "text": "## 第3页\n\n河水很短。",
    "errors": ["factual"],
}


def faults(line: dict[str, Any], shown: Shown | None = DECK) -> str:
    try:
        return fault(decision_of(line, time.time()), shown, ERRORS)
    except DecisionError as error:
        return str(error)


def test_a_sound_decision_is_taken_as_it_is() -> None:
    assert faults(LINE) == ""
    assert faults({**LINE, "verdict": "fine"}) == ""
    assert faults({**LINE, "verdict": "drop", "kind": "document"}) == ""
    taken = decision_of({**LINE, "text": " a\r\nb\x00 ", "at": 5}, 9.0)
    assert (taken.text, taken.at, taken.kind) == ("a\nb\ufffd", 5.0, "segment")
    assert decision_of({**LINE, "verdict": "fine"}, 9.0).text == ""  # only a correction has a text


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"text": "河水很短。"}, "the page lost its heading: the corrected text begins with `## 第3页`"),
        ({"text": "## 第4页\n\n河水很短。"}, "the page lost its heading"),
        ({"text": "短。\n\n## 第3页"}, "begins with the heading of its page"),
        ({"text": "## 第3页\n\n短。\n\n## Slide 4\n\nNo."}, "has that of no other"),
        ({"text": ""}, "is empty"),
        ({"text": " \n\t "}, "is empty"),
        ({"text": "## 第3页\n\n" + "word " * 40_000}, "has 40,002 words, and a segment has at most 8,000"),
        ({"text": "x" * 3_000_000}, "`text` has 3,000,000 characters"),
        ({"text": DECK.original}, "is the original, and kinds of error (factual) without an edit"),
        ({"text": DECK.original, "errors": []}, "is the original: the verdict for that is `fine`"),
        ({"errors": []}, "an edit names the kinds of error"),
        ({"errors": None}, "an edit names the kinds of error"),
        ({"errors": ["boring"]}, "`boring` is no kind of error"),
        ({"errors": "factual"}, "`errors` is a list"),
        ({"errors": [["factual"]]}, "`errors` is a list"),
        ({"text": "## 第3页\n\n<think>short?</think>河水很短。"}, "a mark of a model's template or thoughts"),
        ({"text": 3}, "`text` is a text"),
        ({"verdict": "good"}, "`good` is no verdict"),
        ({"verdict": ["fine"]}, "is no verdict"),
        ({"verdict": None}, "is no verdict"),
        ({"kind": "world"}, "`world` is no kind of target"),
        ({"kind": "document"}, "only a segment can be corrected, not a whole document"),
        ({"who": " "}, "`who` is the name"),
        ({"who": "a\nb"}, "`who` is the name"),
        ({"who": "x" * 100}, "`who` is the name"),
        ({"target": "a\u2028b\x1dc", "errors": []}, "names the kinds of error"),
        ({"target": ""}, "`target` is the id"),
        ({"seen": "abc"}, "`seen` is the hash"),
        ({"at": float("nan")}, "`at` is a number"),
        ({"at": 10**400}, "`at` is a number"),
        ({"at": True}, "`at` is a number"),
        ({"at": -1}, "`at` is a number of seconds"),
        ({"at": 3e10}, "`at` is in the future"),
        ({"seconds": "long"}, "`seconds` is a number"),
        ({"reason": "x" * 5000}, "`reason` has 5,000 characters"),
    ],
)
def test_each_fault_is_named_in_one_sentence(change: dict[str, Any], says: str) -> None:
    found = faults({**LINE, **change})
    assert says in found
    assert found.endswith(".") and len(found.splitlines()) == 1


def test_of_a_target_that_is_gone_held_out_or_was_never_written_there_is_a_sentence_too() -> None:
    assert "no table has this segment: it is gone" in faults(LINE, None)
    assert "held out" in faults(LINE, Shown("a", "a", held_out=True))
    missing = Shown("## 第3页\n\n河水很长。", "", page=3, language="zh")
    assert "was not written" in faults({**LINE, "verdict": "fine", "seen": missing.seen}, missing)
    assert faults({**LINE, "seen": missing.seen}, missing) == ""


def test_a_section_keeps_the_headings_that_it_is_cut_at() -> None:
    line = {**LINE, "seen": SECTION.seen}
    assert faults({**line, "text": "## Streams\n\nThey are short."}, SECTION) == ""
    for text in ("They are short.", "## Rivers\n\nThey.\n\n## More\n\nEnd.", "Well.\n\n## Rivers"):
        assert "keeps its `## ` headings" in faults({**line, "text": text}, SECTION)


def test_a_correction_of_a_text_that_changed_since_is_taken_but_held_to_all_that_does_not_depend_on_it() -> None:
    stale = {**LINE, "seen": "0" * 64}
    assert faults(stale) == ""
    assert "lost its heading" in faults({**stale, "text": "河水很短。"})


@given(
    st.dictionaries(
        st.sampled_from([*LINE, "at", "seconds", "reason", "kind"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=90) | st.lists(st.text(max_size=9)),
    )
)
def test_whatever_a_line_holds_it_is_a_decision_or_a_sentence(change: dict[str, Any]) -> None:
    assert len(faults({**LINE, **change}).splitlines()) <= 1
