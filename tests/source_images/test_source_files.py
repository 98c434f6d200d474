"""The account of files: a folder of every kind of file, and what the account says of each."""

import os
import shutil
import socket
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import dagster as dg
import pytest

from assets.quality.asset_checks import check_whole
from assets.quality.quarantine import ALL_SHARDS, write_quarantine
from assets.source_files.checks import CHECKS
from assets.source_files.schema import SOURCE_FILES, SourceFile
from assets.source_files.summary import tally_of
from assets.source_images import walk as walk_module
from assets.source_images.catalog import Catalog
from assets.source_images.ingest import ingest_shard
from assets.source_images.licences import LicencesError
from assets.source_images.schema import SOURCE_IMAGES
from lwv_dagster.file_screen import show_files
from lwv_dagster.sensors import new_shards
from resources.dagster import SourcesResource, StoreResource
from resources.settings import Settings
from testing.source_documents import deck, pdf, picture
from tests.conftest import Factory

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
ZIP = b"PK\x03\x04\x14\0\0\0\0\0"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(64)
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
MP4 = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"


class Expected(NamedTuple):
    became: str
    type: str
    says: str = ""  # somewhere in `why`
    licence: str | None = None


def wrote(path: Path, content: bytes | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def sparse(path: Path, size: int) -> None:
    wrote(path, b"")
    os.truncate(path, size)


READ_IMAGES = {
    "loose.png": Expected("read", "image/png", licence="CC0-1.0"),
    "photos/a.jpg": Expected("read", "image/jpeg", licence="CC-BY-4.0"),
    "photos/b.png": Expected("read", "image/png", licence="MIT"),  # as its copy in talks/ is
    "photos/c.webp": Expected("read", "image/webp"),
    "photos/d.gif": Expected("read", "image/gif"),
    "photos/e.bmp": Expected("read", "image/bmp"),
    "photos/f.tif": Expected("read", "image/tiff"),
    "photos/G.JPG": Expected("read", "image/jpeg"),
    "photos/h.jfif": Expected("read", "image/jpeg"),
    "photos/esc\x1b[31m\u202e.png": Expected("read", "image/png"),
    "صور/ا.png": Expected("read", "image/png"),
    "作品/甲.jpg": Expected("read", "image/jpeg"),
    "talks/scan/page-1.png": Expected("read", "image/png", licence="CC0-1.0"),
    "talks/scan/page-2.png": Expected("read", "image/png", licence="CC0-1.0"),
    "forms/LICENCES.csv/x.png": Expected("read", "image/png", licence="unknown"),
}
IGNORED = {  # content, and what the reason says
    "README.md": ("# Mine", "text/plain", "print it to PDF"),
    "Thumbs.db": (OLE, "application/x-ole-storage", "operating system"),
    ".DS_Store": (b"\0\0\0\1Bud1", "application/octet-stream", "operating system: nothing to do"),
    "photos/._a.jpg": (b"\0\5\x16\7", "application/octet-stream", "operating system: nothing to do"),
    ".Trashes/501/old.png": (b"\x89PNG\r\n\x1a\n", "image/png", "operating system: nothing to do"),
    "photos/IMG_1.heic": (HEIC, "image/heic", "export as JPEG"),
    "photos/IMG_2.HEIC": (HEIC, "image/heic", ".heic is not supported"),
    "photos/IMG_3.avif": (HEIC.replace(b"ftypheic", b"ftypavif"), "image/avif", "export as JPEG"),
    "photos/IMG_4.nef": (b"MM\0*" + bytes(40), "image/tiff", "raw picture"),
    "photos/movie.mp4": (MP4, "video/mp4", "export stills"),
    "photos/movie.mov": (MP4.replace(b"ftypmp42", b"ftypqt  "), "video/quicktime", "video"),
    "photos/sound.mp3": (b"ID3\4" + bytes(20), "audio/mpeg", "sound"),
    "photos/sound.wav": (b"RIFF\0\0\0\0WAVEfmt ", "audio/x-wav", "sound"),
    "photos/all.zip": (ZIP, "application/zip", "unpack it"),
    "photos/all.rar": (b"Rar!\x1a\x07\0", "application/vnd.rar", "unpack it"),
    "photos/all.tar.gz": (b"\x1f\x8b\x08\0", "application/gzip", "unpack it"),
    "photos/all.7z": (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed", "unpack it"),
    "photos/drawing.psd": (b"8BPS\0\1", "image/vnd.adobe.photoshop", "PDF or PNG"),
    "photos/drawing.svg": ('<svg xmlns="http://www.w3.org/2000/svg"/>', "image/svg+xml", "PDF or PNG"),
    "photos/new.jxl": (b"\xff\x0a", "image/jxl", "export as JPEG"),
    "photos/odd.xyz": (b"\x01\x02\x03\xff", "application/octet-stream", ".xyz: not supported"),
    "photos/nothing": ("just a note", "text/plain", "without an ending"),
    "photos/x.crdownload": (b"\xff\xd8\xff\xe0", "image/jpeg", "not finished"),
    "photos/.hidden.png": (b"\x89PNG\r\n\x1a\n", "image/png", "begins with a dot"),
    "photos/.git/objects/ab.png": (b"\x89PNG\r\n\x1a\n", "image/png", "begins with a dot"),
    "photos/__MACOSX/a.png": (b"\0\5\x16\7", "application/octet-stream", "archive"),
    "photos/desktop.ini": ("[.ShellClassInfo]", "text/plain", "operating system"),
    "photos/licenses.csv": ("file,licence\n", "text/plain", "LICENCES.csv, in capitals"),
    "talks/~$deck.pptx": (b"\5name", "application/octet-stream", "lock file"),
    "talks/old.ppt": (OLE, "application/x-ole-storage", "PPTX"),
    "talks/talk.key": (ZIP, "application/zip", "PPTX"),
    "talks/letter.docx": (ZIP + bytes(16) + b"\x0a\0\0\0word/a.xml", WORD, "export as PDF"),
    "talks/letter.doc": (OLE, "application/x-ole-storage", "export as PDF"),
    "talks/letter.rtf": (b"{\\rtf1", "text/rtf", "export as PDF"),
    "talks/table.xlsx": (ZIP, "application/zip", "table"),
    "talks/table.csv": ("a,b\n1,2\n", "text/plain", "table"),
    "talks/book.epub": (b"", "inode/x-empty", "export as PDF"),
    "talks/book.djvu": (b"AT&TFORM", "image/vnd.djvu", "export as PDF"),
    "talks/page.html": ("<!DOCTYPE html><p>hi", "text/html", "web page"),
    "talks/data.json": ("{}", "text/plain", "data"),
    "talks/code.py": ("print()", "text/plain", "code"),
    "talks/site.url": ("[InternetShortcut]", "text/plain", "shortcut"),
    "talks/mail.eml": ("From: me", "text/plain", "mail"),
    "talks/old.bak": ("x", "text/plain", "editor"),
    "talks/scan/readme.txt": ("pages of a book", "text/plain", "text without pages"),
    "talks/week/LICENCES.csv": ("file,licence\n", "text/plain", "directly into the collection"),
}
REFUSED = {
    "photos/notes.png": ("only words", "text/plain", "not an image"),
    "photos/empty.png": (b"", "inode/x-empty", "empty (0 bytes)"),
    "photos/cut.jpg": (b"\xff\xd8\xff\xe0\0\x10JFIF\0", "image/jpeg", "photos/cut.jpg"),
    "photos/really.png": (HEIC, "image/heic", "HEIC"),
    "talks/cut.pdf": (b"%PDF-1.7 cut", "application/pdf", "cannot be opened as PDF"),
    "talks/cut.pptx": (ZIP, "application/zip", "talks/cut.pptx"),
    "talks/broken/page-2.png": ("no picture", "text/plain", "page-2.png is not an image"),
}


@pytest.fixture(autouse=True)
def no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here depends on the text of pages, which takes half a second each."""
    monkeypatch.setattr("assets.source_images.measure.read_lines", lambda image: [], raising=False)
    monkeypatch.setattr("resources.ocr.known_lines", lambda sha256: [], raising=False)


@pytest.fixture
def mixed(factory: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Expected]:
    """A sources folder with a file of every kind; what the account should say of each."""
    monkeypatch.setenv("LWV_MAX_FILE_MB", "1")
    root, expected = factory.sources, dict(READ_IMAGES)
    for seed, name in enumerate(READ_IMAGES):
        picture(root / name, (64, 48), seed=seed)
    for became, files in (("ignored", IGNORED), ("refused", REFUSED)):
        for name, (content, media_type, says) in files.items():
            wrote(root / name, content)
            expected[name] = Expected(became, media_type, says)
    picture(root / "talks/broken/page-1.png", (64, 48), seed=90)
    expected["talks/broken/page-1.png"] = Expected("refused", "image/png", "page-2.png is not an image")
    pdf(root / "loose.pdf", 1)
    pdf(root / "talks/week/slides.pdf", 2, seed=1)
    deck(root / "talks/deck.pptx", 1)
    expected["loose.pdf"] = Expected("read", "application/pdf", licence="unknown")
    expected["talks/week/slides.pdf"] = Expected("read", "application/pdf")
    expected["talks/deck.pptx"] = Expected("read", media_type_of_office(root / "talks/deck.pptx"))
    for name, like in (("talks/copy.png", "photos/b.png"), ("photos/jpeg", "photos/a.jpg")):
        shutil.copy(root / like, root / name)
    expected["talks/copy.png"] = Expected("ignored", "image/png", "same bytes as photos/b.png", "MIT")
    expected["photos/jpeg"] = Expected("ignored", "image/jpeg", "rename it to .jpg")
    for name, table in (("", "loose.png,CC0-1.0"), ("photos/", "a.jpg,CC-BY-4.0"), ("talks/", LICENCES)):
        wrote(root / f"{name}LICENCES.csv", f"file,licence\n{table}\n")
        expected[f"{name}LICENCES.csv"] = Expected("read", "text/plain", "states the licences")
    wrote(root / "bad/LICENCES.csv", "no such columns")
    picture(root / "bad/a.png", (64, 48), seed=91)
    expected["bad/LICENCES.csv"] = Expected("refused", "text/plain", "has no column file")
    expected["bad/a.png"] = Expected("waiting", "image/png", "bad-001 was not run")
    expected["forms/LICENCES.csv"] = Expected("refused", "inode/directory", "no plain file")
    return expected | odd_places(root, tmp_path)


LICENCES = "copy.png,MIT\nscan/page-1.png,CC0-1.0\nscan/page-2.png,CC0-1.0"


def media_type_of_office(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist()[0] == "[Content_Types].xml"
    return "application/vnd.openxmlformats-officedocument"


def odd_places(root: Path, outside: Path) -> dict[str, Expected]:
    """Pipes, sockets, links, holes, names that are no text."""
    picture(outside / "secret.png", (64, 48), seed=92)
    os.mkfifo(root / "photos/pipe.png")
    os.mkfifo(root / "photos/pipe")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(root / "photos/sock"))  # its whole path may be too long for a socket
    sparse(root / "photos/hole.tif", 5_000_000_000)
    sparse(root / "photos/hole.iso", 5_000_000_000)
    (root / "photos/out.png").symlink_to(outside / "secret.png")
    (root / "photos/away").symlink_to(outside)
    (root / "photos/in.png").symlink_to("a.jpg")
    (root / "photos/round.png").symlink_to("round.png")
    (root / "photos/dead.png").symlink_to("nothing.png")
    (root / "photos/talks").symlink_to("../talks/week")
    with open(os.fsencode(root) + b"/photos/caf\xe9.png", "wb") as file:  # noqa: PTH123
        file.write(b"\x89PNG\r\n\x1a\n")
    return {
        "photos/pipe.png": Expected("refused", "inode/fifo", "not a plain file"),
        "photos/pipe": Expected("ignored", "inode/fifo", "named pipe"),
        "photos/sock": Expected("ignored", "inode/socket", "socket"),
        "photos/hole.tif": Expected("refused", "", "LWV_MAX_FILE_MB"),
        "photos/hole.iso": Expected("ignored", "", "unpack it"),
        "photos/out.png": Expected("refused", "inode/symlink", "put a copy there"),
        "photos/away": Expected("refused", "inode/symlink", "put a copy there"),
        "photos/in.png": Expected("ignored", "image/jpeg", "same bytes as photos/a.jpg", "CC-BY-4.0"),
        "photos/round.png": Expected("refused", "inode/symlink", "leads nowhere"),
        "photos/dead.png": Expected("refused", "inode/symlink", "leads nowhere"),
        "photos/talks": Expected("ignored", "inode/symlink", "where it lies"),
        "photos/caf\udce9.png": Expected("refused", "image/png", "not UTF-8"),
    }


def read_shard(factory: Factory, shard: str) -> None:
    """As the asset does, without its checks."""
    settings = Settings()
    result = ingest_shard(shard, factory.store, Catalog(factory.home, factory.sources, settings), settings)
    factory.store.write_table(SOURCE_IMAGES, shard, result.rows)
    write_quarantine(factory.store, SOURCE_IMAGES.name, shard, result.quarantined)


def accounted(factory: Factory) -> dict[str, SourceFile]:
    result = factory.run("report_job", assets=["source_files"])
    assert result.success
    return {row["path"]: row for row in factory.store.rows(SOURCE_FILES, ALL_SHARDS)}


def in_ascii(name: str) -> str:
    return name.replace("\x1b", "\\x1b").replace("\u202e", "\\u202e").replace("\udce9", "\\xe9")


def test_every_file_of_every_kind_has_its_row(
    factory: Factory, mixed: dict[str, Expected], capsys: pytest.CaptureFixture[str]
) -> None:
    shards = factory.scan()
    assert {"صور-001", "作品-001", "sources-001"} < set(shards)
    with pytest.raises(LicencesError):
        read_shard(factory, "bad-001")
    for shard in sorted({*shards} - {"bad-001"}):
        read_shard(factory, shard)
    rows = accounted(factory)
    assert len(mixed) > 80 and set(rows) == set(map(in_ascii, mixed))
    for name, expected in mixed.items():
        row = rows[in_ascii(name)]
        assert (row["became"], row["type"]) == (expected.became, expected.type), row
        assert expected.says in row["why"], row
        assert expected.licence in (None, row["licence"]), row
        assert bool(row["document_id"]) == bool(row["shard"]) and row["mtime"] > 0
        path = factory.sources / name
        assert path.is_symlink() or not path.is_file() or row["bytes"] == path.stat().st_size
    assert len({rows[f"talks/scan/page-{page}.png"]["document_id"] for page in (1, 2)}) == 1
    outcomes = check_whole(factory.store, CHECKS)
    assert all(outcome.passed for outcome in outcomes.values()), outcomes
    show_files(factory.store)
    said = capsys.readouterr().out
    read = sum(expected.became == "read" for expected in mixed.values())
    assert f"{len(mixed) - read} of {len(mixed)} files were not read: " in said
    assert "in quarantine" in said and "2 .heic (not supported: export as JPEG)" in said


def test_a_file_that_was_removed_has_a_row_and_is_no_longer_counted_as_there(factory: Factory) -> None:
    for seed in (0, 1):
        picture(factory.sources / "c" / f"{seed}.png", (64, 48), seed=seed)
    for shard in factory.scan():
        read_shard(factory, shard)
    (factory.sources / "c" / "1.png").unlink()
    rows = accounted(factory)
    assert {path: row["became"] for path, row in rows.items()} == {"c/0.png": "read", "c/1.png": "removed"}
    assert tally_of(factory.store).sentence() == "The only file was read; 1 document was removed since"
    shutil.rmtree(factory.sources)
    assert {row["became"] for row in accounted(factory).values()} == {"removed"}


def test_the_demo_says_where_each_reason_can_be_read_and_nothing_of_reasons_where_all_was_read(
    factory: Factory, capsys: pytest.CaptureFixture[str]
) -> None:
    picture(factory.sources / "c" / "a.png", (64, 48))
    for shard in factory.scan():
        read_shard(factory, shard)
    for file, says in (("", "The only file was read.\n"), ("b.heic", "reports/index.html (as a table: ")):
        if file:
            wrote(factory.sources / "c" / file, HEIC)
        accounted(factory)
        show_files(factory.store)
        said = capsys.readouterr().out
        assert says in said and ("reason" in said) == bool(file)


def test_a_line_of_licences_that_fits_no_file_is_named_with_the_nearest_name(factory: Factory) -> None:
    for seed, name in enumerate(("c/p0.jpg", "c/f/page-1.png", "c/été.png", "loose.png", "c/sub/holiday.pdf")):
        (pdf if name.endswith("pdf") else picture)(factory.sources / name, seed=seed)
    lines = ("p0.jpg", "f", "f/page-1.png", "été.png", "P0.jpg", "holiday.pdf", "f/page-01.png", "sub", "../c/p0.jpg")
    wrote(factory.sources / "c" / "LICENCES.csv", "\n".join(["file,licence", *(f"{line},MIT" for line in lines)]))
    wrote(factory.sources / "LICENCES.csv", "file,licence\nloose.png,MIT\nc/p0.jpg,MIT")
    assert factory.run("report_job").success
    whys = {row["path"]: (row["became"], row["why"]) for row in factory.store.rows(SOURCE_FILES, ALL_SHARDS)}
    says = (
        "5 of its lines fit no file: P0.jpg (p0.jpg?), holiday.pdf (sub/holiday.pdf?), f/page-01.png (f/page-1.png?), "
        "sub, ../c/p0.jpg (p0.jpg?)"
    )
    assert whys["c/LICENCES.csv"] == ("read", f"it states the licences of its collection; {says}")
    assert whys["LICENCES.csv"][1].endswith("1 of its lines fits no file: c/p0.jpg")
    assert any(f"c/LICENCES.csv: it states the licences of its collection; {says}" in n for n in notes_of(factory))
    assert "5 of its lines fit no file: P0.jpg (p0.jpg?)" in (factory.home / "reports" / "index.html").read_text()


def notes_of(factory: Factory) -> list[str]:
    (event,) = factory.run("report_job", assets=["source_files"]).asset_materializations_for_node("source_files")
    return [str(event.metadata["note"].value)] if "note" in event.metadata else []


def test_a_folder_with_nothing_to_read_says_what_is_there_and_has_its_account_all_the_same(factory: Factory) -> None:
    for number in range(9):
        wrote(factory.sources / "holiday" / f"IMG_{number}.heic", HEIC)
    result = factory.run("report_job", assets=["source_files"])
    (event,) = result.asset_materializations_for_node("source_files")
    assert "only 9 .heic (not supported: export as JPEG)" in str(event.metadata["note"].value)
    assert event.metadata["ignored"].value == 9
    assert tally_of(factory.store).sentence().startswith("9 of 9 files were not read: 9 .heic")


def test_folders_nested_1500_deep_and_a_folder_that_cannot_be_listed_have_their_rows(
    factory: Factory, request: pytest.FixtureRequest
) -> None:
    picture(factory.sources / "c" / "a.png", (64, 48))
    picture(factory.sources / "c" / "locked" / "page-1.png", (64, 48))
    here = Path.cwd()
    try:
        os.chdir(factory.sources / "c")
        for _ in range(1500):
            os.mkdir("d")  # noqa: PTH102 (a path of this length may be made step by step alone)
            os.chdir("d")
        Path("deep.txt").write_text("here")
    finally:
        os.chdir(here)
        request.addfinalizer(lambda: subprocess.run(["rm", "-r", factory.sources / "c" / "d"], check=True))
    allowed = os.scandir

    def refuse(folder: Path) -> object:  # root may read anything, so permissions alone would test nothing
        if Path(folder).name == "locked":
            raise PermissionError(13, "Permission denied", str(folder))
        return allowed(folder)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(walk_module.os, "scandir", refuse)
        rows = accounted(factory)
    assert rows["c/locked"]["became"] == "refused" and "cannot be listed (Permission denied)" in rows["c/locked"]["why"]
    assert [row["became"] for path, row in rows.items() if path.endswith("/deep.txt")] == ["ignored"]
    assert len(rows) == 3


def test_files_that_go_or_change_while_they_are_counted_stop_nothing(
    factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(6):
        picture(factory.sources / "c" / f"{seed}.png", (64, 48), seed=seed)
    real = walk_module.walk

    def restless(sources: Path) -> Iterator[walk_module.Place]:
        for place in real(sources):
            number = int(Path(place.name).stem)
            if number == 1:
                (sources / place.name).unlink()
            elif number == 2:
                (sources / place.name).unlink()
                os.mkfifo(sources / place.name)
            elif number == 3:
                picture(sources / place.name, (80, 48), seed=99)
            yield place

    factory.scan()
    for module in ("assets.source_images.catalog", "assets.source_files.account"):
        monkeypatch.setattr(f"{module}.walk", restless)
    rows = accounted(factory)
    assert set(rows) == {f"c/{number}.png" for number in range(6)}
    assert {row["became"] for row in rows.values()} <= {"waiting", "removed", "refused"}
    monkeypatch.undo()


def test_the_report_lists_what_was_not_read(factory: Factory) -> None:
    picture(factory.sources / "c" / "a.png", (64, 48))
    wrote(factory.sources / "c" / "<b>.heic", HEIC)
    assert factory.run("report_job").success
    page = (factory.home / "reports" / "index.html").read_text()
    assert "2 of 2 files were not read" in page and "c/&lt;b&gt;.heic" in page and "<b>.heic" not in page


def test_a_home_inside_its_sources_is_one_sentence_for_the_asset(
    factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture(factory.sources / "c" / "a.png", (64, 48))
    monkeypatch.setenv("LWV_HOME", str(factory.sources / "out"))
    result = factory.run("report_job", assets=["source_files"])
    (failure,) = (event for event in result.all_events if event.event_type == dg.DagsterEventType.STEP_FAILURE)
    assert "lies inside LWV_SOURCES" in str(failure.step_failure_data.user_failure_data)


def test_the_sensor_says_so_too_and_goes_on(factory: Factory) -> None:
    picture(factory.sources / "c" / "a.png", (64, 48))
    for home, says in ((factory.sources / "out", "lies inside LWV_SOURCES"), (factory.home, "c-001")):
        resources = {"store": StoreResource(home=str(home)), "sources": SourcesResource(path=str(factory.sources))}
        with dg.build_sensor_context(instance=factory.instance, resources=resources) as context:
            assert says in str(new_shards(context))
