"""The teacher's plan: JSON sections that cover every page, with points, and words that add up to the total."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from resources.embedded import phrases
from resources.embedded.prose import short
from resources.embedded.reading import Page, Sight, Statement, furniture
from resources.text.content import plain
from resources.text.json_objects import json_objects
from resources.text.words import count_words

# The line in which a write turn says what the section is about.
PLAN_LINE = re.compile(
    r"^Section (\d+) - Main Point: (.*) - Word Count: (\d+)(?: - Pages: ([\d, ]+))?[ \t]*$", re.MULTILINE
)
ASPECTS = ("palette", "light", "composition", "region", "general")
_PHOTO_POINTS = {
    "en": (
        "First impression and colours",
        "Light and shade",
        "Shape and balance",
        "A walk across the picture",
        "Ways of looking",
    ),
    "zh": ("第一印象与色彩", "光线与明暗", "形状与平衡", "在画面中走一遍", "观看的方式"),
}


@dataclass(frozen=True)
class Planned:
    """One section of a plan; pages are 1-based."""

    index: int
    point: str
    words: int
    pages: tuple[int, ...]


def plan(sight: Sight) -> str:
    """In the form that prompts/plan.txt asks for; every page is covered, and the words add up to the total exactly."""
    pages = max(1, _integer(sight.field("Pages"), len(sight.pages) or 1))
    rule = sight.field("Sections") or ""
    asked = pages if "page" in rule.lower() or "页" in rule else _integer(rule, pages)
    count = max(1, asked)
    total = _integer(sight.field("Total words"), 200 * pages)
    total = max(total, count)
    spread = _spread(pages, count)
    points = _points(sight, spread)
    weights = [_weight(sight, on) for on in spread]
    shares = _shares(total, weights)
    sections = [
        {"point": point, "words": share, "pages": on} for point, share, on in zip(points, shares, spread, strict=True)
    ]
    return json.dumps({"sections": sections}, ensure_ascii=False)


def parse_plan(text: str) -> list[Planned]:
    """The sections of a plan in the form of `plan`; none where a text is no such plan."""
    for found in json_objects(text):
        if isinstance(sections := found.get("sections"), list):
            return [
                Planned(
                    index,
                    str(entry.get("point")),
                    _integer(str(entry.get("words")), 0),
                    page_list(str(entry.get("pages"))),
                )
                for index, entry in enumerate(sections, 1)
                if isinstance(entry, dict)
            ]
    return []


def page_list(text: str | None) -> tuple[int, ...]:
    """The page numbers in the `Pages:` part of a plan line, or in a list; none where it has none."""
    return tuple(int(number) for number in re.findall(r"\d+", text or ""))


def _integer(text: str | None, default: int) -> int:
    match = re.search(r"\d+", (text or "").replace(",", ""))
    return int(match.group()) if match else default


def _spread(pages: int, count: int) -> list[tuple[int, ...]]:
    """Pages (1-based) of each section: in order, each page at least once, no more than one page apart in number."""
    if count <= pages:
        edges = [round(at * pages / count) for at in range(count + 1)]
        return [tuple(range(edges[at] + 1, edges[at + 1] + 1)) for at in range(count)]
    if pages == 1:
        return [(1,)] * count
    together = min(2, count - pages)  # more sections than images: the last ones compare them
    alone = sorted(at * pages // (count - together) + 1 for at in range(count - together))
    return [(page,) for page in alone] + [tuple(range(1, pages + 1))] * together


def _points(sight: Sight, spread: Sequence[tuple[int, ...]]) -> list[str]:
    language, seen = sight.language, dict[str, int]()
    out = []
    for at, on in enumerate(spread):
        point = _point(sight, on, sum(other == on for other in spread[:at]), sum(other == on for other in spread))
        times = seen[point] = seen.get(point, 0) + 1
        if times > 1:
            name = phrases.part_name(times, language)
            point += f"（之{name}）" if language == "zh" else f", part {name}"
        out.append(point)
    return out


def _point(sight: Sight, on: tuple[int, ...], turn: int, of: int) -> str:
    language = sight.language
    pages = [sight.pages[number - 1] for number in on if number <= len(sight.pages)]
    skip = furniture(sight.pages)
    names = [
        _name(page, number if len(sight.pages) > 1 else 0, language, skip)
        for page, number in zip(pages, on, strict=False)
    ]
    if not pages:
        return "未附图片的一页" if language == "zh" else "A page without an image"
    if len(on) > 1:
        joined = _joined(names, language)
        if len(on) == len(sight.pages):
            both = ("各图对照", "异同之处") if language == "zh" else ("The images side by side", "What they share")
            return both[turn % 2] if of <= 2 else joined
        return joined
    if of == 1:
        return names[0]
    if pages[0].is_photo:
        label = _PHOTO_POINTS[language][ASPECTS.index(aspects_of(turn, of)[0])]
        if len(sight.pages) == 1:
            return label
        noun = "图" if language == "zh" else "picture"
        which = phrases.ordinal(on[0], noun, language)
        return f"{which}：{label}" if language == "zh" else f"{label} in {which}"
    lines = told_by(pages[0], skip)[1:]
    first = lines[turn * len(lines) // of].text if lines else names[0]
    if turn == 0:
        return names[0]
    return heading_form(short(first, language))


def aspects_of(turn: int, of: int) -> tuple[str, ...]:
    """What section `turn` (0-based) of `of` that share a picture speaks of first."""
    if of > 4:
        return (ASPECTS[turn % 5],)
    return ASPECTS[turn * 4 // of : (turn + 1) * 4 // of]


def _joined(names: Sequence[str], language: str) -> str:
    kept = list(dict.fromkeys(names))[:3]
    return "；".join(kept) if language == "zh" else "; ".join(kept)


def _name(page: Page, number: int, language: str, skip: set[str]) -> str:
    """What a page is called in a plan; `number` is 0 where it is the only one."""
    told = told_by(page, skip)
    if page.is_photo or not told:
        look = phrases.look_slots(page.look, language)
        pair = [look[name] for name in ("colour", "colour2") if name in look]
        which = f"The {phrases.ORDINALS[number - 1]}" if 0 < number <= len(phrases.ORDINALS) else "A"
        if language == "zh":
            return f"{phrases.ordinal(number, '幅', language) if number else ''}{'和'.join(pair)}的画面"
        return f"{which} picture, in {' and '.join(pair)}"
    return heading_form(short(told[0].text, language))


def heading_form(text: str) -> str:
    """A line as a heading and as a main point: one line, without what would end the line of a write turn early."""
    return re.sub(r"\s+", " ", text.replace(" - ", ": ")).strip(" .。;；:：,，`") or "…"


def told_by(page: Page, skip: set[str]) -> list[Statement]:
    """What a page says without headers and footers (`skip`, as plain text); all of it where nothing is left."""
    kept = [statement for statement in page.statements if plain(statement.text) not in skip]
    return kept or list(page.statements)


def _weight(sight: Sight, on: tuple[int, ...]) -> float:
    """More words for pages that say more, within 0.7 and 1.4 times the mean."""
    said = [sum(count_words(statement.text) for statement in page.statements) for page in sight.pages]
    mean = sum(said) / len(said) if said else 0.0
    if not mean:
        return 1.0
    mine = [said[number - 1] for number in on if number <= len(said)]
    return max(0.7, min(1.4, sum(mine) / max(1, len(mine)) / mean))


def _shares(total: int, weights: Sequence[float]) -> list[int]:
    """Whole numbers >= 1 in proportion to the weights (tens where the total allows it), with exactly this sum."""
    unit = 10 if total >= 40 * len(weights) else 1
    shares = [max(1, int(total * weight / sum(weights) / unit) * unit) for weight in weights]
    at = 0
    while (left := total - sum(shares)) != 0:
        step = min(unit, left) if left > 0 else -1
        if shares[at % len(shares)] + step >= 1:
            shares[at % len(shares)] += step
        at += 1
    return shares
