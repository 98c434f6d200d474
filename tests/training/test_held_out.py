"""Documents that are held back: whole ones, the same ones, never all."""

from hypothesis import given
from hypothesis import strategies as st

from resources.training.held_out import document_of, split

NAMES = st.lists(st.integers(0, 40).map(str), min_size=1, max_size=120)


@given(NAMES, st.floats(0, 0.5), st.integers(0, 9))
def test_a_document_is_on_one_side_alone_and_some_are_always_trained_on(
    names: list[str], share: float, seed: int
) -> None:
    trained, held_out = split(names, share, seed)
    assert sorted([*trained, *held_out]) == list(range(len(names)))
    assert not {names[number] for number in trained} & {names[number] for number in held_out}
    assert trained and bool(held_out) == (share > 0 and len(set(names)) > 1)


@given(NAMES, st.integers(0, 9))
def test_more_documents_leave_the_others_where_they_are(names: list[str], seed: int) -> None:
    more = [*names, "new"]
    before, after = ({some[number] for number in split(some, 0.3, seed).held_out} for some in (names, more))
    assert len(before ^ after - {"new"}) <= 1  # where none was drawn, one is held back in any case


def test_about_the_share_is_held_back() -> None:
    assert 80 < len(split(map(str, range(1000)), 0.1, 42).held_out) < 120


def test_rows_of_one_page_are_one_document() -> None:
    page = {"bytes": None, "path": "images/ab/ab.jpg"}
    assert document_of("a", [page]) == document_of("b", [page]) != document_of("a", [])  # type: ignore[list-item]
