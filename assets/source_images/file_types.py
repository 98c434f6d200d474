"""What a file is by its first bytes, as a media type, whatever its name says."""

EMPTY = "inode/x-empty"
BINARY = "application/octet-stream"

# First bytes that stand for a type; the longer ones first where one begins with another.
SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", "application/pdf"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF8", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"BM", "image/bmp"),
    (b"\xff\x0a", "image/jxl"),
    (b"\0\0\0\x0cJXL ", "image/jxl"),
    (b"\0\0\0\x0cjP  ", "image/jp2"),
    (b"\0\0\1\0", "image/vnd.microsoft.icon"),
    (b"8BPS", "image/vnd.adobe.photoshop"),
    (b"AT&TFORM", "image/vnd.djvu"),
    (b"%!PS", "application/postscript"),
    (b"{\\rtf", "text/rtf"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),  # Word, PowerPoint and Excel before 2007
    (b"Rar!", "application/vnd.rar"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"\x1f\x8b", "application/gzip"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\0", "application/x-xz"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
    (b"\x1aE\xdf\xa3", "video/x-matroska"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"SQLite format 3\0", "application/vnd.sqlite3"),
    (b"\x7fELF", "application/x-executable"),
    (b"MZ", "application/vnd.microsoft.portable-executable"),
)
RIFF = {b"WEBP": "image/webp", b"AVI ": "video/x-msvideo", b"WAVE": "audio/x-wav"}
BRANDS = {  # of ISO media files: what follows `ftyp`
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"), "image/heic"),
    **dict.fromkeys((b"avif", b"avis"), "image/avif"),
    **dict.fromkeys((b"M4A ", b"M4B "), "audio/mp4"),
    b"qt  ": "video/quicktime",
    b"crx ": "image/x-canon-cr3",
}
OFFICE = {  # a part that stands early in the files of each program
    b"ppt/": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    b"word/": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    b"xl/": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
READ_HERE = {  # what can be read, if only the name says so too
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "image/bmp": ".bmp",
    "image/webp": ".webp",
    "image/tiff": ".tif",
    "application/pdf": ".pdf",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
}


def type_of(head: bytes) -> str:
    """The media type of a file that begins with these bytes (some hundred)."""
    if not head:
        return EMPTY
    if head.startswith(b"PK\x03\x04"):
        return _zip_type(head)
    if head.startswith(b"RIFF"):
        return RIFF.get(head[8:12], BINARY)
    if head[4:8] == b"ftyp":
        return BRANDS.get(head[8:12], "video/mp4")
    for signature, name in SIGNATURES:
        if head.startswith(signature):
            return name
    if head[257:262] == b"ustar":
        return "application/x-tar"
    return _text_type(head)


def _zip_type(head: bytes) -> str:
    """A ZIP file may say what it holds in its first member: by name, or in a `mimetype` that is not compressed."""
    name = head[30 : 30 + int.from_bytes(head[26:28], "little")]
    if name == b"mimetype":
        said = head[38 : 38 + int.from_bytes(head[22:26], "little")]
        return said.decode("ascii", errors="replace").strip() if 0 < len(said) < 100 else "application/zip"
    for part, office in OFFICE.items():
        if part in head:
            return office
    office_like = name in (b"[Content_Types].xml", b"_rels/.rels", b"docProps/")
    return "application/vnd.openxmlformats-officedocument" if office_like else "application/zip"


def _text_type(head: bytes) -> str:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:200].lower()
    if b"<svg" in start:
        return "image/svg+xml"
    if start.startswith((b"<!doctype html", b"<html")):
        return "text/html"
    if start.startswith(b"<?xml"):
        return "text/xml"
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.end < len(head) or error.start < len(head) - 3:  # else a letter is cut at the end of what was read
            return BINARY
        text = head[: error.start].decode("utf-8")
    return "text/plain" if all(c.isprintable() or c.isspace() for c in text) else BINARY
