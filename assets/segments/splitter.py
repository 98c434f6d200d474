"""Where a long text is cut: at the page headings of a deck, at the planned sections of anything else.

A draft has no plan: anything but a deck is cut at its own headings, or else into groups of paragraphs.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

from assets.drafts.schema import Draft
from assets.long_outputs.schema import LongOutput
from assets.segments.schema import Segment, Writer
from resources.text.headings import SECTION_HEADING, SEPARATOR, page_headings
from resources.text.words import count_words

GROUP_WORDS = 200  # of paragraphs that make a segment of a draft without headings


def split_pages(text: str, pages: int) -> list[str]:
    """The text of each page of a deck, headings included; empty where the text has no such page.

    Text before the first heading belongs to the first page that has one, or to page 1 where none has. A page that is
    headed twice keeps both parts; a heading of a page that does not exist stays with the text before it.
    """
    parts = [""] * pages
    marks = [(start, page) for start, page in page_headings(text) if 1 <= page <= pages] or [(0, 1)]
    for number, (start, page) in enumerate(marks):
        begin = 0 if number == 0 else start
        end = marks[number + 1][0] if number + 1 < len(marks) else len(text)
        parts[page - 1] = SEPARATOR.join(part for part in (parts[page - 1], text[begin:end].strip()) if part)
    return parts


def split_sections(text: str) -> list[str]:
    """A text without a plan, cut at its `## ` headings; without any, into paragraphs of about GROUP_WORDS together.

    Text before the first heading is a segment of its own. An empty text is one empty segment.
    """
    starts = [match.start() for match in SECTION_HEADING.finditer(text)]
    if starts:
        borders = sorted({0, *starts, len(text)})
        parts = [text[begin:end].strip() for begin, end in pairwise(borders)]
        return [part for part in parts if part]
    groups = [""]
    for paragraph in filter(None, (part.strip() for part in re.split(r"\n\s*\n", text))):
        if count_words(groups[-1]) >= GROUP_WORDS:
            groups.append("")
        groups[-1] = f"{groups[-1]}{SEPARATOR}{paragraph}" if groups[-1] else paragraph
    return groups


def segment_id(example_id: str, index: int) -> str:
    """The id of an example's segment; index: 0-based."""
    return f"{example_id}-{index:03d}"


def split_output(output: LongOutput) -> list[Segment]:
    """The segments rows of one long_outputs row, in order."""
    return _rows(output, output_texts(output), output["author"], "teacher")


def output_texts(output: LongOutput) -> Sequence[tuple[int | None, str]]:
    """What a long_outputs row is cut into: the page of each segment, None where it has no single one, and its text."""
    if output["kind"] == "deck":
        return _pages(output, output["output"])
    return [
        (section["pages"][0] if len(section["pages"]) == 1 else None, section["text"]) for section in output["sections"]
    ]


def split_draft(output: LongOutput, draft: Draft) -> list[Segment]:
    """The segments rows of a draft that replaces a long_outputs row's text."""
    if output["kind"] == "deck":
        return _rows(output, _pages(output, draft["output"]), draft["author"], "checkpoint")
    page = 1 if len(output["images"]) == 1 else None
    return _rows(output, [(page, text) for text in split_sections(draft["output"])], draft["author"], "checkpoint")


def _pages(output: LongOutput, text: str) -> Sequence[tuple[int | None, str]]:
    return list(enumerate(split_pages(text, len(output["images"])), 1))


def _rows(
    output: LongOutput,
    texts: Sequence[tuple[int | None, str]],
    author: str,
    drafted_by: Writer,
) -> list[Segment]:
    """texts: the page of each segment, None where it has no single one, and its text."""
    return [
        {
            "segment_id": segment_id(output["example_id"], index),
            "example_id": output["example_id"],
            "document_id": output["document_id"],
            "split": output["split"],
            "index": index,
            "page": page,
            "text": text,
            "words": count_words(text),
            "author": author,
            "drafted_by": drafted_by,
        }
        for index, (page, text) in enumerate(texts)
    ]
