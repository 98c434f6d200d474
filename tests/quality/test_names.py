"""Quarantine, violations and reasons name file and page; an id that no table knows stays as it is."""

from pathlib import Path
from typing import Any, cast

import pytest

from assets.instructions.schema import INSTRUCTIONS
from assets.quality.asset_checks import with_names
from assets.quality.names import names_for
from assets.quality.outcome import Outcome, violations
from assets.quality.quarantine import ALL_SHARDS, read_quarantine, write_quarantine
from assets.quality.quarantine_share import why_lost
from assets.source_images.schema import SOURCE_IMAGES
from resources.store import Store
from testing.rows import page

DECK, PHOTO, OTHER = "0123456789abcdef", "fedcba9876543210", "00000000000000aa"
UNKNOWN = "ffffffffffffffff"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A deck of four pages in two chapters and two photographs, which are also a group."""
    found = Store(tmp_path)
    pages = [page(DECK, "a" * 64, number=number) for number in range(1, 5)]
    pages += [page(PHOTO, "b" * 64), page(OTHER, "c" * 64)]
    paths = {DECK: "decks/x.pdf", PHOTO: "photos/a.jpg", OTHER: "photos/b.jpg"}
    found.write_table(SOURCE_IMAGES, "d-001", [{**row, "source_path": paths[row["document_id"]]} for row in pages])
    blank: dict[str, Any] = dict.fromkeys(INSTRUCTIONS.schema.names)
    examples = {
        f"{DECK}-deck-01": ([DECK], [1, 2]),
        f"{DECK}-deck-02": ([DECK], [3, 4]),
        f"{PHOTO}-single": ([PHOTO], [1]),
        f"{PHOTO}-group1": ([PHOTO, OTHER], [1, 1]),
    }
    rows = [
        {**blank, "example_id": name, "documents": documents, "pages": numbers}
        for name, (documents, numbers) in examples.items()
    ]
    found.write_table(INSTRUCTIONS, "d-001", cast(Any, rows))
    return found


@pytest.mark.parametrize(
    ("found", "image", "name"),
    [
        (DECK, None, "decks/x.pdf"),
        (f"{DECK}-deck-01", None, "decks/x.pdf, pages 1 to 2"),
        (f"{DECK}-deck-02-001", None, "decks/x.pdf, page 4"),  # a segment: the second page of the second chapter
        (f"{DECK}-deck-02", 1, "decks/x.pdf, page 3"),
        (f"{DECK}-deck-02-cumulative-002", None, "decks/x.pdf, pages 3 to 4"),
        (f"{PHOTO}-single", None, "photos/a.jpg"),
        (f"{PHOTO}-single-003", None, "photos/a.jpg"),  # its fourth section, which is no page
        (f"{PHOTO}-single", 1, "photos/a.jpg"),
        (f"{PHOTO}-group1", None, "photos/a.jpg, photos/b.jpg"),
        (f"{PHOTO}-group1", 2, "photos/b.jpg"),
        (UNKNOWN, None, ""),
        (f"{UNKNOWN}-deck", 1, ""),
    ],
)
def test_an_id_is_known_by_its_file_and_the_pages_that_it_is_about(
    store: Store, found: str, image: int | None, name: str
) -> None:
    assert names_for(store, ["d-001"], [found]).of(found, image) == name


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"the same text as {PHOTO}-single", f"the same text as photos/a.jpg ({PHOTO}-single)"),
        (f"that of {DECK} page 3", f"that of decks/x.pdf, page 3 ({DECK})"),
        (f"{DECK}-deck-01-000 output: <think>", f"decks/x.pdf, page 1 ({DECK}-deck-01-000) output: <think>"),
        (f"{UNKNOWN}-deck and {'a' * 64}", f"{UNKNOWN}-deck and {'a' * 64}"),
        (f"x{DECK} is no id", f"x{DECK} is no id"),
        ("nothing", "nothing"),
    ],
)
def test_in_a_sentence_the_id_stands_behind_the_name(store: Store, text: str, told: str) -> None:
    assert names_for(store, ["d-001", "not-there-001"], [text]).told(text) == told


def test_a_violation_names_the_first_files_and_pages_and_says_how_many_more(store: Store) -> None:
    bad = [f"{DECK}-deck-01-001", f"{PHOTO}-single", f"{UNKNOWN}-single", "x", "y"]
    found = with_names(store, ["d-001"], {"r": violations("r", bad, 9, "rows are odd"), "s": Outcome("s", True)})
    assert found["r"].description == (
        f"5 of 9 rows are odd: decks/x.pdf, page 2 ({DECK}-deck-01-001), photos/a.jpg ({PHOTO}-single), "
        f"{UNKNOWN}-single and 2 more"
    )
    assert [(each.id, each.where) for each in found["r"].found] == list(
        zip(bad, ["decks/x.pdf, page 2", "photos/a.jpg", "", "", ""], strict=True)
    )
    assert found["s"] == Outcome("s", True)


@pytest.mark.parametrize("shard", ["d-001", ALL_SHARDS])
def test_a_row_in_quarantine_has_its_file_and_page_and_its_reason_has_names(store: Store, shard: str) -> None:
    rows = [
        {"item": "decks/broken.pdf", "document_id": UNKNOWN, "example_id": "", "reason": "no PDF"},
        {"item": "", "document_id": DECK, "example_id": f"{DECK}-deck-02", "reason": "loop: again", "image": 2},
        {"item": "", "document_id": PHOTO, "example_id": f"{PHOTO}-group2", "reason": "r", "documents": [PHOTO, OTHER]},
        {"item": "", "document_id": OTHER, "example_id": "", "reason": f"duplicate: the same text as {PHOTO}-single"},
        {"item": "", "document_id": UNKNOWN, "example_id": f"{UNKNOWN}-deck", "reason": "r"},
    ]
    write_quarantine(store, "long_outputs", shard, cast(Any, rows))
    found = read_quarantine(store, "long_outputs", shard)
    assert [row["source"] for row in found] == [
        "decks/broken.pdf",
        "decks/x.pdf, page 4",
        "photos/a.jpg, photos/b.jpg",
        "photos/b.jpg",
        f"{UNKNOWN}-deck",
    ]
    assert found[3]["reason"] == f"duplicate: the same text as photos/a.jpg ({PHOTO}-single)"
    assert why_lost(found[1:2], 9) == "1 of 9 in quarantine, all `loop`: again (decks/x.pdf, page 4)"


def test_a_quarantine_of_an_older_home_is_read_and_its_rows_have_names_too(store: Store) -> None:
    from typing import TypedDict

    from resources.table import Table

    class Older(TypedDict):
        step: str
        shard: str
        item: str
        document_id: str
        example_id: str
        reason: str

    old: Older = {
        "step": "long_outputs",
        "shard": "d-001",
        "item": "",
        "document_id": PHOTO,
        "example_id": f"{PHOTO}-single",
        "reason": "loop: again",
    }
    store.write_table(Table("quarantine/long_outputs", Older), "d-001", [old])
    assert read_quarantine(store, "long_outputs", "d-001") == [{**old, "source": "photos/a.jpg", "call_id": ""}]
