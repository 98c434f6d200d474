"""Splits and shards are decided once and for all, whatever the order and whatever comes later."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from assets.source_images.shards import assign_shards
from assets.source_images.splits import Candidate, Placed, assign_splits, met, needs_of, split_of

ids = st.integers(0, 16**16 - 1).map("{:016x}".format)
documents = st.lists(
    st.builds(Candidate, ids, st.booleans(), st.booleans()),
    max_size=12,
    unique_by=lambda candidate: candidate.document_id,
)


@given(documents)
def test_of_new_documents_every_split_that_can_be_filled_is_filled(new: list[Candidate]) -> None:
    splits = assign_splits(new, [])
    needs = needs_of(new)
    assert met(needs, splits, {candidate.document_id: candidate for candidate in new}, []) == set(needs)


@given(documents, documents)
def test_later_documents_never_move_earlier_ones_nor_empty_a_split(old: list[Candidate], new: list[Candidate]) -> None:
    before = assign_splits(old, [])
    existing = [Placed(candidate, before[candidate.document_id]) for candidate in old]
    after = assign_splits([*new, *old], existing)
    assert all(after[document_id] == split for document_id, split in before.items())
    assert set(after) == {candidate.document_id for candidate in [*old, *new]}
    fixed = [(placed.candidate, placed.split) for placed in existing]
    fresh = {candidate.document_id: candidate for candidate in new if candidate.document_id not in before}
    by_hash = {document_id: split_of(document_id) for document_id in fresh}
    needs = needs_of([*old, *fresh.values()])
    assert met(needs, {document_id: after[document_id] for document_id in fresh}, fresh, fixed) >= met(
        needs, by_hash, fresh, fixed
    )


@given(documents)
def test_splits_do_not_depend_on_the_order_of_documents(new: list[Candidate]) -> None:
    assert assign_splits(new, []) == assign_splits(new[::-1], [])


@given(st.lists(st.sampled_from(["a", "b"]), max_size=40), st.integers(1, 5), st.integers(0, 40))
def test_shards_fill_up_in_order_and_never_overflow(collections: list[str], limit: int, cut: int) -> None:
    new = [(str(i), collection) for i, collection in enumerate(collections)]
    at_once = assign_shards(new, {}, limit)
    first = assign_shards(new[:cut], {}, limit)
    later = assign_shards(new[cut:], Counter(first.values()), limit)
    assert {**first, **later} == at_once
    sizes = Counter(at_once.values())
    for collection in "ab":
        counts = [sizes[shard] for shard in sorted(sizes) if shard.startswith(f"{collection}-")]
        assert all(count == limit for count in counts[:-1]) and all(count <= limit for count in counts)
