"""Properties of the catalogue: which documents lie where, in which shard and split, whatever comes, goes or moves."""

import json
import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from assets.quality.quarantine import write_quarantine
from assets.source_images import ingest as ingest_module
from assets.source_images import walk as walk_module
from assets.source_images.catalog import Catalog, CatalogError, NoSourcesError, current_shards
from assets.source_images.collection_names import collection_name
from assets.source_images.ingest import ingest_shard
from assets.source_images.pages import DOCUMENT_SUFFIXES
from resources.settings import Settings
from resources.store import Store
from testing.source_documents import catalog_of, pdf, picture

DOCS_NOT_READ = (".avif", ".heic", ".jxl", ".ppt", ".ppsx", ".odp", ".key", ".docx", ".zip")
SPLITS = ("sft", "preference", "benchmark")


def test_a_second_scan_adds_nothing_and_a_changed_file_keeps_its_shard_and_split(settings: Settings) -> None:
    for i in range(5):
        picture(settings.sources / "photos" / f"{i}.png", seed=i)
    settings = settings.model_copy(update={"shard_documents": 2})
    catalog = catalog_of(settings)
    first = {entry.path: entry for entry in catalog.scan()}
    assert len(first) == 5 and catalog.scan() == []
    assert catalog.shards() == ["photos-001", "photos-002", "photos-003"]
    picture(settings.sources / "photos" / "0.png", seed=99)
    (changed,) = catalog.scan()
    before = first["photos/0.png"]
    assert changed.document_id != before.document_id
    assert (changed.shard, changed.split) == (before.shard, before.split)
    assert [entry.path for entry in catalog.documents("photos-001")] == ["photos/0.png", "photos/1.png"]


def test_documents_are_found_where_they_lie_and_nothing_else_is(settings: Settings) -> None:
    root = settings.sources
    picture(root / "c" / "page-10.png")
    for i in (1, 2):
        picture(root / "c" / "scan" / f"page-{i}.png", seed=i)
    pdf(root / "c" / "week" / "notes.pdf")
    for name in ("LICENCES.csv", "README.md", ".hidden.png", "~$deck.pptx"):
        (root / "c" / name).write_text("file,licence\n")
    picture(root / "lonely.png", seed=7)
    (root / "empty").mkdir()
    found = {entry.path: entry.kind_hint for entry in catalog_of(settings).scan()}
    assert found == {"c/page-10.png": "single", "c/scan": "deck", "c/week/notes.pdf": "deck", "lonely.png": "single"}


def test_what_the_docs_say_of_each_kind_of_place_is_what_is_found(settings: Settings) -> None:
    root, pages = settings.sources / "My Scans", [Image.new("RGB", (64, 48), colour) for colour in ("red", "blue")]
    for seed, name in enumerate(("a.jfif", "b/x.jpg", "b/y.jpg", "b/c/page-1.jpg", "b/c/page-2.jpg", "really-png.png")):
        picture(root / name, seed=seed)
    (root / "really-png.png").rename(root / "png.jpg")
    for name in ("pages.tif", "moving.gif"):
        pages[0].save(root / name, save_all=True, append_images=pages[1:])
    pdf(root / "b" / "notes.pdf", 1)
    for name in DOCS_NOT_READ:
        (root / f"x{name}").write_bytes(b"x")
    found = {entry.path.removeprefix("My Scans/"): entry.kind_hint for entry in catalog_of(settings).scan()}
    assert found == {
        "a.jfif": "single",
        "b": "multi",
        "b/c": "deck",
        "b/notes.pdf": "single",
        "moving.gif": "single",
        "pages.tif": "deck",
        "png.jpg": "single",
    }
    assert {(entry.collection, entry.readable) for entry in catalog_of(settings).entries().values()} == {
        ("my-scans", True)
    }
    written = (Path(__file__).parents[2] / "docs/sources.md").read_text()
    assert all(f"`{ending}`" in written for ending in (*DOCUMENT_SUFFIXES, *DOCS_NOT_READ))


def test_a_half_written_last_line_is_registered_again(settings: Settings) -> None:
    for i in range(3):
        picture(settings.sources / "p" / f"{i}.png", seed=i)
    catalog = catalog_of(settings)
    catalog.scan()
    data = catalog.path.read_bytes()
    catalog.path.write_bytes(data[:-40])
    assert len(catalog.documents("p-001")) == 2
    assert [entry.path for entry in catalog.scan()] == ["p/2.png"]
    assert [json.loads(line)["path"] for line in catalog.path.read_text().splitlines()] == [
        f"p/{i}.png" for i in range(3)
    ]


