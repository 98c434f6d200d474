"""One slide drawn with Pillow: its texts, pictures, tables and plain shapes where the slide has them."""

import functools
import io
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, cast

from PIL import Image, ImageDraw, ImageFont

from assets.source_images.images import fit, open_image, upright_rgb
from assets.source_images.unreadable import UnreadableError

if TYPE_CHECKING:  # slow to import: `pptx` has done so where there is a slide to draw
    from pptx.chart.chart import Chart
    from pptx.shapes.autoshape import Shape
    from pptx.shapes.base import BaseShape
    from pptx.shapes.graphfrm import GraphicFrame
    from pptx.shapes.group import GroupShape
    from pptx.shapes.picture import Picture
    from pptx.slide import Slide
    from pptx.table import Table
    from pptx.text.text import _Run

EMU_PER_POINT = 12700
LEVEL_POINTS = (24.0, 20.0, 18.0, 16.0, 16.0)  # body text where neither run nor layout says a size
TITLE_POINTS = 36.0
CELL_POINTS = 14.0
SMALLEST_PX = 9
LINE = 1.3  # line height, in font sizes
MAX_LETTERS = 20_000  # of one shape: several pages of the smallest print; shrinking more to fit takes minutes
PAPER, INK, FRAME = "white", "#202020", "#a0a0a0"
BULLET = "• "
NO_LINE_START = set("，。、；：！？）》」』】,.;:!?)]}%")


class FontFiles(NamedTuple):
    """A font's files by the names under which Pillow finds them in a system's font folders."""

    regular: str
    bold: str
    face: int  # index within a collection (.ttc)


# Those with Chinese first.
FONTS = (
    FontFiles("NotoSansCJK-Regular.ttc", "NotoSansCJK-Bold.ttc", 2),
    FontFiles("NotoSansCJKsc-Regular.otf", "NotoSansCJKsc-Bold.otf", 0),
    FontFiles("SourceHanSansSC-Regular.otf", "SourceHanSansSC-Bold.otf", 0),
    FontFiles("wqy-microhei.ttc", "wqy-microhei.ttc", 0),
    FontFiles("wqy-zenhei.ttc", "wqy-zenhei.ttc", 0),
    FontFiles("DroidSansFallbackFull.ttf", "DroidSansFallbackFull.ttf", 0),
    FontFiles("msyh.ttc", "msyhbd.ttc", 0),
    FontFiles("PingFang.ttc", "PingFang.ttc", 0),
    FontFiles("Arial Unicode.ttf", "Arial Unicode.ttf", 0),
    FontFiles("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", 0),
)


@dataclass(frozen=True)
class Box:
    """A rectangle on the page, pixels."""

    left: float
    top: float
    width: float
    height: float

    def corners(self) -> tuple[float, float, float, float]:
        """(left, top, right, bottom) as Pillow wants them, at least a pixel apart."""
        return self.left, self.top, self.left + max(1, self.width), self.top + max(1, self.height)


@dataclass(frozen=True)
class Frame:
    """How a shape's own units (EMU) map onto the page: pixels per EMU, and where its origin lies (pixels)."""

    scale_x: float
    scale_y: float
    left: float = 0.0
    top: float = 0.0

    def box(self, shape: "BaseShape") -> Box:
        """Where a shape stands on the page."""
        return Box(
            self.left + (shape.left or 0) * self.scale_x,
            self.top + (shape.top or 0) * self.scale_y,
            (shape.width or 0) * self.scale_x,
            (shape.height or 0) * self.scale_y,
        )


@dataclass(frozen=True)
class Line:
    """One paragraph before it is wrapped. points: font size; indent: in font sizes."""

    text: str
    points: float
    bold: bool = False
    bullet: bool = False
    indent: float = 0.0
    align: str = "left"
    colour: str = INK


