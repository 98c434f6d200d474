"""Properties of reading sources, on real files made here."""

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from assets.source_images import pptx as pptx_module
from assets.source_images.ingest import ingest_shard
from assets.source_images.licences import LicencesError, licence_of, read_licences
from assets.source_images.measure import language_of, page_text
from assets.source_images.pages import document_kind, read_pages
from assets.source_images.schema import SOURCE_IMAGES
from assets.source_images.unreadable import UnreadableError
from resources.settings import Settings
from resources.store import Store
from testing.source_documents import catalog_of, deck, pdf, picture


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


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_a_licence_table_is_read_with_commas_semicolons_or_tabs_and_a_mixture_is_refused(
    tmp_path: Path, mark: str
) -> None:
    table = tmp_path / "LICENCES.csv"
    lines = [("File", "Licence", "author"), ("a.png", "CC0-1.0", "x"), ('"b, c; d.png"', "MIT", '"two\nlines"'), ()]
    table.write_text("\ufeff" + "\r\n".join(map(mark.join, lines)), "utf-8")
    assert read_licences(tmp_path) == {"a.png": "CC0-1.0", "b, c; d.png": "MIT"}
    for other in {",", ";", "\t"} - {mark}:
        table.write_text(f"file{mark}licence{other}author\na.png{mark}MIT{other}x\n")
        with pytest.raises(LicencesError, match=r"no column licence; its first line must be: .* semicolons or tabs"):
            read_licences(tmp_path)
        table.write_text(f"file{mark}licence\nb.png{mark}MIT\na.png{other}MIT\n")
        with pytest.raises(LicencesError, match=r"^line 3 of .* is separated by .* where the first line is by"):
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
    assert (result.duplicates, "c/b.png" in reasons) == (["c/b.png"], False)
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
