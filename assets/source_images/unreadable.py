"""Why a source document cannot be used, as one sentence for a person."""


class UnreadableError(ValueError):
    """A source document that cannot become pages. The message names the file, what is wrong and what to do."""


SIGNATURES = (
    (b"%PDF", "a PDF header"),
    (b"PK\x03\x04", "a ZIP or Office header"),
    (b"\xd0\xcf\x11\xe0", "an old Office header"),
    (b"\xff\xd8\xff", "a JPEG header"),
    (b"\x89PNG", "a PNG header"),
    (b"GIF8", "a GIF header"),
    (b"{\\rtf", "a rich text header"),
    (b"version https://git-lfs", "a Git LFS pointer: run `git lfs pull`"),
)


def starts_with(head: bytes) -> str:
    """What the first bytes of a file look like, in words."""
    for signature, words in SIGNATURES:
        if head.startswith(signature):
            return words
    if head[4:8] == b"ftyp":
        return "a HEIC, AVIF or video header: export it as JPEG"
    if head.lstrip()[:9].lower().startswith((b"<!doctype", b"<html", b"<svg", b"<?xml")):
        return "HTML or XML"
    if not head.strip(b"\0"):
        return "zeros"
    try:
        text = head.decode("utf-8", errors="strict" if len(head) < 512 else "ignore")
    except UnicodeDecodeError:
        return "bytes of no known kind"
    return "plain text" if all(c.isprintable() or c.isspace() for c in text) else "bytes of no known kind"
