"""Which document a file or folder is: a hash of its bytes, and a cheap stamp by which a change is seen."""

import hashlib
from pathlib import Path

from assets.source_images.pages import folder_images, leads_outside
from assets.source_images.plain_files import open_plain
from resources.settings import Settings

DIGITS = 16


def document_hash(path: Path, settings: Settings) -> str:
    """First 16 hex digits of the sha256 over a file's bytes, or over the names and bytes of a folder's images.

    path: below `settings.sources`. What may not or cannot be read (a link that leads out, no permission, no plain
    file, more bytes or pages than the settings allow) is identified by its path instead, and not opened.
    """
    most = settings.max_file_mb * 1_000_000
    digest = hashlib.sha256()
    try:
        if leads_outside(path, settings.sources):
            raise PermissionError(path)
        if path.is_dir():
            files = folder_images(path)
            if len(files) > settings.max_pages or any(leads_outside(file, settings.sources) for file in files):
                raise PermissionError(path)
            for file in files:
                digest.update(f"{file.name}\0{file.stat().st_size}\0".encode())
                _feed(digest, file, most)
        else:
            _feed(digest, path, most)
    except OSError:
        return unread_id(path.relative_to(settings.sources).as_posix())
    return digest.hexdigest()[:DIGITS]


def unread_id(name: str) -> str:
    """The id of a document whose bytes were not read. name: relative to the sources folder."""
    return hashlib.sha256(f"unread\0{name}".encode()).hexdigest()[:DIGITS]


def stamp(path: Path) -> tuple[int, int]:
    """(bytes, newest time in ns) of a document: enough to see that it changed; (0, 0) where it cannot be looked at."""
    try:
        stats = [path.stat(), *(file.stat() for file in folder_images(path))] if path.is_dir() else [path.stat()]
    except OSError:
        return 0, 0
    size = sum(stat.st_size for stat in (stats[1:] if path.is_dir() else stats))
    return size, max(stat.st_mtime_ns for stat in stats)


def _feed(digest: "hashlib._Hash", path: Path, most_bytes: int) -> None:
    with open_plain(path, most_bytes) as file:
        while block := file.read(1 << 20):
            digest.update(block)
