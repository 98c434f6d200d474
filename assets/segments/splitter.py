"""Where a long text is cut: at the page headings of a deck, at the planned sections of anything else."""

import re
from typing import Any

from resources.words import count_words

_PAGE_HEADING = re.compile(r"^##\s*(?:Slide\s*(\d+)\b|第\s*(\d+)\s*页).*$", re.MULTILINE | re.IGNORECASE)


def split_pages(text: str, pages: int) -> list[str]:
    """The text of each page of a deck, headings included; empty where the text has no such page.

    What stands before the first heading goes with the first page that has one. A page that is headed twice keeps
    both parts; headings of pages that do not exist stay with what stands before them.
    """
    parts = [""] * pages
    marks = [(match.start(), int(match[1] or match[2])) for match in _PAGE_HEADING.finditer(text)]
    marks = [(start, page) for start, page in marks if 1 <= page <= pages]
    for number, (start, page) in enumerate(marks):
        begin = 0 if number == 0 else start
        end = marks[number + 1][0] if number + 1 < len(marks) else len(text)
        parts[page - 1] = "\n\n".join(part for part in (parts[page - 1], text[begin:end].strip()) if part)
    return parts


def split_output(output: dict[str, Any]) -> list[dict[str, Any]]:
    """The segments rows of one long_outputs row, in order."""
    texts: list[tuple[int | None, str]]
    if output["kind"] == "deck":
        texts = list(enumerate(split_pages(output["output"], len(output["images"])), 1))
    else:
        texts = [(section["pages"][0] if len(section["pages"]) == 1 else None, section["text"])
                 for section in output["sections"]]
    return [{
        "segment_id": f"{output['example_id']}-{index:03d}", "example_id": output["example_id"],
        "document_id": output["document_id"], "split": output["split"], "index": index, "page": page, "text": text,
        "words": count_words(text), "author": output["author"],
    } for index, (page, text) in enumerate(texts)]
