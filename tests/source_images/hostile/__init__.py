"""Broken and hostile files: named ones, each of a kind of its own, and mutations of good ones."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.source_images.hostile.decks import DECKS
from tests.source_images.hostile.pdfs import PDFS
from tests.source_images.hostile.pictures import PICTURES, saved

ROOT = Path(__file__).resolve().parents[3]
SAMPLES = ROOT / "samples"
SEEDS = {
    "deck.pptx": SAMPLES / "lectures/how-a-camera-sees.pptx",
    "scan.pdf": SAMPLES / "lectures/pictures-from-space-flight.pdf",
    "text.pdf": SAMPLES / "lectures/the-water-cycle.pdf",
    "photo.jpg": SAMPLES / "photographs/dahlia.jpg",
}
MADE = {"png": "PNG", "gif": "GIF", "tif": "TIFF", "webp": "WEBP", "bmp": "BMP"}
WAYS = ("bits", "bytes", "cut", "hole", "twice", "swapped", "head", "other")


NAMED: dict[str, Callable[[], bytes]] = {
    **{f"{name}.pdf": make for name, make in PDFS.items()},
    **PICTURES,
    **{f"{name}.pptx": make for name, make in DECKS.items()},
    "text.png": lambda: b"just some words",
    "page.pdf": lambda: b"<!doctype html><p>no PDF",
    "pdf.jpg": PDFS["white"],
    "jpeg.pdf": lambda: saved((60, 60), "JPEG"),
    "old.pptx": lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(3000),
    "pointer.pdf": lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n",
    "zeros.jpg": lambda: bytes(5000),
    "empty.png": lambda: b"",
}


def mutated(count: int) -> Iterator[tuple[str, bytes]]:
    """File name and bytes of `count` mutations of good files, the same each time."""
    seeds = {name: path.read_bytes() for name, path in SEEDS.items()}
    seeds |= {f"made.{suffix}": saved((240, 160), form) for suffix, form in MADE.items()}
    names = sorted(seeds)
    for number in range(count):
        draw = random.Random(number)
        name = names[number % len(names)]
        way = WAYS[(number // len(names)) % len(WAYS)]
        yield f"{number:03d}-{way}-{name}", mutate(seeds[name], way, draw, seeds[draw.choice(names)])


def mutate(  # noqa: C901  # a way each
    data: bytes, way: str, draw: random.Random, other: bytes
) -> bytes:
    """One mutation. other: another good file, for those that mix two."""
    changed, at = bytearray(data), draw.randrange(len(data))
    size = draw.randint(1, max(2, len(data) // 10))
    match way:
        case "bits":
            for _ in range(draw.choice((1, 3, 30, 300))):
                changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
        case "bytes":
            for _ in range(draw.choice((1, 10, 200))):
                changed[draw.randrange(len(changed))] = draw.choice((0, 255, draw.randrange(256)))
        case "cut":
            del changed[at:]
        case "hole":
            changed[at : at + size] = bytes(size)
        case "twice":
            changed[at:at] = changed[at : at + size]
        case "swapped":
            changed[: min(64, len(other))] = other[:64]
        case "head":
            for place in range(min(48, len(changed))):
                if draw.random() < 0.2:
                    changed[place] = draw.randrange(256)
        case "other":
            changed[at : at + size] = other[:size]
    return bytes(changed)


def write(folder: Path, mutations: int) -> list[Path]:
    """All named files and some mutations, in a collection of their own."""
    folder.mkdir(parents=True)
    for name, make in NAMED.items():
        (folder / name).write_bytes(make())
    for name, data in mutated(mutations):
        (folder / name).write_bytes(data)
    for known in sorted((ROOT.parent / "shared/inputs/hostile").glob("*")):  # where there are any
        (folder / f"given-{known.name}").write_bytes(known.read_bytes())
    return sorted(folder.iterdir())
