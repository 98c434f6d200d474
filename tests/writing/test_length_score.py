"""Word counts, length scores and bucket borders: what the papers' code gives, case by case.

Every number here was read off LongWriter-V's utils.py and eval/utils.py (7e5e414) and LongWriter's
evaluation/eval_length.py (3fcfdff) at work; `python -m bench.recipe.papers` runs them beside ours on random cases.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.text.length_score import benchmark_bucket, length_score, length_score_released
from resources.text.words import cjk_share, count_words, tokens


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        ("one two three", 3),
        ("don't stop", 3),
        ("in 2024 we met", 3),
        ("word-count", 2),
        ("## Slide 3\n\nLight, and shade.", 4),
        ("e.g. the U.S.", 5),
        ("桥梁如何承重", 6),
        ("第3页：桥梁，与力。", 6),
        ("桥 a 梁 b", 4),
        ("“桥梁”（bridge）很长", 5),
        ("a桥b梁", 2),
        ("用AI写作", 3),
        ("AI", 1),
        ("AI 写作", 3),  # Latin letters that touch CJK are no word
        ("3D and GPT4", 1),
        ("naïve café", 0),
        ("snake_case", 0),
        ("x2", 0),  # nor what touches a digit or an accent
        ("ひらがなカタカナ", 0),
        ("日本語のテキスト", 3),
        ("한국어", 0),
        ("\u3400\uf900", 0),  # U+4E00 to U+9FFF count
    ],
)
def test_words_are_counted_as_in_the_papers_code(text: str, words: int) -> None:
    assert count_words(text) == words


# words, required, the paper's eq. 6 (LongWriter's eval_length.py), the released code of LongWriter-V
SCORES = [
    (1000, 1000, 100.0, 100.0),
    (500, 1000, 50.0, 66.66667),  # at half the length
    (2000, 1000, 66.66667, 50.0),  # at twice the length
    (4000, 1000, 0.0, 0.0),
    (3000, 1000, 33.33333, 0.0),
    (5000, 1000, 0.0, 0.0),
    (334, 1000, 0.2994, 33.53293),
    (333, 1000, 0.0, 33.23323),
    (251, 1000, 0.0, 0.53121),
    (250, 1000, 0.0, 0.0),
    (800, 1000, 87.5, 91.66667),
    (1250, 1000, 91.66667, 87.5),
    (715, 1000, 80.06993, 86.71329),
    (1600, 1000, 80.0, 70.0),
    (1400, 1000, 86.66667, 80.0),
    (625, 1000, 70.0, 80.0),
    (3164, 3200, 99.43110, 99.62073),
    (1, 2, 50.0, 100.0),
    (2, 1, 66.66667, 100.0),
    (1, 1, 100.0, 100.0),
]


@pytest.mark.parametrize(("words", "required", "paper", "released"), SCORES)
def test_both_length_scores_are_those_of_the_papers_code(
    words: int,
    required: int,
    paper: float,
    released: float,
) -> None:
    assert length_score(words, required) == pytest.approx(paper, abs=1e-4)
    assert length_score_released(words, required) == pytest.approx(released, abs=1e-4)


def test_an_empty_text_scores_zero_where_the_papers_code_divides_by_zero() -> None:
    assert length_score(0, 1000) == 0.0
    assert length_score_released(0, 1000) == 0.0


@pytest.mark.parametrize(
    ("required", "bucket"),
    [
        (0, 0),
        (500, 0),
        (1499, 0),
        (1500, 1),
        (1999, 1),
        (2000, 2),
        (2999, 2),
        (3000, 3),
        (3999, 3),
        (4000, 3),
    ],
)
def test_the_borders_of_the_benchmarks_buckets_are_those_of_the_papers_code(required: int, bucket: int) -> None:
    assert benchmark_bucket(required) == bucket


@given(st.integers(0, 100_000), st.integers(2, 50_000))
def test_scores_stay_between_0_and_100_and_only_the_asked_length_is_perfect(words: int, required: int) -> None:
    for score in (length_score, length_score_released):
        value = score(words, required)
        assert 0.0 <= value <= 100.0
        assert (value == 100.0) == (words == required or (score is length_score_released and max(words, 2) == required))


@pytest.mark.parametrize("score", [length_score, length_score_released])
def test_a_length_that_nobody_asked_for_has_no_score(score) -> None:
    with pytest.raises(ValueError, match="positive"):
        score(100, 0)


@given(st.text())
def test_shares_and_tokens_fit_any_text(text: str) -> None:
    assert 0.0 <= cjk_share(text) <= 1.0
    assert all(token == token.lower() for token in tokens(text.lower()))


def test_tokens_are_characters_in_chinese_and_words_elsewhere() -> None:
    assert tokens("用AI写作, in 2024: don't") == ["用", "ai", "写", "作", "in", "2024", "don", "t"]
