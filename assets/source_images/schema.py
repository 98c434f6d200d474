"""The table that `source_images` writes: a row per page."""

from typing import Literal, TypedDict

from assets.source_images.splits import Split
from resources.table import Int32, Table

Kind = Literal["single", "multi", "deck"]


class Page(TypedDict):
    """A page of a document."""

    document_id: str  # first 16 hex digits of the sha256 over the document's files
    page: Int32  # 1-based, in reading order
    collection: str  # the folder under LWV_SOURCES
    shard: str  # <collection>-<nnn>
    split: Split  # benchmark: held out from training
    kind: Kind
    image_sha256: str  # of the stored JPEG
    width: Int32  # pixels, after orientation and size cap
    height: Int32  # pixels
    phash: str  # 64-bit perceptual hash, 16 hex digits
    ocr_text: str  # lines in reading order, joined by newline; empty where the page has no text
    language: str  # ISO 639-1 of ocr_text; `und` where there is too little text to tell
    source_path: str  # relative to LWV_SOURCES
    licence: str  # SPDX expression from the collection's LICENCES.csv, else `unknown`
    reader: str  # what drew the page: pillow | pdfium | libreoffice | python-pptx


SOURCE_IMAGES = Table("source_images", Page)
