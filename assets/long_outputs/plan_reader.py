"""The forms in which models write plans, read into sections: JSON under many names, tables, lists, labelled lines.

What has no number of words where one belongs is no section, so prose that mentions sections is no plan.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal, NamedTuple

from assets.long_outputs.outline import PlannedSection
from resources.json_types import Json
from resources.text.json_objects import json_values

Field = Literal["point", "words", "pages"]
LONGEST_LINE, MOST_LINES = 1000, 5000  # characters, lines: what is beyond is no part of a plan
LARGEST = 1_000_000_000  # of a number that is one of words or of a page

# What models call the three fields, as names in JSON, heads of columns and labels.
_NAMES: Mapping[Field, re.Pattern[str]] = {
    "point": re.compile(
        r"(?:main|key|core|central)? ?(?:points?|ideas?|messages?|topics?|themes?|focus|contents?)"
        r"|(?:section )?(?:titles?|headings?|names?)|section|subject|description|summary|covers"
        r"|(?:主要|核心)?内容|要点|主?题|标题|主旨|小标题|小节|章节",
        re.IGNORECASE,
    ),
    "words": re.compile(
        r"(?:target|approx(?:imate)?|estimated|suggested|planned)? ?words?(?: (?:counts?|target|length))?"
        r"|number of words|(?:target )?length|(?:目标|建议|预计)?字数|长度|篇幅",
        re.IGNORECASE,
    ),
    "pages": re.compile(
        r"(?:covered|relevant|source)? ?(?:pages?|slides?|images?|pictures?|photos?)"
        r"(?: (?:numbers?|nums?|nos?\.?|range|list|covered))?|(?:对应)?页[码面数]?|幻灯片|图片?(?:编号)?",
        re.IGNORECASE,
    ),
}
_ABOUT = r"(?:about|around|approx(?:imately|\.)?|roughly|ca\.?|~|≈|约|大约|大概)?"
_NUMBER = r"(?<![\d.,])(\d[\d,]{0,9})(?![\d,])"
_COUNT = rf"{_ABOUT} ?{_NUMBER}(?: ?(?:[-–—~至到]|to) ?{_NUMBER})?"
_UNIT = r"(?:[- ]?(?:words?|characters?|chars?)|个?汉?字)"
_WORDS = re.compile(rf"{_COUNT} ?{_UNIT}(?: ?(?:左右|in total))?", re.IGNORECASE)
_WORDS_UNDER_LABEL = re.compile(rf"{_COUNT} ?{_UNIT}?(?: ?(?:左右|in total))?", re.IGNORECASE)
_NUMBERS = r"\d{1,6}(?: ?(?:[-–—~,，、&至到和及]|and|to) ?\d{1,6})*"
_PAGES = re.compile(
    r"(?:(?:on|for|covers?|covering|from|using|see) )?(?:the )?(?:"
    rf"(?:pages?|slides?|images?|pictures?|photos?|pp?\.) ?#?{_NUMBERS}"
    rf"|第? ?{_NUMBERS} ?[页张幅](?:图片?)?|图 ?{_NUMBERS})",
    re.IGNORECASE,
)
_BARE_NUMBERS = re.compile(_NUMBERS)
_RANGE = re.compile(r"(\d{1,6})(?: ?(?:[-–—~至到]|to) ?(\d{1,6}))?")
# How a section's line begins. Groups: the number, where it is that of a page.
_HEAD = re.compile(
    r"(?:[(（]?\d{1,4} ?[.)）、:：] ?)?(?:"
    r"(?:(?:section|paragraph|part|chapter) ?\d{1,4}|(?:slide|page|image) ?(\d{1,4}))(?: ?(?:of|/) ?\d{1,4})?"
    r"(?= ?(?:$|[-–—:：.,，|(（)\[\]]))"
    r"|第 ?(\d{1,4}) ?[页张]|第 ?[\d一二三四五六七八九十]{1,4} ?(?:小?节|段|部分|章)|[一二三四五六七八九十]{1,3}、)"
    r"|[(（]?\d{1,4} ?[.)）、:：](?= ?\D)|\d{1,4} (?=[-–—|])",
    re.IGNORECASE,
)
_BETWEEN = re.compile(
    r" [-–—]+ |[—|;；()（）\[\]，:：]|,(?!\d{3}\b)|[-–](?=[\u4e00-\u9fff])"  # what parts fields
)
_EDGES = " \t-–—|,;:，；：。.()（）[]【】*#>"
_SUM = re.compile(r"(?:in )?(?:total|sum|合计|总计|总|共计)(?: ?(?:words?|word count|length|字数))?", re.IGNORECASE)
_EMPHASIS = re.compile(r"\*\*|`|__|(?<=\S)\*|\*(?=\S)")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|[_-]")
_ASIDE = re.compile(r" ?[(（][^()（）]{0,40}[)）]")


@dataclass(frozen=True)
class _Draft:
    """A section as far as it was read. words, pages: None where nothing was said of them. numbered: its line is."""

    point: str = ""
    words: int | None = None
    pages: tuple[int, ...] | None = None
    numbered: bool = False

    @property
    def is_section(self) -> bool:
        return self.words is not None and bool(self.point) and not _SUM.fullmatch(self.point)


class _Piece(NamedTuple):
    """A part of a line between two marks; named: a colon follows."""

    start: int
    end: int
    named: bool


def parse_plan(text: str) -> list[PlannedSection]:
    """The sections of a plan in order, numbered anew from 1; empty where the text is none.

    Takes time in proportion to the text, and raises nothing.
    """
    drafts = _from_json(text)
    if not drafts:
        short = (line for line in text.splitlines() if len(line) <= LONGEST_LINE)
        lines = [" ".join(_EMPHASIS.sub("", line).split()) for line in islice(short, MOST_LINES)]
        drafts = _from_table(lines) or _from_lines(lines)
    return [
        PlannedSection(index, draft.point, draft.words or 0, draft.pages or ()) for index, draft in enumerate(drafts, 1)
    ]


def _from_json(text: str) -> list[_Draft]:
    """The last list of sections, whatever it is called; else the sections that stand one after the other."""
    alone = []
    for value in json_values(text):
        for entries in _lists_in(value):
            drafts = [_from_entry(entry) for entry in entries if isinstance(entry, dict)]
            if len(drafts) == len(entries) and all(draft.is_section for draft in drafts):
                return drafts
        if isinstance(value, dict):
            alone.append(_from_entry(value))
    return [draft for draft in reversed(alone) if draft.is_section]


def _lists_in(value: Json) -> Iterator[Sequence[Json]]:
    """Every list that is not empty, and every object of objects as one, outer ones first."""
    if isinstance(value, list | dict) and value:
        inner = list(value.values()) if isinstance(value, dict) else value
        if isinstance(value, list) or all(isinstance(part, dict) for part in inner):
            yield inner
        for part in inner:
            yield from _lists_in(part)


def _from_entry(entry: Mapping[str, Json]) -> _Draft:
    draft, main = _Draft(), False
    for name, value in entry.items():
        match _field_of(name):
            case "words" if draft.words is None:
                draft = replace(draft, words=_words_in(value))
            case "pages" if draft.pages is None:
                draft = replace(draft, pages=_pages_in(value))
            case "point" if not main and isinstance(value, str):
                main = bool(re.search("point|idea|内容|要点", name, re.IGNORECASE))  # rather than a title
                numbered = value.strip().isdigit() and not main  # `"section": "1"`; a point may be a year
                draft = replace(draft, point=value.strip()) if main or not (draft.point or numbered) else draft
    return draft


def _field_of(name: str) -> Field | None:
    plain = " ".join(_ASIDE.sub("", _CAMEL.sub(" ", name)).split()) if len(name) <= 60 else ""
    return next((field for field, names in _NAMES.items() if plain and names.fullmatch(plain)), None)


def _words_in(value: Json) -> int | None:
    """The number of words that a value says; of a range its middle."""
    if isinstance(value, str):
        match = _WORDS_UNDER_LABEL.fullmatch(value.strip(_EDGES)[:60])
        return _count(match) if match else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not -LARGEST < value < LARGEST:
        return None
    return int(value)


def _count(match: re.Match[str]) -> int:
    numbers = [int(number.replace(",", "")) for number in match.groups() if number]
    return sum(numbers) // len(numbers)


def _pages_in(value: Json) -> tuple[int, ...]:
    """`[1, 2]`, `3`, `"4-6"`, `["第1页"]` -> the numbers, each once; a range of a thousand is none."""
    pages: list[int] = []
    for part in value if isinstance(value, list) else [value]:
        if isinstance(part, str):
            for first, last in _RANGE.findall(part[:LONGEST_LINE]):
                pages += range(int(first), int(last or first) + 1) if int(last or first) - int(first) < 1000 else ()
        elif isinstance(part, int) and not isinstance(part, bool) and abs(part) < LARGEST:
            pages.append(part)
    return tuple(dict.fromkeys(pages))


def _from_table(lines: Sequence[str]) -> list[_Draft]:
    """The rows under a head that names words and points."""
    found, columns = list[_Draft](), list[Field | None]()
    for line in lines:
        cells = [cell.strip() for cell in line.strip("| ").split("|")] if line.count("|") > 1 or columns else []
        if len(cells) < 2:
            columns = []
            continue
        head = [_field_of(cell) for cell in cells]
        if {"words", "point"} <= set(head):
            columns = head
        elif columns:
            cells = cells[-len(columns) :] if len(cells) > len(columns) else cells
            row = {field: cell for field, cell in zip(columns, cells, strict=False) if field}
            found.append(_Draft(row.get("point", ""), _words_in(row.get("words")), _pages_in(row.get("pages"))))
    return [draft for draft in found if draft.is_section]


def _from_lines(lines: Sequence[str]) -> list[_Draft]:
    """A section a line, or a section's fields one under the other. Bullets count where no line is numbered."""
    found = [_Draft()]
    for line in lines:
        body = line.lstrip("#>•+-* ")
        head = _HEAD.match(body)
        draft = _from_line(body[head.end() :] if head else body)
        if head:
            page = head[1] or head[2]
            pages = (int(page),) if page and draft.pages is None else draft.pages
            found.append(replace(draft, numbered=True, pages=pages))
        elif not draft.point or _begins_with_label(body):
            found.extend(_with_more(found.pop(), draft))
        elif body != line and (draft.words is not None or line.startswith("#")):
            found.append(draft)
    sections = [draft for draft in found if draft.is_section]
    return [draft for draft in sections if draft.numbered] or sections