def test_the_same_bytes_share_a_split_and_a_moved_file_is_no_duplicate(settings: Settings) -> None:
    original = picture(settings.sources / "a" / "x.png")
    catalog = catalog_of(settings)
    catalog.scan()
    copy = settings.sources / "b" / "y.png"
    copy.parent.mkdir()
    shutil.copy(original, copy)
    (twin,) = catalog.scan()
    assert twin.duplicate_of == "a/x.png" and twin.split == catalog.documents("a-001")[0].split
    original.unlink()
    gone, moved = catalog.scan()
    assert (gone.path, gone.gone) == ("a/x.png", True)
    assert (moved.path, moved.duplicate_of, moved.split) == ("b/y.png", None, twin.split)
    assert [entry.path for entry in catalog.documents("a-001")] == ["a/x.png"]


def test_of_the_same_bytes_a_file_is_read_before_a_link_and_the_shorter_name_before_that_of_a_copy(
    settings: Settings,
) -> None:
    root = settings.sources
    (root / "2023").mkdir()
    copies = {
        "scan0001.pdf": (),
        "form.pdf": ("form - Kopie.pdf", "Copy of form.pdf", "form - copia.pdf"),
        "IMG_0001.JPG": ("IMG_0001 (1).JPG", "IMG_0001 (2).JPG", "2023/IMG_0001 副本.JPG"),
        "z.png": ("a.png", "b.png"),  # no longer than it is: then the first in order
    }
    for seed, (name, more) in enumerate(copies.items()):
        if name.endswith(".pdf"):
            pdf(root / name, 1, seed=seed)
        else:
            picture(root / name, seed=seed)
        for copy in more:
            shutil.copy(root / name, root / copy)
    (root / "2023" / "in.pdf").symlink_to("../scan0001.pdf")
    catalog = catalog_of(settings)
    catalog.scan()
    originals = {path for path, entry in catalog.entries().items() if entry.duplicate_of is None}
    assert originals == {"scan0001.pdf", "form.pdf", "IMG_0001.JPG", "a.png"}
    assert catalog.scan() == []


def test_a_document_that_was_read_keeps_its_place_though_a_better_one_comes(settings: Settings) -> None:
    root, catalog = settings.sources, catalog_of(settings)
    first = picture(root / "b" / "form (1).png")
    picture(root / "a" / "x.png", seed=1)
    catalog.scan()
    for name in ("a/form.png", "b/form.png", "a/x.png"):  # of which the last one was registered before
        shutil.copy(first, root / name)
    catalog.scan()
    kept = {path: entry.duplicate_of for path, entry in catalog.entries().items()}
    assert kept == {"b/form (1).png": None, **dict.fromkeys(("a/form.png", "b/form.png", "a/x.png"), "b/form (1).png")}
    assert catalog.scan() == []


def test_the_register_knows_the_shard_that_each_document_is_in_now(settings: Settings) -> None:
    """Moved there and back, with the same bytes and time; copied; removed; out of reach for a while."""
    place, other, catalog = settings.sources / "a" / "x.png", settings.sources / "b" / "x.png", catalog_of(settings)
    picture(place)
    picture(settings.sources / "b" / "other.png", seed=1)

    def looked() -> dict[str, str]:
        catalog.scan()
        assert catalog.scan() == []
        return current_shards(settings.home)

    assert current_shards(settings.home) == {}
    first = looked()
    (name,) = (name for name, shard in first.items() if shard == "a-001")
    other.parent.mkdir(exist_ok=True)
    place.rename(other)
    assert looked() == {**first, name: "b-001"}
    other.rename(place)
    assert looked() == first
    shutil.copy2(place, other)
    assert looked() == first
    place.unlink()
    assert looked() == {**first, name: "b-001"}
    other.rename(settings.sources.parent / "kept.png")
    assert looked() == {document: shard for document, shard in first.items() if document != name}
    (settings.sources.parent / "kept.png").rename(other)
    assert looked() == {**first, name: "b-001"}


def test_a_register_from_before_documents_could_be_gone_is_read_and_brought_up_to_date(settings: Settings) -> None:
    place, other, catalog = settings.sources / "a" / "x.png", settings.sources / "b" / "x.png", catalog_of(settings)
    picture(place)
    catalog.scan()
    other.parent.mkdir()
    place.rename(other)
    (name,) = {entry.document_id for entry in catalog.scan()}
    lines = [json.loads(line) for line in catalog.path.read_text().splitlines()]
    old = [{field: line[field] for field in line if field != "gone"} for line in lines if not line["gone"]]
    catalog.path.write_text("".join(f"{json.dumps(line)}\n" for line in old))
    assert [line["path"] for line in old] == ["a/x.png", "b/x.png"]
    assert current_shards(settings.home) == {name: "b-001"}
    assert [(entry.path, entry.gone) for entry in catalog.scan()] == [("a/x.png", True)]
    assert current_shards(settings.home) == {name: "b-001"}


