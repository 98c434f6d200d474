"""The prefix tree: every text keeps its own tokens and context, and what is shared stands there once."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.attention.flex_attention import create_block_mask

from resources.training.dpo import tree_attention as attention
from resources.training.dpo.tree import pack


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
            assert tokens[seen].tolist() == text[: offset + 1].tolist()
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
    followers = {
        beginning: len({longer[-1] for longer in beginnings if longer[:-1] == beginning}) for beginning in beginnings
    }
    assert int((~tree.copies).sum()) == len(beginnings)
    assert int(tree.copies.sum()) == sum(max(0, count - 1) for count in followers.values())


@pytest.mark.parametrize("block", [2, 512])
def test_attention_by_chains_is_attention_under_the_trees_mask(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention, "BLOCK", block)
    texts = [np.array(text) for text in ([1, 2, 3, 4, 5, 6, 7], [1, 2, 9, 9, 9, 9], [1, 2, 3, 8, 8, 8, 8], [5, 5, 5])]
    tree = pack(texts)
    shapes = [(1, heads, len(tree.text), 8) for heads in (4, 2, 2)]
    ours, theirs = (
        [
            torch.randn(shape, generator=torch.Generator().manual_seed(number), requires_grad=True)
            for number, shape in enumerate(shapes)
        ]
        for _ in range(2)
    )
    found, _ = attention.attend_chains(None, *ours, None, scaling=0.3, prefix_tree=attention.chains(tree.ends))
    query, key, value = theirs
    expected = torch.nn.functional.scaled_dot_product_attention(
        query, key, value, attn_mask=torch.from_numpy(visible(tree.ends)), scale=0.3, enable_gqa=True
    ).transpose(1, 2)
    torch.testing.assert_close(found, expected)
    weights = torch.randn(found.shape)
    (found * weights).sum().backward()
    (expected * weights).sum().backward()
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine.grad, other.grad)


@settings(max_examples=25, deadline=None)
@given(TEXTS, st.integers(40, 90))
def test_tiles_are_those_of_a_mask_over_all_tokens(lists: list[list[int]], longer: int) -> None:
    ends = torch.from_numpy(pack([np.repeat(text, longer) for text in lists]).ends)
    ours = attention.tiles(ends)
    expected = create_block_mask(
        lambda batch, head, q, k: (k <= q) & (q < ends[k]), None, None, len(ends), len(ends), device="cpu"
    )
    for name in ("kv_num_blocks", "kv_indices", "full_kv_num_blocks", "full_kv_indices", "q_indices", "full_q_indices"):
        assert torch.equal(getattr(ours, name), getattr(expected, name)), name
    assert ours.seq_lengths == expected.seq_lengths