def _with_more(last: _Draft, more: _Draft) -> list[_Draft]:
    """The last section with what a further line says of it; a new one where that has its words and gets a point."""
    if more.point and last.words is not None:
        return [last, more]
    point = f"{last.point}: {more.point}" if last.point and more.point else last.point or more.point
    words = more.words if last.words is None else last.words
    pages = last.pages if more.pages is None else more.pages
    return [replace(last, point=point, words=words, pages=pages)]


def _begins_with_label(body: str) -> bool:
    first = _pieces(body)[0]
    return first.named and _field_of(body[: first.end].strip(_EDGES)) is not None


def _from_line(line: str) -> _Draft:
    """What one line says, without its number: labelled fields, else words and pages at its end, else a point."""
    pieces = _pieces(line)
    labels = [
        (field, piece)
        for piece in pieces
        if piece.named and (field := _field_of(line[piece.start : piece.end].strip(_EDGES)))
    ]
    ends = [*(piece.start for _, piece in labels), len(line)]
    draft = _with_tail(line[: ends[0]])
    for (field, piece), end in zip(labels, ends[1:], strict=True):
        value = line[piece.end : end].strip(_EDGES)
        if field == "words":
            draft = replace(draft, words=_words_in(value))
        elif field == "pages":
            draft = replace(draft, pages=_pages_in(value))
        else:
            told = _with_tail(value)
            draft = _Draft(
                f"{draft.point}: {told.point}" if draft.point and told.point else draft.point or told.point,
                told.words if draft.words is None else draft.words,
                told.pages if draft.pages is None else draft.pages,
            )
    return draft


def _with_tail(text: str) -> _Draft:
    """A point, with the words and pages that stand after it: `The bridge (about 300 words, pages 1, 2)`."""
    words, pages, end, last = None, None, len(text), len(text)
    for piece in reversed(_pieces(text)):
        said = text[piece.start : piece.end].strip(_EDGES)
        if words is None and (match := _WORDS.fullmatch(said)):
            words, end = _count(match), piece.start
        elif pages is None and _PAGES.fullmatch(said):
            pages, end = _pages_in(text[piece.start : last]), piece.start
        elif said and not (pages is None and _BARE_NUMBERS.fullmatch(said)):
            break
        else:
            continue  # nothing between two marks, or a further number of a list of pages
        last = piece.start
    return _Draft(text[:end].strip(_EDGES), words, pages)


def _pieces(text: str) -> list[_Piece]:
    marks = [(match.start(), match.end(), match[0] in ":：") for match in _BETWEEN.finditer(text)]
    starts = [0, *(end for _, end, _ in marks)]
    return [
        _Piece(start, end, named)
        for start, (end, _, named) in zip(starts, [*marks, (len(text), 0, False)], strict=True)
    ]
