"""A PPTX as page images: through LibreOffice where it is installed, else drawn from what python-pptx reads."""

import logging
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image

from assets.source_images.pdf import close_pdf, open_pdf, page_images
from assets.source_images.slide import draw_slide
from assets.source_images.unreadable import UnreadableError, starts_with, unreadable

if TYPE_CHECKING:
    from pptx.presentation import Presentation
    from pptx.slide import Slide

MAX_DECOMPRESSED = 1 << 30  # bytes of all parts together; more is a zip bomb

# A deck is somebody else's file: no macro runs, and nothing it links to is fetched.
PROFILE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Common/Security/Scripting">
<prop oor:name="MacroSecurityLevel" oor:op="fuse"><value>3</value></prop></item>
<item oor:path="/org.openoffice.Office.Common/Security/Scripting">
<prop oor:name="DisableActiveContent" oor:op="fuse"><value>true</value></prop></item>
<item oor:path="/org.openoffice.Office.Common/Security/Scripting">
<prop oor:name="BlockUntrustedRefererLinks" oor:op="fuse"><value>true</value></prop></item>
</oor:items>
"""

logger = logging.getLogger(__name__)


class OpenDeck(NamedTuple):
    """A deck that is being read. reader: `libreoffice` or `python-pptx`; images: its pages in RGB, in order."""

    reader: str
    pages: int
    images: Iterator[Image.Image]


def slide_count(path: Path, name: str) -> int:
    """How many slides the file holds, hidden ones included; looks at the list of parts only.

    Raises UnreadableError (not a PPTX, cut off, a zip bomb, a password is needed).
    """
    try:
        with zipfile.ZipFile(path) as parts:
            size = sum(part.file_size for part in parts.infolist())
            names = parts.namelist()
    except Exception as error:  # three flipped bits are a NotImplementedError
        with path.open("rb") as file:
            head = file.read(512)
        if head.startswith(b"\xd0\xcf\x11\xe0"):
            raise UnreadableError(
                f"{name} needs a password or is an old PPT file; save it as PPTX without one"
            ) from error
        if head.startswith(b"PK"):
            raise unreadable(name, error, "opened as PPTX") from error
        raise UnreadableError(
            f"{name} is not a PPTX (it starts with {starts_with(head)}); remove it or replace it"
        ) from error
    if size > MAX_DECOMPRESSED:
        raise UnreadableError(f"{name} decompresses to more than 1 GB; remove it, or save it with smaller pictures")
    if "ppt/presentation.xml" not in names:
        raise UnreadableError(f"{name} is a ZIP file but holds no presentation; remove it or replace it")
    return sum(part.startswith("ppt/slides/slide") and part.endswith(".xml") for part in names)


@contextmanager
def open_pptx(path: Path, name: str, max_side: int) -> Iterator[OpenDeck]:
    """A deck's pages without hidden slides, longest side `max_side` pixels. Raises UnreadableError."""
    slide_count(path, name)
    presentation, slides = _shown_slides(path, name)
    if not slides:
        raise UnreadableError(f"{name} has no slide to show; remove it or replace it")
    with tempfile.TemporaryDirectory(prefix="lwv-pptx-") as folder:
        converted = _convert(path, Path(folder), name)
        if converted is None:
            yield OpenDeck("python-pptx", len(slides), _drawn(presentation, slides, name, max_side))
            return
        document = open_pdf(converted, name)
        try:
            yield OpenDeck("libreoffice", len(document), page_images(document, name, max_side))
        finally:
            close_pdf(document)


def _shown_slides(path: Path, name: str) -> "tuple[Presentation, list[Slide]]":
    import pptx  # slow to import: only where a deck is read

    try:
        presentation = pptx.Presentation(str(path))
        slides = [slide for slide in presentation.slides if slide._element.get("show") not in ("0", "false")]
    except Exception as error:  # python-pptx lets through whatever lxml and zipfile raise
        raise unreadable(name, error, "opened as PPTX") from error
    return presentation, slides


def _drawn(presentation: "Presentation", slides: "list[Slide]", name: str, max_side: int) -> Iterator[Image.Image]:
    width, height = presentation.slide_width, presentation.slide_height
    if width is None or height is None:
        raise UnreadableError(f"{name} does not say how large its slides are; save it again, or replace it")
    for number, slide in enumerate(slides, 1):
        try:
            yield draw_slide(slide, width, height, max_side)
        except UnreadableError as error:
            raise UnreadableError(f"page {number} of {name}: {error}") from error
        except Exception as error:
            raise unreadable(f"page {number} of {name}", error, "drawn") from error


def _convert(path: Path, folder: Path, name: str) -> Path | None:
    """The deck as PDF inside `folder`, or None where LibreOffice is absent or gives up (a warning says so).

    It lives and dies with the process that reads: whoever limits that one in time and memory limits this one.
    """
    program = shutil.which("soffice") or shutil.which("libreoffice")
    if program is None:
        return None
    profile = folder / "profile"  # one of its own: two LibreOffice processes cannot share a profile
    (profile / "user").mkdir(parents=True)
    (profile / "user" / "registrymodifications.xcu").write_text(PROFILE, encoding="utf-8")
    source = folder / "deck.pptx"  # a plain name, whatever the file is called
    shutil.copyfile(path, source)
    command = [
        program,
        f"-env:UserInstallation={profile.as_uri()}",
        "--headless",
        "--norestore",
        "--nolockcheck",
        "--convert-to",
        "pdf",
        "--outdir",
        str(folder),
        str(source),
    ]
    quiet = subprocess.DEVNULL
    done = subprocess.run(command, stdin=quiet, stdout=quiet, stderr=quiet, check=False)
    converted = folder / "deck.pdf"
    if converted.exists() and done.returncode == 0:
        return converted
    logger.warning("LibreOffice did not convert %s (exit code %d); drawing it without.", name, done.returncode)
    return None
