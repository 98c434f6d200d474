"""The plan of a long text: sections with words, points and pages; written as lines, read tolerantly, checked."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

# A section line of the form that prompts/plan.txt asks for. Anchored at the line's start, so that a key point which
# mentions "Section 3" is no new section (the released code splits there, method.md 2.3).
_LINE = re.compile(
    r"^\W*(?:Section|Paragraph|Slide|第)\s*\d+\s*(?:节|段)?\W*Main Point\W*?[:：]\s*(?P<point>.+?)"
    r"\s*[-–—]\W*Word Count\W*?[:：]\W*(?P<words>\d[\d,]*)[^\d\n]*?"
    r"(?:Pages?\W*?[:：]\W*(?P<pages>\d[\d,，、 \t-]*))?\W*$",
    re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class PlannedSection:
    """index: 1-based; words: target; pages: 1-based pages that this section covers."""

    index: int
    point: str
    words: int
    pages: tuple[int, ...]


class BadPlan(ValueError):
    """The plan cannot be written to; the sentence says what is wrong with it."""


def parse_plan(text: str) -> list[PlannedSection]:
    """The sections of a plan in order, numbered anew from 1; empty where no line has the form."""
    sections: list[PlannedSection] = []
    for match in _LINE.finditer(text):
        sections.append(PlannedSection(len(sections) + 1, match["point"].strip(" []"),
                                       int(match["words"].replace(",", "")), _page_list(match["pages"] or "")))
    return sections


def check_plan(sections: Sequence[PlannedSection], pages: int, total_words: int, page_per_section: bool) -> None:
    """Raise BadPlan unless every page is covered, pages exist, and the words add up to the total within 10 %."""
    if not sections:
        raise BadPlan("no line has the form `Section k - Main Point: … - Word Count: n - Pages: p`")
    if page_per_section and [section.pages for section in sections] != [(page,) for page in range(1, pages + 1)]:
        raise BadPlan(f"a deck of {pages} pages needs one section per page, in page order")
    covered = {page for section in sections for page in section.pages}
    if missing := sorted(set(range(1, pages + 1)) - covered):
        raise BadPlan(f"no section covers page {', '.join(map(str, missing))}")
    if strange := sorted(covered - set(range(1, pages + 1))):
        raise BadPlan(f"there is no page {', '.join(map(str, strange))}")
    words = sum(section.words for section in sections)
    if abs(words - total_words) > 0.1 * total_words:
        raise BadPlan(f"the word counts add up to {words}, not {total_words}")


def _page_list(text: str) -> tuple[int, ...]:
    pages: list[int] = []
    for first, last in re.findall(r"(\d+)(?:\s*-\s*(\d+))?", text):
        pages.extend(range(int(first), int(last or first) + 1) if int(last or first) - int(first) < 1000 else [])
    return tuple(dict.fromkeys(pages))
