"""The plan of a long text: sections with words, points and pages; how it is asked for, and what makes it usable."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from resources.json_types import Json
from resources.structured_output import json_format, json_integer, json_line, json_list, json_object

WORDS_OFF = 0.1  # share of the total by which a plan's words may miss it
LEAST_WORDS = 20  # of a section whose words are scaled: with fewer nothing can be written
POINT_CHARACTERS = 300  # of a main point
PLAN_ROOM, PLAN_ROOM_PER_SECTION, PLAN_ROOM_PER_PAGE = 256, 60, 4  # tokens
FORM = '{"sections": [{"point": "…", "words": n, "pages": [p]}]}'


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


def plan_format(pages: int, total_words: int, page_per_section: bool, most_sections: int) -> dict[str, Json]:
    """The response_format of a plan: no more sections, words and pages than this text can have."""
    section = json_object(
        {
            "point": json_line(POINT_CHARACTERS),
            "words": json_integer(1, total_words),
            "pages": json_list(json_integer(1, max(1, pages)), min(1, pages), 1 if page_per_section else pages),
        }
    )
    least, most = (pages, pages) if page_per_section else (1, most_sections)
    return json_format("plan", sections=json_list(section, least, most))


def plan_room(sections: int, pages: int) -> int:
    """Tokens that a plan may have: a section takes about 35 in English and 45 in Chinese, a number of a page 3."""
    return PLAN_ROOM + PLAN_ROOM_PER_SECTION * sections + PLAN_ROOM_PER_PAGE * pages


def with_pages(sections: Sequence[PlannedSection], pages: int, page_per_section: bool) -> list[PlannedSection]:
    """A plan that names no page, where it can mean but one thing: all of a single page, or a section for each."""
    if any(section.pages for section in sections):
        return list(sections)
    if page_per_section and len(sections) == pages:
        return [replace(section, pages=(section.index,)) for section in sections]
    return [replace(section, pages=(1,)) for section in sections] if pages == 1 else list(sections)


def check_plan(
    sections: Sequence[PlannedSection], pages: int, total_words: int, page_per_section: bool, most_sections: int = 1_000
) -> None:
    """Raise PlanError unless every page is covered, pages exist, and the words add up to the total within 10 %."""
    if not sections:
        raise PlanError(f"it is no JSON object of the form {FORM}")
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
