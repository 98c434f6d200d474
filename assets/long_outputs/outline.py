"""The plan of a long text: sections with words, points and pages; parsed leniently, as lines or JSON, and checked."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from resources.text.json_objects import json_objects

WORDS_OFF = 0.1  # share of the total by which a plan's words may miss it
LEAST_WORDS = 20  # of a section whose words are scaled: with fewer nothing can be written
# A section line of the form that prompts/plan.txt asks for. Anchored at the line's start, so that a key point which
# mentions "Section 3" is no new section (the released code splits there, docs/method.md 2.3).
_LINE = re.compile(
    r"^\W*(?:Section|Paragraph|Slide|第)\s*\d+\s*(?:节|段)?\W*Main Point\W*?[:：]\s*(?P<point>.+?)"
    r"\s*[-–—]\W*Word Count\W*?[:：]\W*(?P<words>\d[\d,]{0,9})[^\d\n]*?"
    r"(?:Pages?\W*?[:：]\W*(?P<pages>\d[\d,，、 \t-]*))?\W*$",
    re.IGNORECASE | re.MULTILINE,
)

# The schema for servers with structured output.
PLAN_FORMAT = {
    "type": "json_schema",
    "json_schema": {
        "name": "plan",
        "strict": True,
        "schema": {
            "type": "object",
            "additionalProperties": False,
            "required": ["sections"],
            "properties": {
                "sections": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["point", "words", "pages"],
                        "properties": {
                            "point": {"type": "string"},
                            "words": {"type": "integer"},
                            "pages": {"type": "array", "items": {"type": "integer"}},
                        },
                    },
                }
            },
        },
    },
}


@dataclass(frozen=True)
class PlannedSection:
    """index: 1-based; words: target; pages: 1-based pages that this section covers."""

    index: int
    point: str
    words: int
    pages: tuple[int, ...]


class PlanError(ValueError):
    """The plan cannot be used; the sentence says what is wrong with it. only_words: its word counts alone are."""

    def __init__(self, message: str, only_words: bool = False) -> None:
        super().__init__(message)
        self.only_words = only_words


def parse_plan(text: str) -> list[PlannedSection]:
    """The sections of a plan in order, numbered anew from 1; empty where it is neither JSON nor lines of the form."""
    if sections := _from_json(text):
        return sections
    for match in _LINE.finditer(text):
        sections.append(
            PlannedSection(
                len(sections) + 1,
                match["point"].strip(" []"),
                int(match["words"].replace(",", "")),
                _page_list(match["pages"] or ""),
            )
        )
    return sections


def check_plan(
    sections: Sequence[PlannedSection], pages: int, total_words: int, page_per_section: bool, most_sections: int = 1_000
) -> None:
    """Raise PlanError unless every page is covered, pages exist, and the words add up to the total within 10 %."""
    if not sections:
        raise PlanError("no line has the form `Section k - Main Point: … - Word Count: n - Pages: p`")
    if page_per_section and [section.pages for section in sections] != [(page,) for page in range(1, pages + 1)]:
        raise PlanError(f"a deck of {pages} pages needs one section per page, in page order")
    if len(sections) > max(most_sections, pages):
        raise PlanError(f"it has {len(sections)} sections, more than {most_sections}")
    covered = {page for section in sections for page in section.pages}
    if missing := sorted(set(range(1, pages + 1)) - covered):
        raise PlanError(f"no section covers page {', '.join(map(str, missing))}")
    if strange := sorted(covered - set(range(1, pages + 1))):
        raise PlanError(f"there is no page {', '.join(map(str, strange))}")
    if empty := [section.index for section in sections if section.words < 1]:
        raise PlanError(f"section {', '.join(map(str, empty))} has no words", only_words=True)
    words = sum(section.words for section in sections)
    if abs(words - total_words) > WORDS_OFF * total_words:
        raise PlanError(f"the word counts add up to {words}, not {total_words}", only_words=True)


def scale_plan(sections: Sequence[PlannedSection], total_words: int) -> list[PlannedSection]:
    """The same sections with about this total: words in the same proportions, but LEAST_WORDS each where they fit."""
    least = max(1, min(LEAST_WORDS, total_words // len(sections)))
    words = sum(max(least, section.words) for section in sections)
    return [
        replace(section, words=max(least, round(max(least, section.words) * total_words / words)))
        for section in sections
    ]


def _from_json(text: str) -> list[PlannedSection]:
    for found in json_objects(text):
        if isinstance(entries := found.get("sections"), list):
            try:
                return [_from_entry(index, entry) for index, entry in enumerate(entries, 1)]
            except (ValueError, TypeError, KeyError, OverflowError):
                continue
    return []


def _from_entry(index: int, entry: Any) -> PlannedSection:
    return PlannedSection(index, str(entry["point"]).strip(), int(entry["words"]), tuple(map(int, entry["pages"])))


def _page_list(text: str) -> tuple[int, ...]:
    pages: list[int] = []
    for first, last in re.findall(r"(\d{1,6})(?:\s*-\s*(\d{1,6}))?", text):
        pages.extend(range(int(first), int(last or first) + 1) if int(last or first) - int(first) < 1000 else [])
    return tuple(dict.fromkeys(pages))
