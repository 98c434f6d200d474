"""How the parts of a long text are joined: the separator, and the headings that mark pages and sections.

A text is written with these headings and cut at them again, so both must come from here.
"""

import re

SEPARATOR = "\n\n"  # between two sections, segments or paragraphs
PAGE_HEADING = re.compile(r"^##[ \t]*(?:Slide\s*(\d+)\b|第\s*(\d+)\s*页).*$", re.MULTILINE | re.IGNORECASE)
SECTION_HEADING = re.compile(r"^## ", re.MULTILINE)
_ANY_HEADING = re.compile(r"^(?:#{2,6}\s*|#\s+)[^#\s]")  # `##Slide 2` is one, `#tag` is none
_HIGH_LEVEL = re.compile(r"^(?:##(?!#)|#(?=\s))\s*")  # the mark of a heading at whose level a text is cut


def page_heading(page: int, language: str) -> str:
    """The heading of a deck's page (1-based), without its `## `. language: `zh` or any other."""
    return f"第{page}页" if language == "zh" else f"Slide {page}"


def has_page_heading(text: str) -> bool:
    """Whether any page's heading stands in the text."""
    return PAGE_HEADING.search(text) is not None


def page_headings(text: str) -> list[tuple[int, int]]:
    """(offset, page) of each page heading in the text, in order."""
    return [(match.start(), int(match[1] or match[2])) for match in PAGE_HEADING.finditer(text)]


def without_heading(text: str) -> str:
    """The text without its first line where that is a heading."""
    head, _, body = text.strip().partition("\n")
    return body.strip() if _ANY_HEADING.match(head) else text.strip()


def under_heading(text: str, heading: str) -> str:
    """The section under exactly its heading line; further headings go below it, so that it is cut at no other place."""
    lower = [_HIGH_LEVEL.sub("### ", line) for line in without_heading(text).split("\n")]
    return f"## {heading}{SEPARATOR}" + "\n".join(lower).strip()
