"""The prefix tree: every text keeps its own tokens and context, and what is shared stands there once."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from assets.dpo_checkpoint.tree import pack


def visible(ends: np.ndarray) -> np.ndarray:
    """[N, N] bool: whether token q (row) sees token k (column)."""
    index = np.arange(len(ends))
    return (index[None, :] <= index[:, None]) & (index[:, None] < ends[None, :])


TEXTS = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=8), min_size=1, max_size=8)


@given(TEXTS)
def test_each_token_sees_the_beginning_of_its_text_and_nothing_else(lists: list[list[int]]) -> None:
    texts = [np.array(text) for text in lists]
    tree = pack(texts)
    tokens = np.array([texts[text][offset] for text, offset in zip(tree.text, tree.offset, strict=True)])
    sees = visible(tree.ends)
    for text, places in zip(texts, tree.places, strict=True):
        for offset, place in enumerate(places):
            assert not tree.copies[place]
            seen = np.flatnonzero(sees[place])
            assert tokens[seen].tolist() == text[:offset + 1].tolist()
            assert tree.offset[seen].tolist() == list(range(offset + 1))


@given(TEXTS)
def test_the_token_before_a_scored_one_is_its_predecessor_in_the_text(lists: list[list[int]]) -> None:
    texts = [np.array(text) for text in lists]
    tree = pack(texts)
    for places in tree.places:
        for place in places[1:]:
            assert tree.offset[place - 1] == tree.offset[place] - 1
            assert visible(tree.ends)[place, place - 1]


@given(TEXTS)
def test_a_shared_beginning_is_packed_once(lists: list[list[int]]) -> None:
    texts = [np.array(text) for text in lists]
    tree = pack(texts)
    beginnings = {tuple(text[:end]) for text in lists for end in range(1, len(text) + 1)}
    followers = {beginning: len({longer[-1] for longer in beginnings if longer[:-1] == beginning})
                 for beginning in beginnings}
    assert int((~tree.copies).sum()) == len(beginnings)
    assert int(tree.copies.sum()) == sum(max(0, count - 1) for count in followers.values())
