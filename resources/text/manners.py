"""A text without what a chat model says around it: openings, labels, fences, quotation marks, closings.

The rules act only at a text's borders and leave something of it; what they do not know stays.
"""

import re
from collections.abc import Callable, Sequence

from resources.text.manner_phrases import (
    CLOSING,
    CORRECTION_LABEL,
    OPENING_LINE,
    OPENING_PART,
    REQUEST_LABEL,
    REQUEST_NOTE,
    REQUEST_OPENING,
    RULE_LINE,
    SECTION_LABEL,
    WEAK_CLOSING,
    YES,
)
from resources.text.thoughts import without_thoughts

Rule = Callable[[str], str]
MOST_BEFORE = 400  # characters; what stands so near before a section's own heading announces it
MOST_IN_CLOSING = 500  # characters; a longer line is text
PASSES = 6  # what stands around a text stands in several layers: an opening, a label, quotation marks
_FENCED = re.compile(
    r"(`{3,}|~{3,})(?:markdown|md|text|txt|plaintext|plain)?[ \t]*\n(.*?)\n?[ \t]*\1", re.DOTALL | re.IGNORECASE
)
_PAIRS = {"“": "”", '"': '"', "「": "」", "『": "』", "**": "**", "__": "__", "‘": "’", "*": "*", "`": "`"}
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z(*])|(?<=[。！？；，])|(?<=[!?])(?=[*_)）]*$)")
_AROUND = " \t*_>()[]（）【】-—"
_EMPHASIS = " \t*_"
_PAGE = re.compile(r"slide \d+|第\s?\d+\s?页")


def clean_request(text: str) -> str:
    """A request without what its teacher said around it."""
    return _applied(text, (_unfenced, _request_opening, _opening_line, _request_label, _unquoted, _notes, _closing))


def clean_section(text: str, heading: str) -> str:
    """A section without what its teacher said around it. heading: its own, without `## `; where it stands in the text
    it stays once, and lines that only repeat it go."""
    return _applied(text, (_unfenced, _opening_line, _opening_part, lambda said: _labels(said, heading), _closing))


def clean_correction(text: str, original: str) -> str:
    """A corrected segment without what the critic said around it: never what the original has too."""
    rules = (_unfenced, _opening_line, _opening_part, _correction_label, _yes, _unquoted, _closing, _closing_sentences)
    return _applied(text, [rule for rule in rules if rule(original.strip()) == original.strip()])


def _applied(text: str, rules: Sequence[Rule]) -> str:
    """The text once no rule changes it any more. What has no end of layers is left as it is, and so is a text of which
    nothing would stay."""
    found = plain = without_thoughts(text).text.strip()
    for _ in range(PASSES):
        before = found
        for rule in rules:
            if (after := rule(found)) != found:
                after = without_thoughts(after).text.strip()
                found = after if _has_text(after) else found
        if found == before:
            return found
    return plain


def _has_text(text: str) -> bool:
    """Whether something is left under the headings."""
    return any(any(map(str.isalnum, line)) for line in text.split("\n") if not line.startswith("#"))


def _unfenced(text: str) -> str:
    """What stands in a fence that holds the whole text; a fence of code stays."""
    match = _FENCED.fullmatch(text)
    return match[2].strip() if match and match[1] not in match[2] else text


def _unquoted(text: str) -> str:
    """What stands in a pair of marks that holds the whole text."""
    if text.startswith(">") and all(line.startswith(">") for line in text.split("\n")):
        return "\n".join(line[1:].strip() for line in text.split("\n")).strip()
    for opening, closing in _PAIRS.items():
        inner = text[len(opening) : -len(closing)]
        if text.startswith(opening) and text.endswith(closing) and len(text) > len(opening + closing):
            return text if opening in inner or closing in inner or "\n\n" in inner else inner.strip()
    return text


def _opening_line(text: str) -> str:
    start = 0
    while (end := text.find("\n", start)) >= 0:
        line = text[start:end].strip(_EMPHASIS).replace("’", "'")
        if line and not OPENING_LINE.fullmatch(line):
            break
        start = end + 1
    return text[start:].strip()


def _opening_part(text: str) -> str:
    return _cut_front(OPENING_PART, text)


def _request_opening(text: str) -> str:
    return _cut_front(YES, _cut_front(REQUEST_OPENING, _cut_front(OPENING_PART, text)))