def test_damaged_documents_fill_no_split(settings: Settings) -> None:
    for i in range(4):
        picture(settings.sources / "p" / f"{i}.jpg", seed=i)
    for i in range(6):
        (settings.sources / "p" / f"bad{i}.pdf").write_bytes(b"%PDF-1.7 cut" + bytes([i]))
    entries = catalog_of(settings).scan()
    assert {entry.split for entry in entries if entry.readable} == set(SPLITS)
    assert not any(entry.readable for entry in entries if "bad" in entry.path)


def test_an_image_whose_name_is_no_text_is_left_out_of_its_folder_with_a_warning(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for seed, name in enumerate(("page-1.png", "page-2.png", "page-\udcff.png")):
        picture(settings.sources / "c" / "f" / name, seed=seed)
    catalog = catalog_of(settings)
    (entry,) = catalog.scan()
    assert (entry.path, entry.kind_hint, entry.readable) == ("c/f", "deck", True)
    assert "not UTF-8" in caplog.text
    result = ingest_shard("c-001", Store(settings.home), catalog, settings)
    assert [row["page"] for row in result.rows] == [1, 2]


def test_a_folder_that_may_not_be_listed_is_left_out_with_a_warning_and_the_others_are_not(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for seed, folder in enumerate(("open", "locked")):
        picture(settings.sources / "c" / folder / "page-1.png", seed=seed)
    allowed = os.scandir

    def refuse(folder: Path) -> object:  # root may read anything, so permissions alone would test nothing
        if Path(folder).name == "locked":
            raise PermissionError(13, "Permission denied", str(folder))
        return allowed(folder)

    monkeypatch.setattr(walk_module.os, "scandir", refuse)
    assert [entry.path for entry in catalog_of(settings).scan()] == ["c/open"]
    assert "cannot be listed (Permission denied)" in caplog.text


def test_a_link_that_leads_in_a_circle_stops_nothing(settings: Settings) -> None:
    picture(settings.sources / "c" / "a.png")
    (settings.sources / "c" / "circle.png").symlink_to("circle.png")
    found = {entry.path: entry.readable for entry in catalog_of(settings).scan()}
    assert found == {"c/a.png": True}


def test_no_sources_names_the_setting_the_place_and_what_to_do(settings: Settings, tmp_path: Path) -> None:
    for place in (tmp_path / "nowhere", settings.sources):
        with pytest.raises(NoSourcesError, match=r"LWV_SOURCES=.*put images, PDF or PPTX files there"):
            Catalog(settings.home, place, settings).scan()


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("My Lectures (2024)", "my-lectures-2024"),
        ("صور", "صور"),
        ("作品", "作品"),
        ("Café", "café"),
        ("Cafe\u0301", "café"),  # as macOS writes it
        ("हिन्दी चित्र", "हिन्दी-चित्र"),
        ("a,b|c[d]...e", "a-b-c-d-e"),
        ("x\u202egnp\x1b[31m\x85", "x-gnp-31m"),
    ],
)
def test_a_collections_name_keeps_its_letters_and_nothing_else(folder: str, name: str) -> None:
    assert collection_name(folder) == name


def test_names_without_letters_and_names_too_long_for_a_file_are_told_apart_by_a_hash() -> None:
    assert collection_name("📷") != collection_name("🎞") and collection_name("📷").startswith("collection-")
    for letter in ("x", "课", "𠮷"):
        names = {collection_name(letter * 300 + end) for end in "ab"}
        assert len(names) == 2 and all(len(name.encode()) < 130 for name in names)


def test_folders_that_would_be_called_alike_are_two_collections_and_stay_so(settings: Settings) -> None:
    picture(settings.sources / "My Deck" / "x.png")
    catalog = catalog_of(settings)
    (first,) = catalog.scan()
    picture(settings.sources / "my-deck" / "x.png", seed=1)
    (second,) = catalog.scan()
    assert first.collection == "my-deck" and second.collection.startswith("my-deck-")
    for folder, seed in (("My Deck", 2), ("my-deck", 3)):
        picture(settings.sources / folder / "y.png", seed=seed)
    assert {entry.path: entry.shard for entry in catalog.scan()} == {
        "My Deck/y.png": first.shard,
        "my-deck/y.png": second.shard,
    }


def test_a_home_that_knows_a_folder_by_an_older_name_keeps_it(settings: Settings) -> None:
    picture(settings.sources / "Café" / "x.png")
    catalog = catalog_of(settings)
    (entry,) = catalog.scan()
    catalog.path.write_text(catalog.path.read_text().replace("café", "cafe-1a2b3c"))
    assert entry.shard == "café-001" and catalog.scan() == []
    picture(settings.sources / "Café" / "y.png", seed=1)
    assert [entry.shard for entry in catalog.scan()] == ["cafe-1a2b3c-001"]


