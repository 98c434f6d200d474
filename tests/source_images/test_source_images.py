"""Properties of reading sources, on real files made here."""

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pptx
import pytest
from PIL import Image
from pptx.util import Inches

from assets.source_images import pptx as pptx_module
from assets.source_images.catalog import Catalog, CatalogError, NoSourcesError, collection_name, current_shards
from assets.source_images.ingest import ingest_shard
from assets.source_images.licences import LicencesError, licence_of, read_licences
from assets.source_images.measure import language_of, page_text
from assets.source_images.pages import document_kind, read_pages
from assets.source_images.schema import SOURCE_IMAGES
from assets.source_images.unreadable import UnreadableError
from resources.settings import Settings
from resources.store import Store

SPLITS = ("sft", "preference", "benchmark")


def noise(size: tuple[int, int], seed: int) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1] // 8 + 1, size[0] // 8 + 1, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize(size)


def picture(path: Path, size: tuple[int, int] = (160, 120), seed: int = 0, **save: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise(size, seed).save(path, **save)
    return path


def pdf(path: Path, pages: int = 3, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    images = [noise((200, 100), 100 * seed + i) for i in range(pages)]
    images[0].save(path, save_all=True, append_images=images[1:])
    return path


def deck(path: Path, slides: int = 2, hidden: bool = False) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    presentation = pptx.Presentation()
    image = io.BytesIO()
    Image.new("RGB", (100, 100), "red").save(image, "PNG")
    for number in range(1, slides + 1):
        slide = presentation.slides.add_slide(presentation.slide_layouts[1])
        slide.shapes.title.text = f"Gradient descent {number}"
        slide.placeholders[1].text = "A step against the slope\n学习率太大就会发散，太小就很慢"
        image.seek(0)
        slide.shapes.add_picture(image, Inches(7), Inches(5), Inches(2), Inches(2))
    if hidden:
        presentation.slides[0]._element.set("show", "0")
    presentation.save(str(path))
    return path


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "sources").mkdir()
    return Settings(home=tmp_path / "home", sources=tmp_path / "sources", max_side=256, max_pages=5, max_file_mb=1)


def catalog_of(settings: Settings) -> Catalog:
    return Catalog(settings.home, settings.sources, settings)


# -- the catalog ------------------------------------------------------------------------------------------------------
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
    picture(root / "lonely.png")
    (root / "empty").mkdir()
    found = {entry.path: entry.kind_hint for entry in catalog_of(settings).scan()}
    assert found == {"c/page-10.png": "single", "c/scan": "deck", "c/week/notes.pdf": "deck"}


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
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    for seed, name in enumerate(("page-1.png", "page-2.png", "page-\udcff.png")):
        picture(settings.sources / "c" / "f" / name, seed=seed)
    catalog = catalog_of(settings)
    (entry,) = catalog.scan()
    assert (entry.path, entry.kind_hint, entry.readable) == ("c/f", "deck", True)
    assert "is left out: its name is not UTF-8" in caplog.text
    result = ingest_shard("c-001", Store(settings.home), catalog, settings)
    assert [row["page"] for row in result.rows] == [1, 2]


@pytest.mark.parametrize("call", ["iterdir", "lstat"])
def test_a_folder_that_may_not_be_listed_or_entered_is_left_out_with_a_warning_and_the_others_are_not(
    settings: Settings, call: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for seed, folder in enumerate(("open", "locked")):
        picture(settings.sources / "c" / folder / "page-1.png", seed=seed)
    allowed = getattr(Path, call)

    def refuse(path: Path) -> object:  # root may read anything, so permissions alone would test nothing
        if (path if call == "iterdir" else path.parent).name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return allowed(path)

    monkeypatch.setattr(Path, call, refuse)
    assert [entry.path for entry in catalog_of(settings).scan()] == ["c/open"]
    assert "locked cannot be listed: [Errno 13]" in caplog.text


def test_a_link_that_leads_in_a_circle_stops_nothing(settings: Settings) -> None:
    picture(settings.sources / "c" / "a.png")
    (settings.sources / "c" / "circle.png").symlink_to("circle.png")
    found = {entry.path: entry.readable for entry in catalog_of(settings).scan()}
    assert found == {"c/a.png": True, "c/circle.png": False}


def test_no_sources_names_the_setting_the_place_and_what_to_do(settings: Settings, tmp_path: Path) -> None:
    for place in (tmp_path / "nowhere", settings.sources):
        with pytest.raises(NoSourcesError, match=r"LWV_SOURCES=.*put at least one folder there"):
            Catalog(settings.home, place, settings).scan()


def test_collection_names_are_partition_keys_and_collisions_are_refused(settings: Settings) -> None:
    assert collection_name("My Lectures (2024)") == "my-lectures-2024"
    assert collection_name("课件 A") != collection_name("讲义 A")
    assert collection_name("课件").startswith("collection-")
    for name in ("My Deck", "my-deck"):
        picture(settings.sources / name / "x.png")
    with pytest.raises(CatalogError, match="rename one"):
        catalog_of(settings).scan()


# -- pages ------------------------------------------------------------------------------------------------------------
def test_images_come_out_upright_on_white_capped_and_without_metadata(settings: Settings) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "secret place"
    upright = picture(settings.sources / "c" / "turned.jpg", (400, 200), exif=exif, comment=b"secret")
    (page,) = read_pages(upright, settings)
    assert (page.width, page.height, page.number, page.reader) == (128, 256, 1, "pillow")
    assert b"secret" not in page.jpeg and not Image.open(io.BytesIO(page.jpeg)).getexif()
    assert page == next(read_pages(upright, settings))

    clear = Image.new("RGBA", (40, 30), (0, 0, 0, 0))
    clear.save(settings.sources / "c" / "clear.png")
    (page,) = read_pages(settings.sources / "c" / "clear.png", settings)
    assert Image.open(io.BytesIO(page.jpeg)).getpixel((5, 5)) == (255, 255, 255) and page.width == 40

    Image.fromarray(np.full((40, 40), 32768, np.uint16)).save(settings.sources / "c" / "deep.png")
    (page,) = read_pages(settings.sources / "c" / "deep.png", settings)
    assert abs(Image.open(io.BytesIO(page.jpeg)).getpixel((5, 5))[0] - 127) <= 2


def test_each_kind_of_source_gives_its_pages(settings: Settings) -> None:
    root = settings.sources / "c"
    assert len(list(read_pages(pdf(root / "a.pdf", 4), settings))) == 4
    frames = [Image.new("RGB", (50, 40), colour) for colour in ("red", "green", "blue")]
    frames[0].save(root / "a.tiff", save_all=True, append_images=frames[1:])
    frames[0].save(root / "a.gif", save_all=True, append_images=frames[1:])
    assert len(list(read_pages(root / "a.tiff", settings))) == 3
    assert len(list(read_pages(root / "a.gif", settings))) == 1
    for i in (10, 2, 1):
        picture(root / "f" / f"page-{i}.png", (40 + i, 40), seed=i)
    assert [page.width for page in read_pages(root / "f", settings)] == [41, 42, 50]


@pytest.mark.parametrize(
    "way",
    [
        "python-pptx",
        pytest.param(
            "libreoffice",
            marks=pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed"),
        ),
    ],
)
def test_a_pptx_gives_its_shown_slides_with_readable_text(
    settings: Settings, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if way == "python-pptx":
        monkeypatch.setattr(pptx_module.shutil, "which", lambda name: None)
    settings = settings.model_copy(update={"max_side": 960})
    pages = list(read_pages(deck(settings.sources / "c" / "d.pptx", 3, hidden=True), settings))
    assert [page.number for page in pages] == [1, 2] and {page.reader for page in pages} == {way}
    image = Image.open(io.BytesIO(pages[0].jpeg))
    assert max(image.size) == 960
    assert image.getpixel((round(8 / 10 * image.width), round(6 / 7.5 * image.height)))[0] > 200
    assert "gradientdescent2" in page_text(pages[0].jpeg).lower().replace(" ", "")


def test_a_document_of_no_use_says_why_and_what_to_do(settings: Settings, tmp_path: Path) -> None:
    root = settings.sources / "c"
    root.mkdir()
    (root / "notes.png").write_text("just some notes")
    (root / "empty.png").touch()
    (root / "cut.pdf").write_bytes(pdf(tmp_path / "x.pdf").read_bytes()[:300])
    (root / "cut.jpg").write_bytes(picture(tmp_path / "x.jpg").read_bytes()[:900])
    (root / "big.bmp").write_bytes(b"BM" + bytes(1_100_000))
    (root / "cut.pptx").write_bytes(deck(tmp_path / "x.pptx").read_bytes()[:5000])
    pdf(root / "long.pdf", 6)
    Image.new("1", (10_000, 9_000)).save(root / "bomb.png")
    (root / "hollow").mkdir()
    (root / "link.png").symlink_to(picture(tmp_path / "secret.png"))
    picture(root / "f" / "page-1.png")
    (root / "f" / "page-2.png").write_text("broken")
    for name, says in {
        "notes.png": r"c/notes.png is not an image \(it starts with plain text\); remove it or replace it",
        "empty.png": "0 bytes",
        "cut.pdf": "cannot be opened as PDF .*damaged or cut off",
        "cut.jpg": "cut off",
        "big.bmp": "LWV_MAX_FILE_MB=1",
        "cut.pptx": "cut off",
        "long.pdf": "6 pages, more than LWV_MAX_PAGES=5",
        "bomb.png": "million pixels",
        "hollow": "without an image",
        "link.png": "outside the sources folder",
        "f": "c/f/page-2.png is not an image",
        "gone.png": "no longer there",
    }.items():
        with pytest.raises(UnreadableError, match=says):
            list(read_pages(root / name, settings))


def test_a_pdf_with_a_password_asks_for_one_without(settings: Settings) -> None:
    # The smallest file that PDFium takes for encrypted: an Encrypt dictionary whose keys fit no password.
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>>",
        b"<</Filter/Standard/V 1/R 2/P -4/O<" + b"41" * 32 + b">/U<" + b"42" * 32 + b">>>",
    ]
    body, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(body))
        body += b"%d 0 obj%b endobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    path = settings.sources / "c" / "locked.pdf"
    path.parent.mkdir()
    path.write_bytes(
        body + b"xref\n0 5\n0000000000 65535 f \n" + table + b"trailer<</Size 5/Root 1 0 R/Encrypt 4 0 R"
        b"/ID[<41><41>]>>\nstartxref\n%d\n%%%%EOF" % len(body)
    )
    with pytest.raises(UnreadableError, match="needs a password"):
        list(read_pages(path, settings))


def test_kind_follows_from_page_count_and_names() -> None:
    assert document_kind(".pdf", 1) == document_kind(".jpg", 1) == "single"
    assert document_kind(".pptx", 2) == document_kind(".tiff", 2) == "deck"
    for names in (
        ["page-01.png", "page-02.png"],
        ["slide_2.jpg", "slide_3.jpg"],
        ["03.png", "4.png"],
        ["scan-4.png", "scan-5.png"],
        ["第1页.png", "第2页.png"],
        ["lesson3-page-1.png", "lesson3-page-2.png"],
    ):
        assert document_kind("", 2, names) == "deck", names
    for names in (["IMG_0412.jpg", "IMG_0413.jpg"], ["cat.jpg", "dog.jpg"], ["page-1.png", "cover.png"]):
        assert document_kind("", 2, names) == "multi", names
    assert document_kind("", 1, ["page-1.png"]) == "single"


# -- measuring, licences, ingest --------------------------------------------------------------------------------------
def test_language_is_told_and_chinese_with_english_terms_stays_chinese() -> None:
    assert language_of("The learning rate decides how far each step goes.") == "en"
    assert language_of("学习率决定每一步走多远") == "zh"
    assert language_of("统计学导论") == "zh"
    assert language_of("使用 Transformer 模型进行 attention 计算的方法与实践") == "zh"
    assert language_of("統計學導論與資料分析方法") == "zh"
    assert language_of("12 %  A") == language_of("") == "und"


def test_licences_are_found_by_file_and_by_folder_and_a_bad_table_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "LICENCES.csv"
    assert read_licences(tmp_path) == {}
    table.write_text(
        "\ufefffile,licence,author,title,origin\na.png,CC0-1.0,x,y,z\nf/1.png,MIT,,,\nb.png,,,,\n", "utf-8"
    )
    licences = read_licences(tmp_path)
    assert [licence_of(name, licences) for name in ("a.png", "f", "b.png", "c.png")] == [
        "CC0-1.0",
        "MIT",
        "unknown",
        "unknown",
    ]
    table.write_text("file,author\na.png,x\n")
    with pytest.raises(LicencesError, match="no column licence"):
        read_licences(tmp_path)


def test_a_bad_document_goes_to_quarantine_whole_and_the_others_go_on(settings: Settings) -> None:
    root = settings.sources / "c"
    picture(root / "a.png")
    shutil.copy(root / "a.png", root / "b.png")
    pdf(root / "d.pdf", 3)
    picture(root / "f" / "page-1.png", seed=5)
    (root / "f" / "page-2.png").write_text("broken")
    picture(root / "gone.png", seed=6)
    picture(root / "odd.png", seed=7)
    (root / "LICENCES.csv").write_text("file,licence\na.png,CC0-1.0\n")
    catalog, store = catalog_of(settings), Store(settings.home)
    catalog.scan()
    (root / "gone.png").unlink()
    picture(root / "odd.png", seed=8)
    result = ingest_shard("c-001", store, catalog, settings)
    assert store.write_table(SOURCE_IMAGES, "c-001", result.rows) == 4
    rows = list(store.rows(SOURCE_IMAGES, "c-001"))
    assert [(row["source_path"], row["page"], row["kind"], row["licence"]) for row in rows] == [
        ("c/a.png", 1, "single", "CC0-1.0"),
        *(("c/d.pdf", page, "deck", "unknown") for page in (1, 2, 3)),
    ]
    assert all(store.image_path(row["image_sha256"]).exists() and len(row["phash"]) == 16 for row in rows)
    reasons = {row["item"]: row["reason"] for row in result.quarantined}
    assert reasons["c/b.png"] == "c/b.png has the same bytes as c/a.png; remove one of them"
    assert "page-2.png" in reasons["c/f"]
    assert (result.gone, "c/gone.png" in reasons) == (["c/gone.png"], False)
    assert "has changed since" in reasons["c/odd.png"]


def test_a_renamed_document_is_read_at_its_new_place_and_gone_from_its_old_one(settings: Settings) -> None:
    old = picture(settings.sources / "c" / "a.png")
    catalog, store = catalog_of(settings), Store(settings.home)
    catalog.scan()
    old.rename(old.with_name("b.png"))
    catalog.scan()
    result = ingest_shard("c-001", store, catalog, settings)
    assert [row["source_path"] for row in result.rows] == ["c/b.png"]
    assert (result.gone, result.quarantined) == (["c/a.png"], [])


def test_a_full_disk_stops_the_shard_and_no_document_is_blamed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture(settings.sources / "c" / "a.png")
    catalog, store = catalog_of(settings), Store(settings.home)
    catalog.scan()

    def full(jpeg: bytes) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "put_image", full)
    result = ingest_shard("c-001", store, catalog, settings)
    with pytest.raises(OSError, match="No space"):
        list(result.rows)
    assert result.quarantined == []
