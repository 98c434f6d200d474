"""How many tokens were changed between two texts."""

from collections.abc import Hashable, Sequence


def edit_distance(one: Sequence[Hashable], other: Sequence[Hashable]) -> int:
    """Levenshtein's distance: the fewest insertions, deletions and replacements of an item that make one the other.

    Bit-parallel (Hyyrö 2003, after Myers 1999): one step per item of `other`, on an integer with a bit per item of
    `one`.
    """
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    one, other = one[start:], other[start:]
    if not one or not other:
        return len(one) + len(other)
    places: dict[Hashable, int] = {}
    for at, item in enumerate(one):
        places[item] = places.get(item, 0) | 1 << at
    whole, last = (1 << len(one)) - 1, 1 << (len(one) - 1)
    up, down, distance = whole, 0, len(one)
    for item in other:
        match = places.get(item, 0)
        across = (((match & up) + up) ^ up) | match | down
        right, left = down | (whole & ~(across | up)), up & across
        distance += bool(right & last) - bool(left & last)
        right, left = (right << 1 | 1) & whole, (left << 1) & whole
        up, down = left | (whole & ~(across | right)), right & across
    return distance