def draw_slide(slide: "Slide", slide_width: int, slide_height: int, max_side: int) -> Image.Image:
    """The slide in RGB, longest side `max_side` pixels. slide_width, slide_height: EMU."""
    scale = max_side / max(slide_width, slide_height)
    size = (max(1, round(slide_width * scale)), max(1, round(slide_height * scale)))
    page = Image.new("RGB", size, _background(slide))
    for shape, frame in _shapes(slide.shapes, Frame(scale, scale)):
        _draw_shape(page, slide, shape, frame.box(shape), EMU_PER_POINT * scale)
    return page


def _shapes(shapes: "Iterable[BaseShape]", frame: Frame) -> "Iterator[tuple[BaseShape, Frame]]":
    """Every shape back to front, those inside groups with the group's own units."""
    for shape in shapes:
        if shape._element.tag.endswith("}grpSp"):
            group = cast("GroupShape", shape)
            yield from _shapes(group.shapes, _inside(group, frame))
        else:
            yield shape, frame


def _inside(group: "GroupShape", frame: Frame) -> Frame:
    """The frame of the shapes in a group, which has units of its own."""
    box = frame.box(group)
    xfrm = group._element.grpSpPr.find("{*}xfrm")
    offset, extent = (None, None) if xfrm is None else (xfrm.find("{*}chOff"), xfrm.find("{*}chExt"))
    if offset is None or extent is None or not int(extent.get("cx")) or not int(extent.get("cy")):
        return frame
    scale_x, scale_y = box.width / int(extent.get("cx")), box.height / int(extent.get("cy"))
    return Frame(scale_x, scale_y, box.left - int(offset.get("x")) * scale_x, box.top - int(offset.get("y")) * scale_y)


def _draw_shape(page: Image.Image, slide: "Slide", shape: "BaseShape", box: Box, px_per_point: float) -> None:
    draw = ImageDraw.Draw(page)
    picture = shape._element.find(".//{*}blipFill") if shape._element.tag.endswith("}pic") else None
    if picture is not None:
        _draw_picture(page, cast("Picture", shape), box)
    elif shape.has_table:
        _draw_table(draw, cast("GraphicFrame", shape).table, box, px_per_point)
    elif shape.has_chart:
        draw.rectangle(box.corners(), outline=FRAME)
        _draw_lines(draw, list(_chart_lines(cast("GraphicFrame", shape).chart)), box, px_per_point)
    elif shape.has_text_frame:
        fill = _solid(shape, "spPr")
        if fill:
            draw.rectangle(box.corners(), fill=fill)
        ink = PAPER if _dark(fill or _background(slide)) else INK
        lines = list(_text_lines(cast("Shape", shape), ink))
        _draw_lines(draw, lines, box, px_per_point, middle=_anchor(shape) in ("ctr", "b"))


# -- text -------------------------------------------------------------------------------------------------------------
def _text_lines(shape: "Shape", ink: str) -> Iterator[Line]:
    kind = _placeholder(shape)
    title = kind in ("title", "ctrTitle")
    body = kind in ("body", "obj", "")
    for paragraph in shape.text_frame.paragraphs:
        level = min(paragraph.level, len(LEVEL_POINTS) - 1)
        runs = [run for run in paragraph.runs if run.text]
        sizes = [run.font.size.pt for run in runs if run.font.size] or [
            paragraph.font.size.pt
            if paragraph.font.size
            else TITLE_POINTS
            if title
            else LEVEL_POINTS[level]
            if kind is not None
            else 18.0
        ]
        colours = [colour for run in runs if (colour := _run_colour(run))]
        properties = paragraph._p.find("{*}pPr")
        bare = properties is not None and properties.find("{*}buNone") is not None
        marked = properties is not None and properties.find("{*}buChar") is not None
        bullet = bool(paragraph.text.strip()) and not bare and (marked or (body and kind is not None))
        align = {2: "center", 3: "right"}.get(int(paragraph.alignment or 1), "left")
        yield Line(
            paragraph.text.replace("\v", "\n"),
            max(sizes),
            title or any(run.font.bold for run in runs),
            bullet,
            level * 1.0,
            "center" if kind in ("ctrTitle", "subTitle") else align,
            colours[0] if colours else ink,
        )


