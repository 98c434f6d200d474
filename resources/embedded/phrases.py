"""What the measured look of a page is called in English and Chinese: colours, tones, places, comparisons."""

from collections.abc import Mapping
from typing import NamedTuple

from resources.embedded.look import REGIONS, Look
from resources.embedded.reading import Page


class Form(NamedTuple):
    """Words for an image's format. effect: what it does; travel: how the eye moves over it."""

    name: str
    effect: str
    travel: str


COLOURS: Mapping[str, Mapping[str, str]] = {
    "en": {"dark_grey": "dark grey", "light_grey": "light grey"},
    "zh": {
        "black": "黑色",
        "dark_grey": "深灰色",
        "grey": "灰色",
        "light_grey": "浅灰色",
        "white": "白色",
        "red": "红色",
        "orange": "橙色",
        "brown": "棕色",
        "beige": "米色",
        "yellow": "黄色",
        "olive": "橄榄色",
        "green": "绿色",
        "teal": "青色",
        "blue": "蓝色",
        "purple": "紫色",
        "pink": "粉色",
    },
}
PLACES: Mapping[str, tuple[str, ...]] = {
    "en": (
        "in the upper left",
        "at the top",
        "in the upper right",
        "on the left",
        "in the centre",
        "on the right",
        "in the lower left",
        "at the bottom",
        "in the lower right",
    ),
    "zh": ("左上角", "上方", "右上角", "左侧", "中央", "右侧", "左下角", "下方", "右下角"),
}
LINE_PLACES: Mapping[str, tuple[str, str, str]] = {
    "en": ("near the top", "in the middle", "near the foot"),
    "zh": ("上部", "中部", "下部"),
}
SMALL_NUMBERS = ("", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
SMALL_NUMBERS_ZH = ("", "一", "两", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二")
ORDINALS = (
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
)
_ZH_DIGITS = "一二三四五六七八九十"

_SCALES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "en": {
        "tone": ("dark", "subdued", "bright", "very bright"),
        "contrast": ("soft", "moderate", "strong"),
        "saturation": ("muted", "moderate in strength", "strong"),
        "warmth": ("cool", "neither warm nor cool", "warm"),
        "symmetry": (
            "clearly different from each other in tone",
            "similar in tone, but not alike",
            "close to mirror images of each other in tone",
        ),
        "step": ("grows darker", "stays much the same", "grows lighter"),
        "rtone": ("dark", "rather dark", "mid-toned", "rather light", "light"),
        "rdetail": ("little detail", "some detail", "much detail"),
    },
    "zh": {
        "tone": ("偏暗", "略显低沉", "明亮", "十分明亮"),
        "contrast": ("柔和", "适中", "强烈"),
        "saturation": ("素淡", "浓淡适中", "鲜明"),
        "warmth": ("偏冷", "不冷不暖", "偏暖"),
        "symmetry": ("明暗差别明显", "明暗相近而不相同", "明暗几乎互为镜像"),
        "step": ("逐渐变暗", "变化不大", "逐渐变亮"),
        "rtone": ("很暗", "较暗", "明暗适中", "较亮", "很亮"),
        "rdetail": ("细节不多", "有一些细节", "细节丰富"),
    },
}
_FORMATS: Mapping[str, Mapping[str, Form]] = {
    "en": {
        "tall": Form("tall", "gives height more room than breadth", "up and down"),
        "wide": Form("wide", "gives breadth more room than height", "from side to side"),
        "square": Form("square", "treats height and breadth alike", "around the centre"),
    },
    "zh": {
        "tall": Form("竖幅", "让高度比宽度占得更多", "上下"),
        "wide": Form("横幅", "让宽度比高度占得更多", "左右"),
        "square": Form("方形", "让高度与宽度不分主次", "围绕中心"),
    },
}
_RELATIONS: Mapping[str, Mapping[str, tuple[str, str, str]]] = {
    "en": {
        "light": ("darker than", "about as light as", "lighter than"),
        "detail": ("less detail than", "about as much detail as", "more detail than"),
    },
    "zh": {"light": ("暗于", "的明暗接近于", "亮于"), "detail": ("少于", "接近于", "多于")},
}


def colour(name: str, language: str) -> str:
    """The word for a colour that `reading` names: “dark grey”, 深灰色."""
    return COLOURS[language].get(name, name)


def scale(kind: str, value: float, limits: tuple[float, ...], language: str) -> str:
    """The word of a scale: the first where `value` lies below the first limit, and so on."""
    return _SCALES[language][kind][sum(value >= limit for limit in limits)]


def ordinal(number: int, noun: str, language: str) -> str:
    """“the second picture”, 第二幅画面; plain numerals beyond twelve (Chinese: ten)."""
    if language == "zh":
        return f"第{_ZH_DIGITS[number - 1] if number <= 10 else number}{noun}"
    return f"the {ORDINALS[number - 1]} {noun}" if number <= 12 else f"{noun} number {number}"


def part_name(number: int, language: str) -> str:
    """“two”, 二; plain numerals beyond twelve (Chinese: ten)."""
    if language == "zh":
        return _ZH_DIGITS[number - 1] if number <= len(_ZH_DIGITS) else str(number)
    return SMALL_NUMBERS[number] if number < len(SMALL_NUMBERS) else str(number)


def look_slots(look: Look, language: str) -> dict[str, str]:
    """Values for the photo frames: format, tone, colour…; `colour3` is absent where there is none."""

    def step(change: float) -> str:
        return scale("step", change, (-0.08, 0.08), language)

    form = _FORMATS[language][look.format]
    places = PLACES[language]
    tones, details = look.region_tones, look.region_details
    rows = [sum(tones[row * 3 : row * 3 + 3]) / 3 for row in range(3)]
    columns = [sum(tones[column::3]) / 3 for column in range(3)]
    slots = {
        "format": form.name,
        "format_effect": form.effect,
        "travel": form.travel,
        "tone": scale("tone", look.tone, (0.3, 0.5, 0.75), language),
        "contrast": scale("contrast", look.contrast, (0.13, 0.24), language),
        "saturation": scale("saturation", look.saturation, (0.2, 0.45), language),
        "warmth": scale("warmth", look.warmth, (-0.05, 0.05), language),
        "symmetry": scale("symmetry", look.symmetry, (0.4, 0.75), language),
        "vertical": step(rows[2] - rows[0]),
        "horizontal": step(columns[2] - columns[0]),
        "lightest": places[tones.index(max(tones))],
        "darkest": places[tones.index(min(tones))],
        "busiest": places[details.index(max(details))],
        "calmest": places[details.index(min(details))],
    }
    for at, name in enumerate(look.colours[:3]):
        slots["colour" if at == 0 else f"colour{at + 1}"] = colour(name, language)
    if max(tones) - min(tones) < 0.02:
        del slots["lightest"], slots["darkest"]
    if max(details) - min(details) < 0.005:
        del slots["busiest"], slots["calmest"]
    return slots


def region_slots(look: Look, language: str) -> list[dict[str, str]]:
    """Values for the region frames, one set per region, top left to bottom right; detail is relative to the whole."""
    mean = max(sum(look.region_details) / len(look.region_details), 0.004)
    return [
        {
            "place": PLACES[language][at],
            "rcolour": colour(look.region_colours[at], language),
            "rtone": scale("rtone", look.region_tones[at], (0.25, 0.42, 0.58, 0.78), language),
            "rdetail": scale("rdetail", look.region_details[at] / mean, (0.7, 1.4), language),
        }
        for at in range(len(REGIONS))
    ]


def compare_slots(first: Page, second: Page, a: str, b: str, language: str) -> dict[str, str]:
    """Values for the frames that hold two pictures side by side; `a` and `b` are what they are called."""

    def relation(kind: str, change: float, limit: float) -> str:
        return _RELATIONS[language][kind][(change > -limit) + (change >= limit)]

    one, two = look_slots(first.look, language), look_slots(second.look, language)
    detail = [sum(page.look.region_details) / 9 for page in (first, second)]
    slots = {
        "a": a,
        "b": b,
        "light_relation": relation("light", first.look.tone - second.look.tone, 0.04),
        "detail_relation": relation("detail", detail[0] - detail[1], 0.01),
    }
    for name in ("format", "warmth", "colour", "lightest"):
        if name in one and one[name] == two.get(name):
            slots[f"{name}_same"] = one[name]
        elif name in one and name in two:
            slots |= {f"{name}_a": one[name], f"{name}_b": two[name]}
    return slots


def compare_regions(first: Page, second: Page, a: str, b: str, language: str) -> list[tuple[str, dict[str, str]]]:
    """(group of frames, values) for each region of two pictures."""
    out = []
    for one, two in zip(region_slots(first.look, language), region_slots(second.look, language), strict=True):
        group = "photo_compare_same" if one["rcolour"] == two["rcolour"] else "photo_compare_region"
        slots = {"a": a, "b": b, "place": one["place"], "rcolour_a": one["rcolour"], "rcolour_b": two["rcolour"]}
        if one["rtone"] != two["rtone"]:
            slots |= {"rtone_a": one["rtone"], "rtone_b": two["rtone"]}
        out.append((group, slots))
    return out


def text_place(at: int, count: int, language: str) -> str:
    """Where line `at` of `count` stands on its page."""
    return LINE_PLACES[language][0 if at < count / 3 else 1 if at < count * 2 / 3 else 2]