def test_loose_files_are_a_collection_named_after_the_sources_folder(settings: Settings) -> None:
    picture(settings.sources / "a.png")
    pdf(settings.sources / "b.pdf", 2)
    picture(settings.sources / "sources" / "c.png", seed=1)  # a folder that would be called so too
    catalog = catalog_of(settings)
    collections = {entry.path: entry.collection for entry in catalog.scan()}
    assert collections["a.png"] == collections["b.pdf"] == "sources"
    assert collections["sources/c.png"].startswith("sources-")
    moved = settings.model_copy(update={"sources": settings.sources.rename(settings.sources.with_name("moved"))})
    picture(moved.sources / "d.png", seed=2)
    assert [(entry.path, entry.shard) for entry in catalog_of(moved).scan()] == [("d.png", "sources-001")]


@pytest.mark.parametrize(("home", "sources"), [("x/out", "x"), ("x", "x/in"), ("x", "x"), ("x/.lwv", "x")])
def test_a_home_inside_its_sources_is_refused_and_so_is_the_reverse(tmp_path: Path, home: str, sources: str) -> None:
    picture(tmp_path / sources / "c" / "a.png")
    with pytest.raises(CatalogError, match="lies inside LWV_"):
        Catalog(tmp_path / home, tmp_path / sources, Settings()).scan()
    assert not (tmp_path / home / "catalog.jsonl").exists()


def test_a_document_that_turned_out_to_be_damaged_leaves_its_place_in_a_split_to_the_next(settings: Settings) -> None:
    for i in range(3):
        picture(settings.sources / "p" / f"{i}.jpg", seed=i)
    catalog, store = catalog_of(settings), Store(settings.home)
    held_out = next(entry for entry in catalog.scan() if entry.split == "benchmark")
    aside = {"item": held_out.path, "document_id": held_out.document_id, "example_id": "", "reason": "damaged"}
    store.write_table(ingest_module.SOURCE_IMAGES, "p-001", [])
    write_quarantine(store, "source_images", "p-001", [aside])
    (marked,) = catalog.scan()
    assert (marked.path, marked.readable, marked.split) == (held_out.path, False, "benchmark")
    picture(settings.sources / "p" / "new.jpg", seed=9)
    assert [entry.split for entry in catalog.scan()] == ["benchmark"]
    write_quarantine(store, "source_images", "p-001", [])
    assert catalog.scan() == []  # it is not known to be readable before it was read


def test_what_is_gone_fills_no_split(settings: Settings) -> None:
    for i in range(3):
        picture(settings.sources / "p" / f"{i}.jpg", seed=i)
    catalog = catalog_of(settings)
    held_out = next(entry for entry in catalog.scan() if entry.split == "benchmark")
    (settings.sources / held_out.path).unlink()
    picture(settings.sources / "p" / "new.jpg", seed=9)
    (new,) = (entry for entry in catalog.scan() if not entry.gone)
    assert new.split == "benchmark"


def test_what_could_not_be_opened_is_looked_at_again_though_neither_size_nor_time_changed(
    settings: Settings,
) -> None:
    path = picture(settings.sources / "c" / "a.png", (900, 900), compress_level=0)  # 2.4 MB, over the limit of 1
    catalog = catalog_of(settings)
    (refused,) = catalog.scan()
    assert not refused.readable and catalog.scan() == []
    wider = catalog_of(settings.model_copy(update={"max_file_mb": 10}))
    (read,) = wider.scan()
    assert read.readable and read.document_id != refused.document_id and path.exists()


def test_a_copy_has_the_licence_that_is_stated_of_its_bytes_anywhere(settings: Settings) -> None:
    root = settings.sources
    picture(root / "a" / "x.png")
    for folder in ("b", "d", "z"):
        (root / folder).mkdir()
        shutil.copy(root / "a" / "x.png", root / folder / "y.png")
    (root / "b" / "LICENCES.csv").write_text("file,licence\ny.png,CC0-1.0\n")
    (root / "d" / "LICENCES.csv").write_text("file,licence\ny.png,MIT OR Apache-2.0\n")
    (root / "z" / "LICENCES.csv").write_text("what is this")  # stops its own collection, not this one
    catalog = catalog_of(settings)
    catalog.scan()
    rows = list(ingest_shard("a-001", Store(settings.home), catalog, settings).rows)
    assert [row["licence"] for row in rows] == ["CC0-1.0 AND (MIT OR Apache-2.0)"]
    result = ingest_shard("b-001", Store(settings.home), catalog, settings)
    assert (list(result.rows), result.duplicates, result.quarantined) == ([], ["b/y.png"], [])
