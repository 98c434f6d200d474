"""Rows of long_outputs and source_images as the factory writes them, made by hand."""

import random
from collections.abc import Iterable, Sequence
from typing import Any, cast

from assets.instructions.schema import INSTRUCTIONS, Instruction
from assets.long_outputs.schema import LONG_OUTPUTS, LongOutput
from assets.source_images.schema import SOURCE_IMAGES, Page
from resources.store import Store
from resources.text.words import count_words

WORDS = (
    "water light engine garden morning letter river window number history teacher pressure colour music winter "
    "market building reason surface question animal paper second mountain language picture machine summer island "
    "answer travel bridge village science forest metal station evening"
)
SMALL_WORDS = "the of and to in is that with for as on are by from at which this when"
CHARACTERS = (
    "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动"
    "同工也能下过子说产种面而方后多定行学法所民得经"
)


def english(seed: object, words: int) -> str:
    """English-looking sentences of so many words, different for each seed."""
    draw, vocabulary, small = random.Random(str(seed)), WORDS.split(), SMALL_WORDS.split()
    text, left = [], words
    while left:
        size = min(left, draw.randint(8, 16))
        sentence = [draw.choice(small if index % 2 else vocabulary) for index in range(size)]
        text.append(" ".join(sentence).capitalize() + ".")
        left -= size
    return " ".join(text)


def chinese(seed: object, words: int) -> str:
    draw = random.Random(str(seed))
    return (
        "。".join(
            "".join(draw.choice(CHARACTERS) for _ in range(min(20, words - start))) for start in range(0, words, 20)
        )
        + "。"
    )


def written(example_id: str, text: str, images: Iterable[str] = ("a" * 64,), **values: Any) -> LongOutput:
    """A long_outputs row with one section that covers every page; `values` replace columns."""
    images = list(images)
    section = {
        "index": 0,
        "heading": "A",
        "target_words": 100,
        "text": text,
        "words": count_words(text),
        "pages": list(range(1, len(images) + 1)),
        "call_id": "c",
    }
    blank: dict[str, Any] = dict.fromkeys(LONG_OUTPUTS.schema.names)
    row = (
        blank
        | {
            "example_id": example_id,
            "document_id": example_id,
            "documents": [example_id],
            "kind": "single",
            "split": "sft",
            "language": "en",
            "images": images,
            "instruction": "Write.",
            "request": "Write.",
            "output": text,
            "sections": [section],
            "words": count_words(text),
            "author": "model",
            "repairs": [],
        }
        | values
    )
    return cast(LongOutput, row)


def page(
    document_id: str,
    image: str,
    split: str = "sft",
    phash: str = "0" * 16,
    text: str = "",
    number: int = 1,
) -> Page:
    blank: dict[str, Any] = dict.fromkeys(SOURCE_IMAGES.schema.names)
    row = blank | {
        "document_id": document_id,
        "page": number,
        "split": split,
        "image_sha256": image,
        "phash": phash,
        "ocr_text": text,
        "kind": "single",
        "language": "en",
    }
    return cast(Page, row)


def write_shard(store: Store, shard: str, outputs: Sequence[LongOutput], pages: Sequence[Page] = ()) -> None:
    """The three tables that the gate asks for, and their good reports."""
    from assets.quality.report import write_report

    store.write_table(LONG_OUTPUTS, shard, outputs)
    store.write_table(SOURCE_IMAGES, shard, pages)
    blank = dict.fromkeys(INSTRUCTIONS.schema.names)
    store.write_table(
        INSTRUCTIONS,
        shard,
        (cast(Instruction, {**blank, "example_id": row["example_id"], "split": row["split"]}) for row in outputs),
    )
    for asset in ("source_images", "instructions", "long_outputs"):
        write_report(store, asset, shard, [], [], 0, 0)
