"""How near a text's length is to what was asked: the paper's formula and the released code's, which differ."""


def length_score(words: int, required: int) -> float:
    """S_l of the paper (eq. 6), 0-100: zero at 4 times and at a third of what was asked."""
    return _score(words, required, over=3.0, under=2.0)


def length_score_released(words: int, required: int) -> float:
    """S_l of the released code (eval/utils.py), 0-100: divisors swapped, so zero at 3 times and at a quarter."""
    return _score(words, required, over=2.0, under=3.0)


def _score(words: int, required: int, over: float, under: float) -> float:
    if required <= 0:
        raise ValueError(f"required must be a positive number of words, not {required}")
    if words <= 0:
        return 0.0
    off = (words / required - 1) / over if words > required else (required / words - 1) / under
    return 100.0 * max(0.0, 1.0 - off)