def _draw_lines(
    draw: ImageDraw.ImageDraw, lines: list[Line], box: Box, px_per_point: float, middle: bool = False
) -> None:
    """Wrap `lines` into `box`, shrinking all of them together until they fit."""
    while lines and not lines[-1].text.strip():
        lines = lines[:-1]
    if not lines:
        return
    if (letters := sum(len(line.text) for line in lines)) > MAX_LETTERS:
        raise UnreadableError(f"a shape holds {letters:,} characters, more than a slide can show; shorten it")
    inset = 6 * px_per_point
    width, height = max(8.0, box.width - 2 * inset), max(8.0, box.height - inset)
    shrink = 1.0
    while True:
        placed = [
            (line, size, text)
            for line in lines
            for size in (_size(line, px_per_point * shrink),)
            for text in _wrapped(line, size, width)
        ]
        total = sum(size * LINE for _, size, _ in placed)
        if total <= height or all(size <= SMALLEST_PX for _, size, _ in placed) or shrink < 0.3:
            break
        shrink *= 0.92
    y = box.top + inset / 2 + (max(0.0, height - total) / 2 if middle else 0.0)
    for line, size, text in placed:
        font = _font(size, line.bold)
        indent = line.indent * size
        spare = width - indent - font.getlength(text)
        x = box.left + inset + indent + {"center": spare / 2, "right": spare}.get(line.align, 0.0)
        draw.text((x, y + size * LINE / 2), text, font=font, fill=line.colour, anchor="lm")
        y += size * LINE


def _size(line: Line, px_per_point: float) -> int:
    return max(SMALLEST_PX, round(line.points * px_per_point))


def _wrapped(line: Line, size: int, width: float) -> Iterator[str]:
    """The paragraph as lines of at most `width` pixels, broken at spaces and between Chinese characters."""
    font = _font(size, line.bold)
    available = width - line.indent * size
    current = BULLET if line.bullet else ""
    blank = " " * (2 if line.bullet else 0)
    for piece in _pieces(line.text):
        if piece == "\n":
            yield current
            current = blank
        elif font.getlength(current + piece.rstrip()) <= available or not current.strip():
            current += piece
        else:
            yield current.rstrip()
            current = blank + piece.lstrip()
    yield current.rstrip()


def _pieces(text: str) -> Iterator[str]:
    """Parts between which a line may break, each with the spaces that follow it."""
    piece = ""
    for i, letter in enumerate(text):
        if letter == "\n":
            yield from (piece, "\n") if piece else ("\n",)
            piece = ""
            continue
        piece += letter
        following = text[i + 1] if i + 1 < len(text) else ""
        breaks = (letter.isspace() and not following.isspace()) or (
            (_wide(letter) or _wide(following)) and following not in NO_LINE_START and not following.isspace()
        )
        if breaks:
            yield piece
            piece = ""
    if piece:
        yield piece


def _wide(letter: str) -> bool:
    return bool(letter) and unicodedata.east_asian_width(letter) in "WF"


