"""Image files that hurt whoever decodes them."""

import io
import struct
import zlib
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

Tag = tuple[int, int, int, int]  # number, type (3: short, 4: long), count, value


def tiff(directories: int, tags: Sequence[Tag], data: bytes = b"", last: int = 0) -> bytes:
    """A TIFF of the same directory many times; `data` stands at offset 8; last: where the last one points."""
    start = 8 + len(data) + len(data) % 2
    length = 2 + 12 * len(tags) + 4
    entries = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags)
    body = b"".join(
        entries + struct.pack("<I", start + (number + 1) * length if number + 1 < directories else last)
        for number in range(directories)
    )
    return struct.pack("<2sHI", b"II", 42, start) + data + b"\0" * (len(data) % 2) + body


def grey_tags(width: int, height: int, data: bytes, compression: int = 1) -> list[Tag]:
    return [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 1, 8),
        (259, 3, 1, compression),
        (262, 3, 1, 1),
        (273, 4, 1, 8),
        (277, 3, 1, 1),
        (278, 4, 1, height),
        (279, 4, 1, len(data)),
    ]


def large_frames(frames: int = 60) -> bytes:
    """Frames of 88 million pixels in a file of a few kB."""
    data = zlib.compress(bytes(11_000 * 8_000), 9)
    return tiff(frames, grey_tags(11_000, 8_000, data, 8), data)


def many_directories() -> bytes:
    return tiff(200_000, grey_tags(40, 40, bytes(1600)), bytes(1600))


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data))


def png(width: int, height: int, data: bytes, *more: bytes, depth: int = 8, colour: int = 0) -> bytes:
    header = chunk(b"IHDR", struct.pack("!IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(more) + chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b"")


def saved(size: tuple[int, int], form: str, mode: str = "RGB", **options: object) -> bytes:
    """Noise, the same each time, in a format of Pillow's."""
    out = io.BytesIO()
    pixels = np.random.default_rng(7).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).convert(mode).save(out, form, **options)
    return out.getvalue()


def scans(times: int = 3000) -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    data = saved((1600, 1600), "JPEG", progressive=True)
    at = data.rfind(b"\xff\xda")
    return data[:at] + data[at:-2] * 1 + data[at : at + 400] * times + b"\xff\xd9"


def jpeg_of(width: int, height: int) -> bytes:
    """A JPEG that says it is larger than it is."""
    data = bytearray(saved((64, 64), "JPEG"))
    at = data.find(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack("!HH", height, width)
    return bytes(data)


def gif(width: int, height: int, frames: int, data: bytes = b"\x02\x02\x4c\x01\x00") -> bytes:
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, width, height, 0) + data
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff" + frame * frames + b";"


def webp_canvas() -> bytes:
    """An animation on a canvas of 16,384 x 16,384."""
    body = (
        b"VP8X"
        + struct.pack("<I", 10)
        + b"\x02\0\0\0"
        + b"\xff\x3f\x00" * 2
        + b"ANIM"
        + struct.pack("<I", 6)
        + bytes(6)
    )
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


PICTURES: dict[str, Callable[[], bytes]] = {
    "frames-large.tif": large_frames,
    "directories.tif": many_directories,
    "directory-loop.tif": lambda: tiff(1, grey_tags(40, 40, bytes(1600)), bytes(1600), last=8 + 1600),
    "directory-beyond.tif": lambda: tiff(2, grey_tags(40, 40, bytes(1600)), bytes(1600), last=1 << 31),
    "no-width.tif": lambda: tiff(1, grey_tags(0, 40, b"")),
    "samples-many.tif": lambda: tiff(1, [*grey_tags(400, 400, b"")[:6], (277, 3, 1, 60_000)]),
    "tag-of-4gb.tif": lambda: tiff(1, [*grey_tags(40, 40, bytes(1600)), (34_675, 7, (1 << 32) - 1, 8)], bytes(1600)),
    "bomb.tif": lambda: tiff(1, grey_tags(60_000, 60_000, b""), b""),
    "strip-short.tif": lambda: tiff(1, grey_tags(4000, 4000, b"x" * 50), b"x" * 50),
    "bomb.png": lambda: png(30_000, 30_000, bytes(90_000)),
    "just-allowed.png": lambda: png(11_000, 8_000, bytes(8_000 * 11_001)),
    "just-allowed-colour.png": lambda: png(11_000, 8_000, bytes(8_000 * 44_001), colour=6),
    "data-bomb.png": lambda: png(40, 40, bytes(400_000_000)),
    "text-bomb.png": lambda: png(40, 40, bytes(1640), chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(300_000_000), 9))),
    "texts.png": lambda: png(40, 40, bytes(1640), *[chunk(b"tEXt", b"k\0v")] * 300_000),
    "profile-bomb.png": lambda: png(
        40, 40, bytes(1640), chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(300_000_000), 9))
    ),
    "no-size.png": lambda: png(0, 0, b""),
    "dot.png": lambda: png(3, 3, bytes(12)),
    "strip.png": lambda: png(12_000, 300, bytes(300 * 12_001)),
    "strip-long.png": lambda: png(40_000, 40, bytes(40 * 40_001)),
    "white.png": lambda: png(400, 300, (b"\0" + b"\xff" * 400) * 300),
    "depth-wrong.png": lambda: png(40, 40, bytes(1640), depth=7),
    "palette-missing.png": lambda: png(40, 40, bytes(1640), colour=3),
    "scans.jpg": scans,
    "bomb.jpg": lambda: jpeg_of(65_000, 65_000),
    "says-larger.jpg": lambda: jpeg_of(9_000, 9_000),
    "no-lines.jpg": lambda: jpeg_of(64, 0),
    "cmyk.jpg": lambda: saved((400, 300), "JPEG", "CMYK"),
    "profile-nonsense.jpg": lambda: saved((400, 300), "JPEG", icc_profile=b"\0\0\x0b\xd0lcms" + b"\xff" * 3000),
    "exif-nonsense.jpg": lambda: saved((400, 300), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\x12\x01" * 900),
    "bomb.gif": lambda: gif(65_535, 65_535, 1),
    "frames.gif": lambda: gif(9_000, 9_000, 20_000),
    "no-end.gif": lambda: gif(400, 400, 1, b"\x08" + (b"\xff" + b"\0" * 255) * 20_000),
    "canvas.webp": webp_canvas,
    "frames.webp": lambda: saved((600, 400), "WEBP", save_all=True, append_images=[Image.new("RGB", (600, 400))] * 60),
    "bomb.bmp": lambda: (
        b"BM" + struct.pack("<IHHIIiiHHIIiiII", 99, 0, 0, 54, 40, 60_000, 60_000, 1, 24, 0, 0, 0, 0, 0, 0)
    ),
    "upside-down.bmp": lambda: (
        b"BM" + struct.pack("<IHHIIiiHHIIiiII", 99, 0, 0, 54, 40, 400, -(1 << 31), 1, 24, 0, 0, 0, 0, 0, 0)
    ),
    "packed.bmp": lambda: (
        b"BM"
        + struct.pack("<IHHIIiiHHIIiiII", 99, 0, 0, 54, 40, 9_000, 9_000, 1, 8, 1, 0, 0, 0, 0, 0)
        + b"\0\2\xff\xff" * 99
    ),
}
