"""Why a file is not read, and what to do about it: by its name, its ending and its first bytes."""

import errno
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from assets.source_images.file_types import READ_HERE

Became = Literal["read", "refused", "ignored", "removed", "waiting"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a file. cause: what such files have in common, as they are counted; why: about this one."""

    became: Became
    cause: str
    why: str


def ignored(cause: str, do: str) -> Verdict:
    """A file of no concern. `cause` is what it is, `do` what helps."""
    return Verdict("ignored", f"{cause} ({do})", f"{cause}: {do}")


def refused(cause: str, do: str) -> Verdict:
    """A file that should have been read."""
    return Verdict("refused", f"{cause} ({do})", f"{cause}: {do}")


NEVER = "no document, never opened, best removed"
HIDDEN = ignored("hidden", "rename what is to be read: its name, or that of a folder above it, begins with a dot")
LOCK = ignored("lock file of Office", "gone when the document is closed")
UNPACKED = ignored("in __MACOSX", "left over from an archive, nothing to do")
SYSTEM = ignored("file of the operating system", "nothing to do")
NOT_TEXT = refused("name that is not UTF-8", "rename the file or the folder")
OUTSIDE = refused("link out of the sources folder", "put a copy there instead")
FOLDER_LINK = ignored("link to a folder", "what is in the folder is read where it lies")
DEAD_LINK = refused("link that leads nowhere", "remove the link or put the file there")
PIPE = ignored("named pipe", NEVER)
SOCKET = ignored("socket", NEVER)
DEVICE = ignored("device", NEVER)
LICENCES = Verdict("read", "LICENCES.csv", "it states the licences of its collection")
LICENCES_MISFIT = "LICENCES.csv with lines that fit no file"
LICENCES_LOOSE = ignored("LICENCES.csv that no collection has", "put it directly into the collection's folder")
LICENCES_FORM = refused("LICENCES.csv that is no plain file", "give its collection a CSV file of this name")
SYSTEM_NAMES = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"})
HIDDEN_SYSTEM_NAMES = frozenset(  # of files and folders
    {".ds_store", ".localized", ".directory", ".spotlight-v100", ".fseventsd", ".trashes", ".temporaryitems"}
)
SEVERAL = {  # how what such files have in common begins, of more than one of them
    "lock file": "lock files",
    "file of": "files of",
    "file without": "files without",
    "name that is": "names that are",
    "link out": "links out",
    "link to": "links to",
    "link that leads": "links that lead",
    "named pipe": "named pipes",
    "socket": "sockets",
    "device": "devices",
    "LICENCES.csv that is": "LICENCES.csv that are",
    "folder that": "folders that",
}
LICENCE_NAMES = frozenset({"licences.csv", "licenses.csv", "licence.csv", "license.csv"})


def unlisted(error: OSError) -> Verdict:
    """Of a folder into which nobody lets us, or which no path is short enough to name."""
    do = "give yourself the right to read and enter it"
    if error.errno == errno.ENAMETOOLONG:
        do = "move it further up"
    why = f"the folder cannot be listed ({error.strerror}): {do}"
    return Verdict("refused", f"folder that cannot be listed ({do})", why)


@dataclass(frozen=True)
class _Kind:
    what: str
    do: str
    endings: str


_KINDS = (
    _Kind("a photograph that no model reads", "export as JPEG", "heic heif hif avif jxl"),
    _Kind("a camera's raw picture", "export as JPEG", "raw dng cr2 cr3 nef arw orf rw2 raf pef srw"),
    _Kind("a picture", "export as PNG or JPEG", "jp2 j2k jpf jpx ico icns tga pcx ppm pgm pbm pnm exr hdr dds qoi"),
    _Kind(
        "a drawing",
        "export as PDF or PNG",
        "svg eps ps ai psd xcf cdr indd emf wmf vsd vsdx drawio sketch fig afdesign",
    ),
    _Kind("a presentation", "save as PPTX or export as PDF", "ppt pps ppsx pptm potx pot odp key gslides"),
    _Kind("a text document", "export as PDF", "doc docx docm dot dotx odt rtf pages gdoc wpd tex epub mobi azw3 fb2"),
    _Kind("a scan", "export as PDF", "djvu djv xps oxps"),
    _Kind("a table", "export as PDF where it is to be read", "xls xlsx xlsm xlsb ods numbers csv tsv parquet gsheet"),
    _Kind(
        "text without pages", "print it to PDF where it is to be read", "txt md markdown rst log nfo srt vtt bib org"
    ),
    _Kind("a web page", "print it to PDF where it is to be read", "html htm xhtml mht mhtml webarchive"),
    _Kind("data", "nothing to do", "json jsonl yaml yml toml xml ini cfg conf db sqlite sqlite3 pkl npy npz bin dat"),
    _Kind("code", "nothing to do", "py ipynb js ts c h cpp java go rs sh bat ps1 css r m sql"),
    _Kind("an archive", "unpack it", "zip tar gz tgz bz2 tbz xz txz zst 7z rar cab iso dmg jar"),
    _Kind("a video", "export stills as JPEG", "mp4 m4v mov avi mkv webm wmv flv mpg mpeg mts m2ts 3gp ogv"),
    _Kind("sound", "nothing to do", "mp3 wav m4a m4b aac flac ogg oga opus wma aif aiff mid midi"),
    _Kind("a shortcut", "put a copy of the file there", "lnk url webloc desktop alias"),
    _Kind("mail", "export as PDF where it is to be read", "eml msg mbox pst"),
    _Kind("a file that is not finished", "wait until it is whole", "part crdownload download partial tmp temp swp"),
    _Kind("a copy of the editor's", "nothing to do", "bak old orig"),
)
KINDS: Mapping[str, _Kind] = {f".{ending}": kind for kind in _KINDS for ending in kind.endings.split()}


def ending_of(name: str) -> str:
    """The ending of a file name in lower case, with its dot; empty where it has none."""
    stem, dot, ending = name.rpartition(".")
    return f".{ending.lower()}" if stem and dot else ""


def by_name(name: str) -> Verdict | None:
    """What a file or folder of this name (its last part) is set aside for, with all that is in it; None where nothing.

    A name that is not UTF-8 is one that cannot be encoded.
    """
    if name.lower() in HIDDEN_SYSTEM_NAMES or name.startswith("._"):  # ._a.jpg: what macOS notes about a.jpg
        return SYSTEM
    if name.startswith("."):
        return HIDDEN
    if name.startswith("~$"):
        return LOCK
    if name.startswith("__MACOSX"):
        return UNPACKED
    try:
        name.encode()
    except UnicodeEncodeError:
        return NOT_TEXT
    return None


def by_ending(name: str, media_type: str) -> Verdict:
    """Why a plain file is no document. media_type: by its content; empty: it was not looked at."""
    if name.lower() in SYSTEM_NAMES:
        return SYSTEM
    if name.lower() in LICENCE_NAMES:
        return ignored("licences under another name", "the name is LICENCES.csv, in capitals as here")
    ending = ending_of(name)
    called = ending or "file without an ending"
    if kind := KINDS.get(ending):
        counted = f"{called} (not supported: {kind.do})"
        return Verdict("ignored", counted, f"{called} is not supported, it is {kind.what}: {kind.do}")
    if readable := READ_HERE.get(media_type):
        return ignored(f"{media_type} under another ending", f"rename it to {readable}")
    return ignored(called, "not supported: export as JPEG, PDF or PPTX what is to be read")


def counted(causes: Mapping[str, int], pressing: Collection[str] = (), most: int = 8) -> str:
    """`2 in quarantine, 9 .heic (not supported: export as JPEG), 2 hidden (…)`: all of `pressing`, then the commonest
    of the others; those beyond `most` of them as a number."""
    ordered = sorted(causes.items(), key=lambda cause: (cause[0] not in pressing, -cause[1], cause[0]))
    most += sum(cause in pressing for cause in causes)
    more = sum(count for _, count in ordered[most:])
    named = [f"{count} {_cause(cause, count)}" for cause, count in ordered[:most]]
    return ", ".join([*named, *([f"{more} of other kinds"] if more else [])])


def _cause(cause: str, count: int) -> str:
    """What `count` files have in common, in the number that it needs."""
    begins = next((one for one in SEVERAL if cause.startswith(one)), "") if count > 1 else ""
    return SEVERAL[begins] + cause.removeprefix(begins) if begins else cause
