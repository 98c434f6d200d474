"""What a text has in common with the words on its pages, and which of its numbers and names are not there."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from resources.text.content import NAMED_NUMBER, STOP_WORDS, content_tokens, numbers, plain

FEW_TERMS = 5  # of a page, from which on its words tell what it is about; a photograph of a sign has fewer
GLUED = 4  # letters, from which on a word is looked for inside others too: what is read has lost spaces
_MARKER = re.compile(r"^\s*(?:[（(]?\d+[.)）、]|#{1,6}\s.*$)", re.MULTILINE)  # of a list, and whole heading lines
_LABEL = re.compile(r"^\s*(?:[-*•]|\d+[.)])?\s*\*\*[^*\n]{1,80}\*\*:?", re.MULTILINE)
_LATIN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z][A-Za-z0-9]*(?:[’'-][A-Za-z0-9]+)*")
_TITLE = re.compile(r"《([^《》\n]{1,40})》")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_DECIMAL = re.compile(r"\d+\.\d+")
# Behind these a capital letter says nothing.
_ENDS = tuple(".!?:;…")
_OPENS = tuple("“\"‘'(（[【*—–-•|>")
_CLOSES = "”\"’')）]】*"
_UP_TO_TWENTY = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty
    """
_TENS = "thirty forty fifty sixty seventy eighty ninety"
_SPELLED = {word: str(value) for value, word in enumerate(_UP_TO_TWENTY.split())}
_SPELLED |= {word: str(10 * value) for value, word in enumerate(_TENS.split(), 3)}
_CHINESE = re.compile(r"[〇零一二两三四五六七八九十百千]+")
_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_UNITS = {"十": 10, "百": 100, "千": 1000}


class PageMatch(NamedTuple):
    """How a text fits its pages. terms: content words of its pages; share: of them, that it uses, 0-1, None where there
    are too few; off: numbers and names on no page; elsewhere: on other pages of the example alone."""

    terms: int
    share: float | None
    numbers_off: list[str]
    numbers_elsewhere: list[str]
    names_off: list[str]
    names_elsewhere: list[str]


@dataclass(frozen=True)
class PageWords:
    """The words of a page, or of several together; or of a request, which may be repeated too."""

    text: str

    @cached_property
    def terms(self) -> frozenset[str]:
        """Content words, pairs of Chinese characters, numbers."""
        return frozenset(content_tokens(self.text))

    @cached_property
    def words(self) -> frozenset[str]:
        """Its Latin words, lower case."""
        return frozenset(match.lower() for match in _LATIN.findall(self.text))

    @cached_property
    def letters(self) -> str:
        """All letters and digits without what is between them."""
        return plain(self.text)

    @cached_property
    def values(self) -> frozenset[str]:
        """Its numbers in one form, those that are spelled out too; of `2024/05/01` also the parts."""
        found = {value for number in numbers(unicodedata.normalize("NFKC", self.text)) for value in _values(number)}
        found |= {_SPELLED[word] for word in re.findall(r"[a-z]+", self.text.lower()) if word in _SPELLED}
        return frozenset(found | {str(_chinese(run)) for run in _CHINESE.findall(self.text)})

    def has(self, word: str) -> bool:
        """Whether a name or title stands here, whatever its case, with or without an English plural."""
        letters = plain(word)
        return (
            not letters
            or word.lower() in self.words
            or letters in self.terms
            or letters.removesuffix("s") in self.terms
            or (len(letters) >= GLUED and letters in self.letters)
            or (not letters.isascii() and letters in self.letters)
        )


def match_pages(text: str, own: Sequence[PageWords], others: Iterable[PageWords], request: PageWords) -> PageMatch:
    """text: a segment with its heading. own: the words of its pages; others: of all pages of its example. request: what
    was asked, which it may repeat."""
    terms = frozenset[str]().union(*(page.terms for page in own))
    if len(terms) < FEW_TERMS:
        return PageMatch(len(terms), None, [], [], [], [])
    used, letters = content_tokens(text), plain(text)
    share = sum(term in used or (len(term) > GLUED and plain(term) in letters) for term in terms) / len(terms)
    here, there = [*own, request], list(others)
    told = [number for number in told_numbers(text) if not any(_has_number(page, number) for page in here)]
    named = [name for name in told_names(text) if not any(page.has(name) for page in here)]
    numbers_there = [number for number in told if any(_has_number(page, number) for page in there)]
    names_there = [name for name in named if any(page.has(name) for page in there)]
    return PageMatch(
        len(terms),
        share,
        [number for number in told if number not in numbers_there],
        numbers_there,
        [name for name in named if name not in names_there],
        names_there,
    )


def told_numbers(text: str) -> list[str]:
    """The numbers that a text tells, each once, as written: none of headings, of list marks, of `slide 3`."""
    body = NAMED_NUMBER.sub(" ", _MARKER.sub(" ", unicodedata.normalize("NFKC", text)))
    return list(dict.fromkeys(numbers(body)))


def told_names(text: str) -> list[str]:
    """Words of a text that name something, each once: written with a capital inside a sentence, or with capitals or
    digits inside (`NASA`, `iPhone`, `GPT4`); Latin words in Chinese text that begin with a capital; titles in 《》.

    Chinese names have no mark, so but for those none is found.
    """
    body = _LABEL.sub(". ", _MARKER.sub(" ", text))
    words = list(_LATIN.finditer(body))
    common = {match[0] for match in words if match[0].islower()} | STOP_WORDS
    found = [
        name
        for match in words
        if _is_name(name := re.sub(r"[’']s?$", "", match[0]), body[: match.start()]) and name.lower() not in common
    ]
    return list(dict.fromkeys([*found, *_TITLE.findall(body)]))


def _is_name(word: str, before: str) -> bool:
    if len(word) < 2 or word.startswith(("I'", "I’")):
        return False
    if any(char.isupper() or char.isdigit() for char in word[1:] if char.isalnum()):
        return True
    if not word[0].isupper():
        return False
    line = before[before.rfind("\n") + 1 :].rstrip()
    if line and not line[-1].isascii() and line[-1].isalnum():
        return True  # inside Chinese
    ended = line.rstrip(_CLOSES).endswith(_ENDS)  # `… to the sea.” Someone`
    return bool(line) and not ended and not line.endswith(_OPENS)


def _has_number(page: PageWords, number: str) -> bool:
    whole, *parts = _values(number)
    return whole in page.values or (bool(parts) and page.values.issuperset(parts))


def _values(number: str) -> list[str]:
    """`1,200` -> 1200; `045.50%` -> 45.5; of `12:30` and `2024/05/01` the whole and its parts."""
    bare = number.rstrip("%")
    if _THOUSANDS.fullmatch(bare):
        bare = bare.replace(",", "")
    if bare.isdigit() or _DECIMAL.fullmatch(bare):
        return [_shortest(bare)]
    return [bare, *map(_shortest, re.split(r"[.,:/]", bare))]


def _shortest(number: str) -> str:
    whole, _, part = number.partition(".")
    part = part.rstrip("0")
    return f"{whole.lstrip('0') or '0'}{'.' if part else ''}{part}"


def _chinese(run: str) -> int:
    """The number that Chinese digits make: 二十三 -> 23, 二〇二四 -> 2024."""
    if not any(char in _UNITS for char in run):
        return int("".join(str(_DIGITS[char]) for char in run))
    total = digit = 0
    for char in run:
        if char in _UNITS:
            total, digit = total + (digit or 1) * _UNITS[char], 0
        else:
            digit = _DIGITS[char]
    return total + digit