def _yes(text: str) -> str:
    return _cut_front(YES, text)


def _request_label(text: str) -> str:
    return _cut_front(REQUEST_LABEL, text)


def _correction_label(text: str) -> str:
    return _cut_front(CORRECTION_LABEL, text)


def _cut_front(pattern: re.Pattern[str], text: str) -> str:
    plain, start = text.replace("’", "'"), 0
    while (match := pattern.match(plain, start)) and match.end() > start:
        start = match.end()
    return text[start:].strip()


def _notes(text: str) -> str:
    """Without the last paragraphs that explain the request."""
    paragraphs = text.split("\n\n")
    while len(paragraphs) > 1 and REQUEST_NOTE.match(paragraphs[-1].strip()):
        paragraphs.pop()
    return "\n\n".join(paragraphs).strip()


def _closing(text: str) -> str:
    """Without the last lines that are closings or rules, but for the first line."""
    lines = text.split("\n")
    while len(lines) > 1 and (not lines[-1].strip() or RULE_LINE.fullmatch(lines[-1]) or _closes(lines[-1])):
        lines.pop()
    return "\n".join(lines).rstrip()


def _closes(line: str) -> bool:
    if len(line) > MOST_IN_CLOSING:
        return False
    said = line.replace("’", "'").strip(_AROUND)
    parts = [part.strip(" .!?。！？，；*_") for part in _SENTENCE.split(said) if part]
    sure = [CLOSING.fullmatch(part) is not None for part in parts]
    return any(sure) and all(known or WEAK_CLOSING.fullmatch(part) for known, part in zip(sure, parts, strict=True))


def _closing_sentences(text: str) -> str:
    """Without closings that stand at the end of the last line, behind a sentence that is none."""
    start = text.rfind("\n") + 1
    sentences = list(filter(None, _SENTENCE.split(text[start:])))
    while len(sentences) > 1 and _closes(sentences[-1]):
        sentences.pop()
        text = text[: text.rindex(sentences[-1], start) + len(sentences[-1])]
    return text


def _labels(text: str, heading: str) -> str:
    """Without labels and titles above the section's text, and without lines that repeat the label of its page."""
    own, kept = _plain(heading), list[str]()
    lines, at = _from_heading(text, own).split("\n"), 0
    while at < len(lines):
        line = lines[at].strip()
        if line and not kept and line.startswith("#") and _repeats(line, own):
            kept = [lines[at], ""]
        elif line and not _is_label(line, own, _next_line(lines, at), bool(kept)):
            break
        at += 1
    rest = [line for line in lines[at:] if not (_PAGE.fullmatch(own) and _plain(line) == own)]
    body = "\n".join(rest).strip("\n")
    unchanged = len(rest) == len(lines) - at and not any(map(str.strip, lines[:at][1 if kept else 0 :]))
    return "\n".join(lines) if unchanged or not body else "\n".join([*kept, body])


def _from_heading(text: str, own: str) -> str:
    """The text from its own heading on, where no more than a few words stand before that."""
    match = re.search(r"^#{1,6}[^\n]*$", text[:MOST_BEFORE], re.MULTILINE)
    return text[match.start() :] if match and _repeats(match[0], own) else text


def _is_label(line: str, own: str, following: str, under_own: bool) -> bool:
    """Whether a line above a section's text is a label or title. own: its heading; following: the next line."""
    if _repeats(line, own):
        return not line.rstrip(_EMPHASIS).endswith((".", "!", "?", "。", "！", "？", ";", "；"))
    if line.startswith("#"):
        title = line.startswith("# ") and following.startswith("## ")
        return not under_own and (title or _plain(following) == own)
    return SECTION_LABEL.fullmatch(line.strip("[]【】()（）")) is not None


def _repeats(line: str, own: str) -> bool:
    """Whether a line is the section's heading once more, with a title or without."""
    plain = _plain(line)
    return plain == own or plain.startswith(tuple(f"{own}{mark}" for mark in (":", "：", " -", " –", " —")))


def _next_line(lines: Sequence[str], at: int) -> str:
    """The next line with something in it."""
    return next((line for number in range(at + 1, len(lines)) if (line := lines[number].strip())), "")


def _plain(line: str) -> str:
    return " ".join(line.strip(" \t#*_:：.[]【】()（）").casefold().split())
