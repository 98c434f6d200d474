"""PDF files that hurt whoever draws them."""

import zlib
from collections.abc import Callable

PAGE = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 400]/Contents 4 0 R/Resources 5 0 R>>"


def pdf(*objects: bytes, size: int = 0) -> bytes:
    """A file of these objects, 1 0 R the first; the first is the catalogue."""
    body, offsets = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(body))
        body += b"%d 0 obj%b endobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    count = size or len(objects) + 1
    return body + (
        b"xref\n0 %d\n0000000000 65535 f \n" % count
        + table
        + b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (count, len(body))
    )


def stream(data: bytes, entries: bytes = b"", deflated: bool = False) -> bytes:
    if deflated:
        data, entries = zlib.compress(data, 9), entries + b"/Filter/FlateDecode"
    return b"<<%b/Length %d>>stream\n%b\nendstream" % (entries, len(data), data)


def one_page(content: bytes, resources: bytes = b"<<>>", *more: bytes, page: bytes = PAGE) -> bytes:
    """A page with this content (4 0 R) and these resources (5 0 R); `more` are 6 0 R and on."""
    catalogue, tree = b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>"
    return pdf(catalogue, tree, page, content, resources, *more)


def form_of_itself() -> bytes:
    form = stream(b"/F Do /F Do", b"/Type/XObject/Subtype/Form/BBox[0 0 600 400]/Resources<</XObject<</F 6 0 R>>>>")
    return one_page(stream(b"/F Do"), b"<</XObject<</F 6 0 R>>>>", form)


def forms_of_forms(levels: int = 24, times: int = 12) -> bytes:
    """12 to the power of 24 rectangles."""
    forms = [
        stream(
            b"/F Do " * times if level < levels else b"0 0 600 400 re f",
            b"/Type/XObject/Subtype/Form/BBox[0 0 600 400]/Resources<</XObject<</F %d 0 R>>>>" % (6 + level),
        )
        for level in range(1, levels + 1)
    ]
    return one_page(stream(b"/F Do"), b"<</XObject<</F 6 0 R>>>>", *forms)


def tiny_tiles() -> bytes:
    tile = stream(
        b"0 0 1 1 re f",
        b"/Type/Pattern/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 1 1]/XStep .0001/YStep .0001/Resources<<>>",
    )
    return one_page(stream(b"/Pattern cs /P scn 0 0 600 400 re f"), b"<</Pattern<</P 6 0 R>>>>", tile)


def shading(function: bytes, kind: int = 1) -> bytes:
    """A page full of colours that a function gives."""
    found = b"<</ShadingType %d/ColorSpace/DeviceRGB/Domain[0 1 0 1]/Matrix[600 0 0 400 0 0]/Function 7 0 R>>" % kind
    return one_page(stream(b"/S sh " * 2000), b"<</Shading<</S 6 0 R>>>>", found, function)


def slow_function() -> bytes:
    """A PostScript calculator that takes its time at each pixel."""
    program = b"{ pop " + b"dup sin cos mul sqrt exp ln " * 20_000 + b" dup dup }"
    return shading(stream(program, b"/FunctionType 4/Domain[0 1 0 1]/Range[0 1 0 1 0 1]"))


def deep_function(levels: int = 200_000) -> bytes:
    program = b"{" * levels + b"}" * levels
    return shading(stream(program, b"/FunctionType 4/Domain[0 1 0 1]/Range[0 1 0 1 0 1]"))


def stitched_functions() -> bytes:
    """A function made of itself."""
    return shading(b"<</FunctionType 3/Domain[0 1]/Functions[7 0 R 7 0 R]/Bounds[.5]/Encode[0 1 0 1]>>", kind=2)


def mesh() -> bytes:
    """Two million triangles over the whole page."""
    entries = (
        b"/ShadingType 4/ColorSpace/DeviceRGB/BitsPerCoordinate 8/BitsPerComponent 8/BitsPerFlag 8"
        b"/Decode[0 600 0 400 0 1 0 1 0 1]"
    )
    return one_page(
        stream(b"/S sh"), b"<</Shading<</S 6 0 R>>>>", stream(bytes(range(250)) * 50_000, entries, deflated=True)
    )


def page_box(box: bytes) -> bytes:
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[%b]/Contents 4 0 R/Resources 5 0 R>>" % box
    return one_page(stream(b"0 0 99 99 re f"), page=page)


