"""A deck as preference training sees it: pages, and a corrected and an original text for each."""

import random
from pathlib import Path

from PIL import Image

from assets.preference_dataset.starts import page_starts
from resources.text.headings import SEPARATOR
from resources.training.rows.dataset_rows import ImageFile, Kind, PairRow

PAGE_PIXELS = 280 * 280  # the paper's size: 100 visual tokens
WORDS = [
    f"{first}{middle}{last}"
    for first in ("ri", "mo", "ta", "ke", "lu", "sha")
    for middle in ("ver", "lin", "dor")
    for last in ("", "s", "ed", "ing", "y")
]


def segments(count: int, words: int, seed: int) -> list[str]:
    """`count` page texts of `words` words."""
    draw = random.Random(seed)
    return [f"## Slide {number}\n\n" + " ".join(draw.choices(WORDS, k=words)) + "." for number in range(1, count + 1)]


def draw_pages(folder: Path, count: int) -> list[ImageFile]:
    """Pages of PAGE_PIXELS: noise, the same each time."""
    pages: list[ImageFile] = []
    for number in range(count):
        path = folder / f"page-{number}.png"
        Image.frombytes("L", (280, 280), random.Random(number).randbytes(280 * 280)).convert("RGB").save(path)
        pages.append({"bytes": None, "path": str(path)})
    return pages


def pair_rows(
    kind: Kind,
    corrected: list[str],
    original: list[str],
    pages: list[ImageFile],
) -> list[PairRow]:
    """The rows of preference_dataset for one document; `whole`: one pair of both texts whole."""
    count = len(corrected)
    rows: list[PairRow] = []
    for upto in range(1, count + 1) if kind != "whole" else [count]:
        prefix = SEPARATOR.join(corrected[: upto - 1]) if kind == "shared_prefix" else ""
        chosen = corrected[upto - 1] if kind == "shared_prefix" else SEPARATOR.join(corrected[:upto])
        rejected = original[upto - 1] if kind == "shared_prefix" else SEPARATOR.join(original[:upto])
        before = corrected[: upto - 1] if kind == "shared_prefix" else original[: upto - 1]
        rows.append(
            {
                "id": f"deck-{kind}-{upto}",
                "prompt": "Write a lecture script for these slides.",
                "prefix": prefix,
                "chosen": chosen,
                "rejected": rejected,
                "closes": upto == count,
                "weight": 1 / count,
                "kind": kind,
                "images": pages[:upto] if kind == "cumulative" else pages,
                "chosen_starts": page_starts(corrected[:upto]),
                "rejected_starts": page_starts([*before, original[upto - 1]]),
            }
        )
    return rows
