"""A filter's words name just the segments that they say, the most doubtful first, and each wrong word is a sentence."""

from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.signals.schema import SIGNALS, Signal
from lwv_dagster.annotate.choosing import NAMES, ChoiceError, Found, choice_of, chosen


def row(name: str, **values: Any) -> Signal:
    blank: dict[str, Any] = dict.fromkeys(SIGNALS.schema.names)
    lists: dict[str, Any] = {"rules": [], "errors": [], "parts": [], "template": "", "doubt": 0}
    return cast(Signal, blank | lists | {"segment_id": name} | values)


ROWS = [
    Found(
        "a-001",
        row("e-000", doubt=5, kind="deck", language="zh", split="sft", author="m", rules=["segments.placeholders"]),
    ),
    Found(
        "a-001",
        row("e-001", doubt=50, kind="deck", language="en", split="sft", template="write@1f3a", errors=["factual"]),
    ),
    Found(
        "b-001", row("f-000", doubt=50, kind="single", language="en", split="preference", parts=[{"part": "numbers"}])
    ),
]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("", "e-001 f-000 e-000"),
        ("most=2", "e-001 f-000"),
        ("shard=a-001", "e-001 e-000"),
        ("shard=a-001,b-001", "e-001 f-000 e-000"),
        ("shard=a-001 shard=b-001 kind=single", "f-000"),
        ("rule=placeholders", "e-000"),
        ("rule=segments.placeholders", "e-000"),
        ("rule=segments", ""),
        ("error=factual", "e-001"),
        ("language=zh", "e-000"),
        ("split=preference", "f-000"),
        ("model=m", "e-000"),
        ("prompt=write", "e-001"),
        ("part=numbers", "f-000"),
        ("decided=yes", "f-000"),
        ("decided=no", "e-001 e-000"),
        ("decided=yes,no", "e-001 f-000 e-000"),
        ("decided=contested", "e-000"),
        ("decided=yes,contested", "f-000 e-000"),
        ("decided=stale", ""),
        ("kind=deck language=en", "e-001"),
    ],
)
def test_a_filter_names_just_what_it_says_the_most_doubtful_first(words: str, names: str) -> None:
    found = chosen(ROWS, choice_of(words.split()), {"f-000": "decided", "e-000": "contested"})
    assert " ".join(each.row["segment_id"] for each in found) == names


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("shard", "`shard` is no part of a filter: shard=, rule="),
        ("shard=", "is no part of a filter"),
        ("page=3", "is no part of a filter"),
        ("kind=slide", "`slide` is no value of `kind`: single, multi, deck are."),
        ("error=boring", "`boring` is no value of `error`"),
        ("decided=maybe", "yes, no, contested, stale are"),
        ("most=0", "whole number"),
        ("most=-1", "whole number"),
        ("most=²", "whole number"),
        ("most=" + "9" * 5000, "whole number"),
    ],
)
def test_a_word_that_means_nothing_is_told_in_one_sentence(word: str, says: str) -> None:
    with pytest.raises(ChoiceError) as found:
        choice_of([word])
    assert says in str(found.value) and len(str(found.value).splitlines()) == 1 and len(str(found.value)) < 300


@settings(deadline=None)
@given(
    st.lists(st.one_of(st.text(max_size=20), st.builds("{}={}".format, st.sampled_from(NAMES), st.text(max_size=9))))
)
def test_whatever_is_typed_is_a_filter_or_a_sentence(words: list[str]) -> None:
    says = ""
    try:
        assert len(chosen(ROWS, choice_of(words), {})) <= len(ROWS)
    except ChoiceError as error:
        says = str(error)
    assert len(says.splitlines()) <= 1
