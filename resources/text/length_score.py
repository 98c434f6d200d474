"""How near a text's length is to what was asked: the paper's formula and the released code's, which differ."""

from bisect import bisect_right

BENCHMARK_BORDERS = (1500, 2000, 3000)  # words, of MMLongBench-Write's buckets


def length_score(words: int, required: int) -> float:
    """S_l of the paper (eq. 6), 0-100: zero at 4 times and at a third of what was asked."""
    return _score(words, required, over=3.0, under=2.0)


def length_score_released(words: int, required: int) -> float:
    """S_l of the released code (eval/utils.py), 0-100: divisors swapped, so zero at 3 times and at a quarter.

    Both lengths count as 2 at least, as there.
    """
    return _score(max(2, words), max(2, required) if required > 0 else required, over=2.0, under=3.0)


def _score(words: int, required: int, over: float, under: float) -> float:
    if required <= 0:
        raise ValueError(f"required must be a positive number of words, not {required}")
    if words <= 0:
        return 0.0
    off = (words / required - 1) / over if words > required else (required / words - 1) / under
    return 100.0 * max(0.0, 1.0 - off)


def benchmark_bucket(required: int) -> int:
    """Which of MMLongBench-Write's buckets a required length falls into: 0-3 for [0, 1500) [1500, 2000) [2000, 3000) …

    The last one has no upper border in the released code; the longest length of the benchmark is under 4,000.
    """
    return bisect_right(BENCHMARK_BORDERS, required)
