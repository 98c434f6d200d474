"""What is measured of each segment: pure functions of its text, its pages, its plan and what its calls took."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from assets.corrected_segments.laid_over import critics_row
from assets.corrected_segments.schema import CorrectedSegment
from assets.long_outputs.schema import LongOutput, Section
from assets.segments.schema import Segment
from assets.signals.doubt import doubt_of, doubt_parts
from assets.signals.known import Known
from assets.signals.page_match import PageWords, match_pages
from assets.signals.schema import Signal
from resources.text.edit_distance import edit_distance
from resources.text.headings import page_headings, without_heading
from resources.text.length_score import length_score
from resources.text.placeholders import placeholders
from resources.text.repetition import loop_start, repeated_share, runs_and_count
from resources.text.words import count_words, tokens, written_in_chinese

_HEADING = re.compile(r"^#{1,6}\s", re.MULTILINE)


class Planned(NamedTuple):
    """What the plan has for a segment. pages: of its example, 1-based; target_words: None where it has no plan; calls:
    that wrote it."""

    pages: Sequence[int]
    target_words: int | None
    calls: Sequence[str]


class Edit(NamedTuple):
    """What the critic changed. distance: tokens; share: of the longer of both texts, 0-1."""

    distance: int
    share: float


def measure_example(output: LongOutput, segments: Sequence[Segment], known: Known) -> Iterator[Signal]:
    """The signals rows of one example: its long_outputs row and its segments rows, in order."""
    pages = [known.pages.get(image, PageWords("")) for image in output["images"]]
    request, earlier = PageWords(output["request"]), set[int]()
    for segment in segments:
        corrected = known.corrected.get(segment["segment_id"])
        critic = critics_row(corrected) if corrected else None  # what a person wrote in its place is no edit of its own
        text = corrected["text"] if corrected else segment["text"]
        body, plan = without_heading(text), planned(output, segment)
        words, mine = count_words(body), [page for page in plan.pages if 0 < page <= len(pages)]
        own, runs = runs_and_count(body)
        match = match_pages(text, [pages[page - 1] for page in mine], pages, request)
        calls = [*plan.calls, *([corrected["call_id"]] if corrected else ())]
        paid = [known.calls[call] for call in calls if call in known.calls]
        wrote = [known.calls[call] for call in plan.calls if call in known.calls]
        target, edit = plan.target_words or None, edit_of(critic) if critic else None
        row: Signal = {
            "segment_id": segment["segment_id"],
            "example_id": segment["example_id"],
            "document_id": segment["document_id"],
            "split": segment["split"],
            "kind": output["kind"],
            "language": output["language"],
            "index": segment["index"],
            "page": segment["page"],
            "author": segment["author"],
            "drafted_by": segment["drafted_by"],
            "template": wrote[0].template if wrote else "",
            "words": words,
            "target_words": target,
            "length_score": length_score(words, target) if target and words else None,
            "repeated_share": repeated_share(body),
            "earlier_share": len(own & earlier) / len(own) if own else 0.0,
            "loops": len(own) < runs and loop_start(body) is not None,
            "written_language": ("zh" if written_in_chinese(body) else "en") if words else "",
            "page_terms": match.terms,
            "page_share": match.share,
            "numbers_off": match.numbers_off,
            "numbers_elsewhere": match.numbers_elsewhere,
            "names_off": match.names_off,
            "names_elsewhere": match.names_elsewhere,
            "placeholders": [found for found in placeholders(text) if not any(page.has(found) for page in pages)],
            "headings": len(_HEADING.findall(text)),
            "heading_lost": words > 0 and heading_lost(text, output, segment),
            "edited": critic["edited"] if critic else None,
            "edit_distance": edit.distance if edit else None,
            "edit_share": edit.share if edit else None,
            "errors": critic["errors"] if critic else [],
            "tokens": sum(call.tokens for call in paid) if paid else None,
            "cost_usd": sum(call.usd for call in paid) if paid else None,
            "rules": known.named.rules_of(segment, [output["images"][page - 1] for page in mine]),
            "doubt": 0,
            "parts": [],
        }
        row["parts"] = doubt_parts(row)
        row["doubt"] = doubt_of(row["parts"])
        earlier |= own
        yield row


def planned(output: LongOutput, segment: Segment) -> Planned:
    """A page of a deck has its share of the sections that are about it; any other segment is a section itself. A draft
    was written by no call, and without a plan but for a deck's pages."""
    teacher = segment["drafted_by"] == "teacher"
    if output["kind"] == "deck" and segment["page"] is not None:
        page = segment["page"]
        sections = [section for section in output["sections"] if page in section["pages"]]
        words = sum(section["target_words"] / len(section["pages"]) for section in sections)
        return Planned([page], round(words) if sections else None, _calls(sections) if teacher else [])
    if teacher and segment["index"] < len(output["sections"]):
        section = output["sections"][segment["index"]]
        return Planned(section["pages"], section["target_words"], _calls([section]))
    return Planned([segment["page"]] if segment["page"] else range(1, len(output["images"]) + 1), None, [])


def _calls(sections: Sequence[Section]) -> list[str]:
    return list(dict.fromkeys(section["call_id"] for section in sections))


def heading_lost(text: str, output: LongOutput, segment: Segment) -> bool:
    """text: the segment as it now counts, not empty. A page of a deck has its own page's heading; any other segment has
    one where its section was written under one."""
    if output["kind"] == "deck":
        return segment["page"] not in {page for _, page in page_headings(text)}
    return _begins_with_heading(segment["text"]) and not _begins_with_heading(text)


def _begins_with_heading(text: str) -> bool:
    return without_heading(text) != text.strip()


def edit_of(corrected: CorrectedSegment) -> Edit:
    """By tokens: white space and punctuation are none."""
    if not corrected["edited"]:
        return Edit(0, 0.0)
    one, other = tokens(corrected["original"]), tokens(corrected["text"])
    distance = edit_distance(one, other)
    return Edit(distance, distance / max(1, len(one), len(other)))
