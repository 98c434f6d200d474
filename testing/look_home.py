"""A home for the app to look at, of any size: decks in shards, tables as the factory writes them.

Texts are drawn from a pool of sentences, so that no two segments are alike; images are a few drawn slides. Nothing is
run and no model asked: of a factory's run only what the tables hold is there.
"""

import hashlib
import io
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageDraw

from assets.corrected_segments.critic import corrected_row
from assets.corrected_segments.schema import CORRECTED_SEGMENTS
from assets.instructions.schema import INSTRUCTIONS
from assets.long_outputs.schema import LONG_OUTPUTS
from assets.segments.schema import SEGMENTS
from assets.signals.doubt import doubt_of, doubt_parts
from assets.signals.schema import SIGNALS
from assets.source_images.schema import SOURCE_IMAGES
from assets.source_images.splits import INTERVALS
from resources.identity import TableIdentity
from resources.store import Store
from resources.table import Table
from resources.text.headings import SEPARATOR, page_heading
from testing.rows import chinese, english

SENTENCES = 3_000  # in the pool of each language
IN_PAGE = 9
RULES = ("long_outputs.text_present", "segments.headings_match", "corrected_segments.something_edited")
MODELS = ("teacher-large", "teacher-small")
TEMPLATES = ("write@a561e8c1", "write@77d0c2b4")
Row = dict[str, Any]


@dataclass(frozen=True)
class Size:
    """How large a home is. images: different ones."""

    documents: int
    pages: int
    in_shard: int
    images: int


SMALL = Size(documents=12, pages=4, in_shard=4, images=3)


def write_look_home(home: Path, size: Size = SMALL) -> int:
    """Write it; returns the number of segments."""
    store, draw = Store(home), random.Random(0)
    images = [store.put_image(slide(number)) for number in range(size.images)]
    pool = {
        "en": [english(f"s{number}", 16) for number in range(SENTENCES)],
        "zh": [chinese(f"s{number}", 20) for number in range(SENTENCES)],
    }
    lines, count = list[str](), 0
    for number, start in enumerate(range(0, size.documents, size.in_shard), 1):
        shard = f"lectures-{number:03d}"
        numbers = range(start, min(start + size.in_shard, size.documents))
        of_shard = [document(f"{index}", draw, pool, draw.choices(images, k=size.pages)) for index in numbers]
        for table, rows in tables(of_shard, shard, draw).items():
            write(store, table, shard, rows)
            count += len(rows) if table is SEGMENTS else 0
        lines += [registered(each, shard) for each in of_shard]
    (home / "catalog.jsonl").write_text("".join(lines))
    return count


def slide(number: int) -> bytes:
    """A drawn page, 1024 pixels wide."""
    draw, image = random.Random(number), Image.new("RGB", (1024, 768), (244, 241, 232))
    pen = ImageDraw.Draw(image)
    pen.text((60, 40), f"Slide {number}", fill=(20, 30, 60), font_size=56)
    for line in range(10):
        pen.text((60, 140 + 56 * line), english(f"{number}-{line}", 8), fill=(40, 40, 40), font_size=28)
    for _ in range(12):
        x, y = draw.randrange(900), draw.randrange(600)
        pen.ellipse((x, y, x + 40, y + 40), outline=(draw.randrange(256), 90, 160), width=3)
    data = io.BytesIO()
    image.save(data, "JPEG", quality=80)
    return data.getvalue()


def document(seed: str, draw: random.Random, pool: dict[str, list[str]], images: Sequence[str]) -> Row:
    """One deck: its ids, split, language, images and texts."""
    document_id = hashlib.sha256(seed.encode()).hexdigest()[:16]
    at = int(document_id, 16) / 16**16
    language = "zh" if draw.random() < 0.4 else "en"
    texts = [
        f"## {page_heading(page, language)}\n\n{' '.join(draw.sample(pool[language], IN_PAGE))}"
        for page in range(1, len(images) + 1)
    ]
    return {
        "document_id": document_id,
        "example_id": f"{document_id}-deck",
        "split": next(split for split, (low, high) in INTERVALS.items() if low <= at < high),
        "language": language,
        "images": list(images),
        "texts": texts,
        "model": draw.choice(MODELS),
        "template": draw.choice(TEMPLATES),
        "path": f"lectures/deck-{seed}.pdf",
    }