@functools.lru_cache(maxsize=256)
def _font(size: int, bold: bool) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The first font of FONTS that this system has, else the one inside Pillow (which has no Chinese)."""
    for font in FONTS:
        for name in (font.bold, font.regular) if bold else (font.regular,):
            try:
                return ImageFont.truetype(name, size, index=font.face)
            except OSError:
                continue
    return ImageFont.load_default(size)


# -- pictures, tables, charts -----------------------------------------------------------------------------------------
def _draw_picture(page: Image.Image, shape: "Picture", box: Box) -> None:
    """Paste the picture, cropped as on the slide; one that cannot be decoded (EMF, linked, damaged) leaves a frame."""
    try:
        image = upright_rgb(open_image(io.BytesIO(shape.image.blob), "a picture"), "a picture")
    except (UnreadableError, ValueError, KeyError, AttributeError):
        ImageDraw.Draw(page).rectangle(box.corners(), outline=FRAME)
        return
    left, right = max(0.0, shape.crop_left) * image.width, (1 - max(0.0, shape.crop_right)) * image.width
    top, bottom = max(0.0, shape.crop_top) * image.height, (1 - max(0.0, shape.crop_bottom)) * image.height
    if right - left >= 1 and bottom - top >= 1:
        image = image.crop((round(left), round(top), round(right), round(bottom)))
    size = (min(4 * page.width, max(1, round(box.width))), min(4 * page.height, max(1, round(box.height))))
    page.paste(fit(image, 4 * max(page.size)).resize(size, Image.Resampling.LANCZOS), (round(box.left), round(box.top)))


def _draw_table(draw: ImageDraw.ImageDraw, table: "Table", box: Box, px_per_point: float) -> None:
    widths = [table.columns[index].width or 1 for index in range(len(table.columns))]
    heights = [row.height or 1 for row in table.rows]
    scale_x, scale_y = box.width / sum(widths), box.height / sum(heights)
    y = box.top
    for row, height in zip(table.rows, heights, strict=True):
        x = box.left
        for cell, width in zip(row.cells, widths, strict=True):
            area = Box(x, y, width * scale_x, height * scale_y)
            draw.rectangle(area.corners(), outline=FRAME)
            _draw_lines(
                draw,
                [Line(line, CELL_POINTS, bold=y == box.top) for line in cell.text.splitlines()],
                area,
                px_per_point,
                middle=True,
            )
            x += width * scale_x
        y += height * scale_y


def _chart_lines(chart: "Chart") -> Iterator[Line]:
    """What a chart says, as text: its title, then each series with its values."""
    if chart.has_title and chart.chart_title.has_text_frame:
        yield Line(chart.chart_title.text_frame.text, 18, bold=True, align="center")
    for plot in chart.plots:
        names = [str(category) for category in plot.categories]
        for series in plot.series:
            values = [f"{value:g}" if value is not None else "–" for value in series.values]
            pairs = [f"{name} {value}" for name, value in zip(names, values, strict=False)] if names else values
            yield Line(f"{series.name}: {', '.join(pairs)}", CELL_POINTS)


# -- what python-pptx does not say directly ---------------------------------------------------------------------------
def _placeholder(shape: "BaseShape") -> str | None:
    """The placeholder type as in the file (title, ctrTitle, subTitle, body, …); empty: unnamed body; None: none."""
    found = shape._element.find(".//{*}nvPr/{*}ph")
    return None if found is None else str(found.get("type") or "")


def _anchor(shape: "BaseShape") -> str:
    found = shape._element.find(".//{*}bodyPr")
    own = found.get("anchor") if found is not None else None
    return str(own or ("ctr" if _placeholder(shape) in ("title", "ctrTitle") else "t"))


def _solid(shape: "BaseShape", part: str) -> str | None:
    """A shape's own plain fill as #rrggbb; None where it has none, or one of the theme's."""
    properties = getattr(shape._element, part, None)
    fill = properties.find("{*}solidFill/{*}srgbClr") if properties is not None else None
    return None if fill is None else f"#{fill.get('val')}"


def _background(slide: "Slide") -> str:
    for page in (slide, slide.slide_layout, slide.slide_layout.slide_master):
        fill = page._element.find("{*}cSld/{*}bg/{*}bgPr/{*}solidFill/{*}srgbClr")
        if fill is not None:
            return f"#{fill.get('val')}"
    return PAPER


def _run_colour(run: "_Run") -> str | None:
    fill = run._r.find("{*}rPr/{*}solidFill/{*}srgbClr")
    return None if fill is None else f"#{fill.get('val')}"


def _dark(colour: str) -> bool:
    if not colour.startswith("#"):
        return False
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue < 128
