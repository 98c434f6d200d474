"""The word diff keeps both texts whole, marks what differs and no more, and ends in bounded time."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lwv_dagster.look.word_diff import MOST_TOKENS, Run, word_diff
from testing.rows import chinese, english

TEXTS = st.text(alphabet="ab 的桥\n.一", max_size=60)


def old(runs: list[Run]) -> str:
    return "".join(run.text for run in runs if run.op != "new")


def new(runs: list[Run]) -> str:
    return "".join(run.text for run in runs if run.op != "gone")


@given(TEXTS | st.text(max_size=40), TEXTS | st.text(max_size=40))
def test_both_texts_can_be_read_out_of_it(one: str, other: str) -> None:
    runs = word_diff(one, other)
    assert (old(runs), new(runs)) == (one, other)


@given(TEXTS, TEXTS)
def test_no_two_neighbouring_runs_are_of_one_kind_and_none_is_empty(one: str, other: str) -> None:
    runs = word_diff(one, other)
    assert all(run.text for run in runs)
    assert all((left.op, right.op) not in (("same", "same"), ("new", "gone")) for left, right in pairwise(runs))
    assert all(left.op != right.op for left, right in pairwise(runs))


@given(TEXTS)
def test_a_text_differs_in_nothing_from_itself(text: str) -> None:
    assert word_diff(text, text) == ([Run("same", text)] if text else [])


def test_english_is_compared_by_words_and_chinese_by_characters() -> None:
    assert word_diff("The cat sat on the mat.", "The dog sat on the mat.") == [
        Run("same", "The "),
        Run("gone", "cat "),
        Run("new", "dog "),
        Run("same", "sat on the mat."),
    ]
    assert word_diff("今天我们来看里斯本的桥。", "今天大家来看里斯本的桥梁。") == [
        Run("same", "今天"),
        Run("gone", "我们"),
        Run("new", "大家"),
        Run("same", "来看里斯本的桥"),
        Run("new", "梁"),
        Run("same", "。"),
    ]


def test_a_small_word_between_two_changes_does_not_break_them() -> None:
    assert word_diff("red and blue cats sleep", "green and yellow dogs sleep") == [
        Run("gone", "red and blue cats "),
        Run("new", "green and yellow dogs "),
        Run("same", "sleep"),
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (english("one", 8000), english("other", 8000)),
        (chinese("one", 8000), chinese("other", 8000)),
        (" ".join(map(str, range(8000))), " ".join(map(str, range(8000, 16000)))),
        ("a " * 8000, "b a " * 8000),
        (english("x", 8000), english("x", 8000).replace("garden", "park")),
    ],
    ids=["english", "chinese", "nothing alike", "all alike", "one word"],
)
def test_two_texts_of_8000_words_take_little_time(one: str, other: str) -> None:
    started = time.process_time()
    runs = word_diff(one, other)
    assert time.process_time() - started < 3
    assert (old(runs), new(runs)) == (one, other)


def test_beyond_what_is_compared_all_between_the_common_ends_is_changed() -> None:
    one, other = "same " + "a b " * MOST_TOKENS + "end", "same " + "c d " * MOST_TOKENS + "end"
    started = time.process_time()
    runs = word_diff(one, other)
    assert time.process_time() - started < 3
    assert [run.op for run in runs] == ["same", "gone", "new", "same"]
    assert (old(runs), new(runs)) == (one, other)