def tables(documents: Sequence[Row], shard: str, draw: random.Random) -> dict[Table[Any], list[Row]]:
    """The rows of every table of a shard."""
    segments = [row for each in documents for row in segments_of(each)]
    corrected = {row["segment_id"]: row for row in corrections(segments, draw)}
    return {
        SOURCE_IMAGES: [row for each in documents for row in pages_of(each, shard)],
        INSTRUCTIONS: [instruction_of(each) for each in documents],
        LONG_OUTPUTS: [output_of(each) for each in documents],
        SEGMENTS: segments,
        CORRECTED_SEGMENTS: list(corrected.values()),
        SIGNALS: [
            signal_of(each, segment, corrected.get(segment["segment_id"]), draw)
            for each in documents
            for segment in segments_of(each)
        ],
    }


def pages_of(each: Row, shard: str) -> Iterator[Row]:
    for page, image in enumerate(each["images"], 1):
        yield {
            "document_id": each["document_id"],
            "page": page,
            "collection": "lectures",
            "shard": shard,
            "split": each["split"],
            "kind": "deck",
            "image_sha256": image,
            "width": 1024,
            "height": 768,
            "phash": image[:16],
            "ocr_text": each["texts"][page - 1][-300:],
            "language": each["language"],
            "source_path": each["path"],
            "licence": "CC0-1.0",
            "reader": "pdfium",
        }


def instruction_of(each: Row) -> Row:
    return {
        **{name: each[name] for name in ("example_id", "document_id", "split", "language", "images")},
        "documents": [each["document_id"]],
        "kind": "deck",
        "pages": list(range(1, len(each["images"]) + 1)),
        "request": "Write a lecture script for these slides.",
        "instruction": "Write a lecture script of 2,500 words for these slides.",
        "required_words": 2500,
        "target_words": 2500,
        "length_from": "stated",
        "task": "lecture_script",
        "origin": "deck",
        "author": "fixed",
        "call_id": None,
    }


def output_of(each: Row) -> Row:
    return {
        **{name: each[name] for name in ("example_id", "document_id", "split", "language", "images")},
        "documents": [each["document_id"]],
        "kind": "deck",
        "task": "lecture_script",
        "request": "Write a lecture script for these slides.",
        "instruction": "Write a lecture script of 2,500 words for these slides.",
        "output": SEPARATOR.join(each["texts"]),
        "sections": [
            {
                "index": index,
                "heading": page_heading(index + 1, each["language"]),
                "target_words": IN_PAGE * 16,
                "text": text,
                "words": IN_PAGE * 16,
                "pages": [index + 1],
                "call_id": hashlib.sha256(f"{each['example_id']}{index}".encode()).hexdigest(),
            }
            for index, text in enumerate(each["texts"])
        ],
        "plan_call_id": hashlib.sha256(each["example_id"].encode()).hexdigest(),
        "words": len(each["texts"]) * IN_PAGE * 16,
        "required_words": 2500,
        "target_words": 2500,
        "length_from": "stated",
        "repairs": [],
        "length_score": 92.0,
        "prompt_tokens": 60_000,
        "cached_tokens": 40_000,
        "completion_tokens": 4_000,
        "cost_usd": 0.04,
        "author": each["model"],
    }


def segments_of(each: Row) -> list[Row]:
    return [
        {
            "segment_id": f"{each['example_id']}-{index:03d}",
            "example_id": each["example_id"],
            "document_id": each["document_id"],
            "split": each["split"],
            "index": index,
            "page": index + 1,
            "text": text,
            "words": IN_PAGE * 16,
            "author": each["model"],
            "drafted_by": "teacher",
        }
        for index, text in enumerate(each["texts"])
    ]


