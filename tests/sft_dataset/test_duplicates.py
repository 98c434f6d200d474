"""Duplicates: the first in order stays, in English and in Chinese, and what is merely alike is no duplicate."""

import random
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.sft_dataset.duplicates import Duplicates
from assets.sft_dataset.shingles import RunIndex, shingles
from resources.text.words import tokens
from testing.rows import chinese, english


def changed(text: str, share: float) -> str:
    """Every so-many-th sentence replaced."""
    mark = "。" if "。" in text else ". "
    sentences, draw = text.split(mark), random.Random(0)
    return mark.join(sentence if draw.random() > share else sentence[::-1] for sentence in sentences)


def jaccard(one: str, other: str) -> float:
    first, second = (set(shingles(tokens(text), 5).tolist()) for text in (one, other))
    return len(first & second) / len(first | second)


def kinds(texts: list[str], threshold: float) -> list[str | None]:
    duplicates = Duplicates(threshold)
    reasons = [duplicates.add(f"{number:02d}", duplicates.signature(text)) for number, text in enumerate(texts)]
    return [reason.kind if reason else None for reason in reasons]


@pytest.mark.parametrize("write", [english, chinese])
def test_near_and_exact_copies_are_found_and_other_texts_are_not(write) -> None:
    first, other = write("first", 1500), write("other", 1500)
    near, far = changed(first, 0.02), changed(first, 0.4)
    assert jaccard(first, near) > 0.87
    assert jaccard(first, far) < 0.7
    again = first.replace(" ", "\n\n").upper()  # spaces and case are not the text
    assert kinds([first, other, near, far, again], 0.8) == [None, None, "near_duplicate", None, "duplicate"]
    assert kinds([first, other, near, far, again], 1) == [None, None, None, None, "duplicate"]


def test_the_reason_names_the_first_and_a_text_that_was_left_out_drags_nothing_after_it() -> None:
    sentences = english("chain", 3000).split(". ")  # a window that moves: near the one before it
    texts = [". ".join(sentences[6 * number : 6 * number + 100]) for number in range(7)]
    duplicates = Duplicates(0.8)
    reasons = [duplicates.add(f"{number}", duplicates.signature(text)) for number, text in enumerate(texts)]
    kept = [number for number, reason in enumerate(reasons) if reason is None]
    assert kept[0] == 0
    assert 1 < len(kept) < len(texts)
    for number, reason in enumerate(reasons):
        if reason:
            first = int(reason.says.rsplit(" ", 1)[-1])
            assert first in kept
            assert first < number
            assert jaccard(texts[first], texts[number]) > 0.7


def test_short_and_empty_texts_have_a_signature_too() -> None:
    assert kinds(["", "", "one", "one two", "one"], 0.8) == [None, "duplicate", None, None, "duplicate"]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 8), max_size=20), st.sampled_from([0.6, 0.8, 1.0]))
def test_just_one_of_equal_texts_is_kept_whatever_stands_between_them(seeds: list[int], threshold: float) -> None:
    found = kinds([english(seed, 60) for seed in seeds], threshold)
    assert [kind is None for kind in found] == [seed not in seeds[:place] for place, seed in enumerate(seeds)]


def test_what_is_kept_of_a_text_does_not_grow_with_the_text() -> None:
    def kept_bytes(words: int) -> int:
        duplicates = Duplicates(0.8)
        duplicates.add("first", duplicates.signature(english("first", words)))  # imports and the index itself
        tracemalloc.start()
        for number in range(20):
            duplicates.add(f"{number}", duplicates.signature(english(number, words)))
        size = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        return size // 20

    assert kept_bytes(3000) < 1.2 * kept_bytes(300) < 12_000


@given(st.lists(st.text("ab ", max_size=40), max_size=5), st.text("ab ", max_size=40))
def test_the_index_of_runs_names_the_text_that_shares_most(texts: list[str], asked: str) -> None:
    runs = shingles(tokens(asked), 3)
    share, index = RunIndex(shingles(tokens(text), 3) for text in texts).largest_share(runs)
    shares = [
        len(set(shingles(tokens(text), 3).tolist()) & set(runs.tolist())) / len(runs) if len(runs) else 0.0
        for text in texts
    ]
    assert share == pytest.approx(max(shares, default=0.0))
    assert index == (shares.index(max(shares)) if share else -1)
