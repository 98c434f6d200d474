"""PPTX files that hurt whoever opens or draws them: a good one, with one thing changed."""

import io
import itertools
import zipfile
from collections.abc import Callable

import pptx
from PIL import Image
from pptx.util import Inches

SLIDE = "ppt/slides/slide1.xml"
Parts = dict[str, bytes]


def good_parts() -> Parts:
    presentation = pptx.Presentation()
    slide = presentation.slides.add_slide(presentation.slide_layouts[1])
    slide.shapes.title.text = "A slide"
    slide.placeholders[1].text = "with a text"
    image = io.BytesIO()
    Image.new("RGB", (100, 100), "red").save(image, "PNG")
    image.seek(0)
    slide.shapes.add_picture(image, Inches(7), Inches(5), Inches(2), Inches(2))
    out = io.BytesIO()
    presentation.save(out)
    with zipfile.ZipFile(out) as parts:
        return {name: parts.read(name) for name in parts.namelist()}


def packed(parts: Parts) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in parts.items():
            file.writestr(name, data)
    return out.getvalue()


def changed(change: Callable[[Parts], object]) -> bytes:
    parts = good_parts()
    change(parts)
    return packed(parts)


def in_slide(old: bytes, new: bytes) -> bytes:
    """The good deck with something else in its slide."""

    def replace(parts: Parts) -> None:
        assert old in parts[SLIDE]
        parts[SLIDE] = parts[SLIDE].replace(old, new, 1)

    return changed(replace)


def entities() -> bytes:
    """Ten to the power of nine times `lol`."""
    names = "abcdefghi"
    declared = '<!ENTITY a "lol">' + "".join(
        f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in itertools.pairwise(names)
    )

    def replace(parts: Parts) -> None:
        text = parts[SLIDE].decode()
        head, body = text.split("?>", 1)
        parts[SLIDE] = f"{head}?><!DOCTYPE bomb [{declared}]>{body.replace('with a text', '&i;')}".encode()

    return changed(replace)


def outside(place: str) -> bytes:
    """An entity that is a file or an address."""

    def replace(parts: Parts) -> None:
        head, body = parts[SLIDE].decode().split("?>", 1)
        document = f'{head}?><!DOCTYPE x [<!ENTITY x SYSTEM "{place}">]>{body.replace("with a text", "&x;")}'
        parts[SLIDE] = document.encode()

    return changed(replace)


def linked_picture(place: str) -> bytes:
    """A picture that lies at an address."""

    def replace(parts: Parts) -> None:
        name = "ppt/slides/_rels/slide1.xml.rels"
        parts[name] = parts[name].replace(
            b'Target="../media/image1.png"', f'Target="{place}" TargetMode="External"'.encode()
        )

    return changed(replace)


def groups(levels: int = 4000) -> bytes:
    start = b"<p:grpSp><p:nvGrpSpPr><p:cNvPr id='9' name='g'/><p:cNvGrpSpPr/><p:nvPr/></p:nvGrpSpPr><p:grpSpPr/>"
    return in_slide(b"<p:pic>", start * levels + b"</p:grpSp>" * levels + b"<p:pic>")


def picture_of(data: bytes) -> bytes:
    return changed(lambda parts: parts.update({"ppt/media/image1.png": data}))


def says_less(data: bytes) -> bytes:
    """A part that is larger than the list of parts says."""
    packed_data = changed(lambda parts: parts.update({"ppt/media/image1.png": data}))
    size = len(data).to_bytes(4, "little")
    return packed_data.replace(size, (99).to_bytes(4, "little"))


def sized(width: str, height: str) -> bytes:
    def replace(parts: Parts) -> None:
        name = "ppt/presentation.xml"
        parts[name] = parts[name].replace(b'cx="9144000" cy="6858000"', f'cx="{width}" cy="{height}"'.encode())

    return changed(replace)


DECKS: dict[str, Callable[[], bytes]] = {
    "entities": entities,
    "entity-file": lambda: outside("file:///etc/passwd"),
    "entity-address": lambda: outside("http://127.0.0.1:9/x"),
    "picture-address": lambda: linked_picture("http://127.0.0.1:9/x.png"),
    "text-huge": lambda: in_slide(b"with a text", b"many words " * 300_000),
    "paragraphs": lambda: in_slide(b"with a text", b"a</a:t></a:r></a:p><a:p><a:r><a:t>" * 60_000),
    "groups": groups,
    "pictures": lambda: in_slide(b"<p:pic>", b"<p:pic/>" * 200_000 + b"<p:pic>"),
    "bomb": lambda: picture_of(bytes(1_200_000_000)),
    "bomb-small": lambda: picture_of(bytes(900_000_000)),
    "says-less": lambda: says_less(bytes(900_000_000)),
    "slide-bomb": lambda: in_slide(b"with a text", b" " * 600_000_000),
    "comment-bomb": lambda: in_slide(b"<p:pic>", b"<!--" + b"x" * 400_000_000 + b"--><p:pic>"),
    "attributes": lambda: in_slide(
        b"<p:pic>", b"<p:x " + b" ".join(b"a%d='1'" % n for n in range(400_000)) + b"/><p:pic>"
    ),
    "size-none": lambda: sized("0", "0"),
    "size-huge": lambda: sized("99999999999999", "9"),
    "size-words": lambda: sized("wide", "high"),
    "size-strip": lambda: sized("914400000", "9144"),
    "parts-many": lambda: changed(
        lambda parts: parts.update({f"ppt/slides/slide{n}.xml": b"x" for n in range(2, 3000)})
    ),
    "names-outside": lambda: changed(lambda parts: parts.update({"../../outside.txt": b"x", "/outside.txt": b"x"})),
    "no-slide": lambda: changed(lambda parts: parts.pop(SLIDE)),
    "no-presentation": lambda: changed(lambda parts: parts.pop("ppt/presentation.xml")),
    "no-types": lambda: changed(lambda parts: parts.pop("[Content_Types].xml")),
    "slide-nonsense": lambda: changed(lambda parts: parts.update({SLIDE: b"\0\1\2"})),
    "slide-of-itself": lambda: changed(
        lambda parts: parts.update(
            {
                "ppt/slides/_rels/slide1.xml.rels": parts["ppt/slides/_rels/slide1.xml.rels"].replace(
                    b"../slideLayouts/slideLayout2.xml", b"../slides/slide1.xml"
                )
            }
        )
    ),
    "colour-nonsense": lambda: in_slide(
        b"<p:cSld>", b"<p:cSld><p:bg><p:bgPr><a:solidFill><a:srgbClr val='zzzzzz'/></a:solidFill></p:bgPr></p:bg>"
    ),
    "place-nonsense": lambda: in_slide(b'<a:off x="6400800"', b'<a:off x="1e400"'),
    "place-far": lambda: in_slide(b'<a:off x="6400800"', b'<a:off x="99999999999999999999"'),
    "zip-empty": lambda: b"PK\x05\x06" + bytes(18),
    "zip-header": lambda: b"PK\x03\x04" + bytes(400),
}
