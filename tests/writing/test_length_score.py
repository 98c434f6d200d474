"""Word counts and length scores against values worked out from the papers' formulas."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.long_outputs.length_score import length_score, length_score_released
from resources.words import count_words


@pytest.mark.parametrize(("text", "words"), [
    ("", 0), ("one two three", 3), ("don't stop", 3), ("in 2024 we met", 3), ("桥梁如何承重", 6),
    ("a桥b梁", 4), ("## Slide 3\n\nLight, and shade.", 4), ("word-count", 2),
])
def test_words_are_cjk_characters_plus_latin_runs(text: str, words: int) -> None:
    assert count_words(text) == words


@pytest.mark.parametrize(("words", "required", "paper", "released"), [
    (1000, 1000, 100.0, 100.0),
    (500, 1000, 50.0, 66.6667),     # method.md 4.1: at half the length
    (2000, 1000, 66.6667, 50.0),    # at twice the length
    (4000, 1000, 0.0, 0.0), (333, 1000, 0.0, 33.2332), (0, 1000, 0.0, 0.0), (3000, 1000, 33.3333, 0.0),
])
def test_both_length_scores_follow_their_formula(words: int, required: int, paper: float, released: float) -> None:
    assert length_score(words, required) == pytest.approx(paper, abs=0.2)
    assert length_score_released(words, required) == pytest.approx(released, abs=0.2)


@given(st.integers(0, 100_000), st.integers(1, 50_000))
def test_scores_stay_between_0_and_100_and_only_the_asked_length_is_perfect(words: int, required: int) -> None:
    for score in (length_score, length_score_released):
        value = score(words, required)
        assert 0.0 <= value <= 100.0
        assert (value == 100.0) == (words == required)


def test_a_length_that_nobody_asked_for_has_no_score() -> None:
    with pytest.raises(ValueError, match="positive"):
        length_score(100, 0)
