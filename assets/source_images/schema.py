"""The table that `source_images` writes: a row per page."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        ("document_id", pa.string()),  # first 16 hex digits of the sha256 over the document's files
        ("page", pa.int32()),  # 1-based, in reading order
        ("collection", pa.string()),  # the folder under LWV_SOURCES
        ("shard", pa.string()),  # <collection>-<nnn>
        ("split", pa.string()),  # sft | preference | benchmark (held out from training)
        ("kind", pa.string()),  # single | multi | deck
        ("image_sha256", pa.string()),  # of the stored JPEG
        ("width", pa.int32()),  # pixels, after orientation and size cap
        ("height", pa.int32()),  # pixels
        ("phash", pa.string()),  # 64-bit perceptual hash, 16 hex digits
        ("ocr_text", pa.string()),  # lines in reading order, joined by newline; empty where the page has no text
        ("language", pa.string()),  # ISO 639-1 of ocr_text; `und` where there is too little text to tell
        ("source_path", pa.string()),  # relative to LWV_SOURCES
        ("licence", pa.string()),  # SPDX expression from the collection's LICENCES.csv, else `unknown`
        ("reader", pa.string()),  # what drew the page: pillow | pdfium | libreoffice | python-pptx
    ]
)
