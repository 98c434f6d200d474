"""The table that `source_files` writes: a row per file under LWV_SOURCES."""

from typing import TypedDict

from assets.source_images.not_read import Became
from resources.table import Float64, Int64, Table


class SourceFile(TypedDict):
    """A file, or a folder that could not be listed; and what was there once."""

    path: str  # relative to LWV_SOURCES; what cannot be shown is escaped
    bytes: Int64  # of a document that was removed: of all its files
    type: str  # media type by the first bytes; inode/… of what is no plain file; empty where it was not opened
    became: Became  # read | refused | ignored | removed | waiting (for its shard to be run)
    cause: str  # what such files have in common, as they are counted; empty of what was read
    why: str  # about this file, with what to do; empty of what was read
    document_id: str  # that it is, or is a page of; else empty
    collection: str  # … of the document
    shard: str
    licence: str  # SPDX expression; unknown where none is stated, empty of what is no document
    mtime: Float64  # Unix time, seconds


SOURCE_FILES = Table("source_files", SourceFile)