def corrections(segments: Sequence[Row], draw: random.Random) -> Iterator[Row]:
    """Of the preference split; a third is edited."""
    for segment in segments:
        if segment["split"] != "preference":
            continue
        text = segment["text"]
        if draw.random() < 0.35:
            text = text.replace(". ", ", as the page says. ", 1).replace("。 ", "，如图所示。 ", 1)
        errors = draw.sample(["factual", "missing", "repetitive"], draw.randint(1, 2))
        correction: Any = {"errors": errors, "reason": "The page says so.", "text": text}
        segment_row: Any = segment
        call = hashlib.sha256(f"{segment['segment_id']}c".encode()).hexdigest()
        yield dict(corrected_row(segment_row, correction, "critic-large", call))


def signal_of(each: Row, segment: Row, corrected: Row | None, draw: random.Random) -> Row:
    """A row whose doubt follows from its other columns, as in the factory; most are clean."""
    off = draw.random()
    row: Any = {
        **{name: segment[name] for name in ("segment_id", "example_id", "document_id", "split", "index", "page")},
        "kind": "deck",
        "language": each["language"],
        "author": each["model"],
        "drafted_by": "teacher",
        "template": each["template"],
        "words": draw.randint(90, 180),
        "target_words": 160,
        "length_score": round(draw.uniform(60, 100), 3),
        "repeated_share": draw.uniform(0.1, 1) if off < 0.03 else 0.0,
        "earlier_share": draw.uniform(0.1, 1) if 0.03 < off < 0.05 else 0.0,
        "loops": off < 0.004,
        "written_language": each["language"] if off > 0.002 else "en",
        "page_terms": 40,
        "page_share": draw.uniform(0.1, 1),
        "numbers_off": [str(draw.randint(2, 999)) for _ in range(draw.randint(1, 3))] if 0.05 < off < 0.08 else [],
        "numbers_elsewhere": [],
        "names_off": draw.sample(["Lisbon", "Kepler", "Geneva", "Quito"], 2) if 0.06 < off < 0.16 else [],
        "names_elsewhere": [],
        "placeholders": ["[name]"] if 0.16 < off < 0.163 else [],
        "headings": 1,
        "heading_lost": 0.163 < off < 0.166,
        "edited": corrected["edited"] if corrected else None,
        "edit_distance": 4 * corrected["edited"] if corrected else None,
        "edit_share": 0.03 * corrected["edited"] if corrected else None,
        "errors": corrected["errors"] if corrected else [],
        "tokens": 4_500,
        "cost_usd": 0.0026,
        "rules": draw.sample(RULES, 1) if 0.17 < off < 0.19 else [],
        "doubt": 0,
        "parts": [],
    }
    row["parts"] = doubt_parts(row)
    row["doubt"] = doubt_of(row["parts"])
    return dict(row)


def registered(each: Row, shard: str) -> str:
    """Its line of the catalogue."""
    entry = {
        "document_id": each["document_id"],
        "collection": "lectures",
        "shard": shard,
        "split": each["split"],
        "kind_hint": "deck",
        "path": each["path"],
        "size": 100_000,
        "mtime_ns": 1,
        "duplicate_of": None,
        "readable": True,
        "gone": False,
    }
    return json.dumps(entry) + "\n"


def write(store: Store, table: Table[Any], shard: str, rows: Sequence[Row]) -> None:
    """As `Store.write_table` does, without cleaning texts that are clean."""
    path = store.table_path(table.name, shard)
    path.parent.mkdir(parents=True, exist_ok=True)
    identity = TableIdentity(table.version, recipe={"pairs.whole": True}).with_content(f"{table.name}{shard}")
    with pq.ParquetWriter(path, table.schema) as writer:
        writer.write_table(pa.Table.from_pylist(list(rows), table.schema), row_group_size=len(rows) or 1)
        writer.add_key_value_metadata(identity.as_metadata())