def deep_tree(levels: int = 20_000) -> bytes:
    nodes = [b"<</Type/Pages/Kids[%d 0 R]/Count 1/Parent 1 0 R>>" % (number + 1) for number in range(2, levels)]
    return pdf(b"<</Type/Catalog/Pages 2 0 R>>", *nodes, b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>>")


def tree_in_a_circle() -> bytes:
    return pdf(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 9>>")


def a_page_many_times(times: int = 100_000) -> bytes:
    return pdf(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[%b]/Count %d>>" % (b"3 0 R " * times, times),
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>>",
    )


def image(entries: bytes, data: bytes, deflated: bool = False) -> bytes:
    """A page that an image fills."""
    drawn = stream(data, b"/Type/XObject/Subtype/Image" + entries, deflated)
    return one_page(stream(b"600 0 0 400 0 0 cm /I Do"), b"<</XObject<</I 6 0 R>>>>", drawn)


GREY = b"/ColorSpace/DeviceGray/BitsPerComponent 8"
PDFS: dict[str, Callable[[], bytes]] = {
    "form-of-itself": form_of_itself,
    "forms-of-forms": forms_of_forms,
    "tiny-tiles": tiny_tiles,
    "slow-function": slow_function,
    "deep-function": deep_function,
    "stitched-functions": stitched_functions,
    "mesh": mesh,
    "box-huge": lambda: page_box(b"0 0 1e9 1e9"),
    "box-largest": lambda: page_box(b"0 0 3e38 3e38"),
    "box-turned": lambda: page_box(b"600 400 0 0"),
    "box-flat": lambda: page_box(b"0 0 600 0"),
    "box-strip": lambda: page_box(b"0 0 14400 3"),
    "box-words": lambda: page_box(b"/nan /inf (a) null"),
    "deep-tree": deep_tree,
    "circle-tree": tree_in_a_circle,
    "many-pages": a_page_many_times,
    "white": lambda: one_page(stream(b"")),
    "image-broken-jpeg": lambda: image(b"/Width 600/Height 400/Filter/DCTDecode" + GREY, b"\xff\xd8\xff\xe0 no jpeg"),
    "image-broken-jbig2": lambda: image(b"/Width 600/Height 400/Filter/JBIG2Decode" + GREY, b"no jbig2 at all" * 9),
    "image-broken-jpx": lambda: image(b"/Width 600/Height 400/Filter/JPXDecode", b"\0\0\0\x0cjP  \r\n\x87\n" * 9),
    "image-empty": lambda: image(b"/Width 600/Height 400" + GREY, b""),
    "image-bomb": lambda: image(b"/Width 30000/Height 30000" + GREY, bytes(900_000_000), deflated=True),
    "image-lies": lambda: image(b"/Width 60000/Height 60000" + GREY, b"\x55" * 900),
    "image-negative": lambda: image(b"/Width -600/Height 400" + GREY, b"\x55" * 900),
    "content-bomb": lambda: one_page(stream(b"0 0 m 600 400 l S " * 20_000_000, deflated=True)),
    "content-nested": lambda: one_page(stream(b"[" * 3_000_000)),
    "content-saves": lambda: one_page(stream(b"q " * 3_000_000, deflated=True)),
    "content-dashes": lambda: one_page(stream(b"[.0001 .0001] 0 d 9 w 0 0 m 600 400 l S " * 500)),
    "content-clips": lambda: one_page(stream(b"0 0 600 400 re W n " * 300_000 + b"0 0 600 400 re f", deflated=True)),
    "content-curves": lambda: one_page(stream(b"0 0 m " + b"9 9 600 9 9 400 c " * 2_000_000 + b"f*", deflated=True)),
    "nested-arrays": lambda: pdf(b"[" * 2_000_000, b"<</Type/Catalog/Pages 2 0 R>>"),
    "nested-dictionaries": lambda: pdf(b"<</Pages" * 500_000 + b" 1 0 R" + b">>" * 500_000),
    "table-in-a-circle": lambda: pdf(b"<</Type/Catalog>>").replace(b"/Root", b"/Prev 9/Root"),
    "transparent": lambda: one_page(
        stream(b"/G gs 0 0 600 400 re f " * 20_000, deflated=True),
        b"<</ExtGState<</G<</SMask<</S/Luminosity/G 6 0 R>>/BM/Luminosity/ca .5>>>>>>",
        stream(
            b"0 0 600 400 re f",
            b"/Type/XObject/Subtype/Form/BBox[0 0 600 400]/Group<</S/Transparency/CS/DeviceRGB>>",
        ),
    ),
    "font-nonsense": lambda: one_page(
        stream(b"BT /F 40 Tf 20 200 Td (hostile letters) Tj ET"),
        b"<</Font<</F<</Type/Font/Subtype/TrueType/BaseFont/X/FontDescriptor 6 0 R>>>>>>",
        b"<</Type/FontDescriptor/FontName/X/Flags 4/FontFile2 7 0 R>>",
        stream(b"\0\1\0\0\0\x09" + b"\xff" * 4000),
    ),
    "letters-huge": lambda: one_page(
        stream(b"BT /F 1e9 Tf (huge) Tj ET " * 2000), b"<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>"
    ),
    "no-catalogue": lambda: pdf(b"<</Type/Nothing>>"),
    "only-a-header": lambda: b"%PDF-1.7\n%%EOF\n",
    "zeros": lambda: b"%PDF-1.7\n" + bytes(200_000) + b"%%EOF",
}
