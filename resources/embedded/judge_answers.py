"""The judge's step: six integers from 1 to 5 by counted shares, never by taste.

Each dimension is a share of 0-1 that becomes 1-5 at the limits in the table, and none may pass the ceiling that the
text's form sets. form = share of words that stand in well-formed sentences (raised start, end mark, usual length,
usual share of small words); ceiling 1 below 0.25, 2 below 0.5, 3 below 0.7, 4 below 0.85. An empty response scores 1
six times.

dimension           share                                                                   2     3     4     5
relevance           words of the request and of the pages' lines that the response has      0.15  0.3   0.5   0.7
accuracy            quoted pieces and numbers of the response that the pages have; with     0.4   0.6   0.8   0.95
                    none of either: half of relevance's share
coherence           mean of: headings or one paragraph, paragraphs of 20-260 words,         0.25  0.45  0.65  0.85
                    sections that name something of the one before
clarity             sentences of 3-35 words (Chinese: 8-80 characters)                      0.3   0.5   0.7   0.85
breadth_and_depth   lines of the pages that are said; no text on them: words / 400          0.15  0.35  0.6   0.85
reading_experience  sentences said once, and sentence beginnings that differ (their mean)   0.4   0.6   0.75  0.88
"""

import json
import re
from collections.abc import Sequence
from itertools import pairwise

from resources.embedded.prose import Covered, fluency, is_gibberish, quotes, split_sentences
from resources.embedded.reading import Page, RequestError, Sight, furniture
from resources.text.content import CJK, content_tokens, numbers, plain
from resources.text.words import count_words

DIMENSIONS = ("relevance", "accuracy", "coherence", "clarity", "breadth_and_depth", "reading_experience")
_LIMITS = {
    "relevance": (0.15, 0.3, 0.5, 0.7),
    "accuracy": (0.4, 0.6, 0.8, 0.95),
    "coherence": (0.25, 0.45, 0.65, 0.85),
    "clarity": (0.3, 0.5, 0.7, 0.85),
    "breadth_and_depth": (0.15, 0.35, 0.6, 0.85),
    "reading_experience": (0.4, 0.6, 0.75, 0.88),
}
_FORM = (0.25, 0.5, 0.7, 0.85)
_REQUEST = re.compile(r"^<request>\n(.*?)\n?</request>", re.MULTILINE | re.DOTALL)
_RESPONSE = re.compile(r"^<response>\n(.*)\n?</response>", re.MULTILINE | re.DOTALL)


def answer(sight: Sight) -> str:
    """The JSON object with the six scores. Raises RequestError where the turn lacks its blocks."""
    request, response = _REQUEST.search(sight.text), _RESPONSE.search(sight.text)
    if request is None or response is None or response.start() < request.end():
        raise RequestError("The step `judge` needs <request> and <response> blocks.")
    return json.dumps(score(request[1], response[1], sight.pages))


def score(request: str, response: str, pages: Sequence[Page]) -> dict[str, int]:
    """The six dimensions, 1-5 each, by the table above."""
    if not plain(response):
        return dict.fromkeys(DIMENSIONS, 1)
    ceiling = _level(fluency(response), _FORM)
    shares = {
        "relevance": _relevance(request, response, pages),
        "accuracy": _accuracy(request, response, pages),
        "coherence": _coherence(response),
        "clarity": _clarity(response),
        "breadth_and_depth": _breadth(response, pages),
        "reading_experience": _reading(response),
    }
    return {name: min(ceiling, _level(shares[name], _LIMITS[name])) for name in DIMENSIONS}


def _level(share: float, limits: Sequence[float]) -> int:
    return 1 + sum(share >= limit for limit in limits)


def _sentences(text: str) -> list[str]:
    return [
        sentence
        for line in text.split("\n")
        if line.strip() and not line.startswith("#")
        for sentence in split_sentences(line)
    ]


def _relevance(request: str, response: str, pages: Sequence[Page]) -> float:
    wanted = content_tokens("\n".join(line for page in pages for line in page.lines))
    asked = content_tokens(request)
    said = content_tokens(response)
    parts = [len(terms & said) / len(terms) for terms in (wanted, asked) if terms]
    if not wanted and parts:  # a picture without text: only the request's words can be compared
        return min(1.0, parts[0] * 2)
    return max(parts[0], sum(parts) / len(parts)) if parts else 0.5


def _accuracy(request: str, response: str, pages: Sequence[Page]) -> float:
    shown = "\n".join([request, *(line for page in pages for line in page.lines)])
    flat, tokens = plain(shown), content_tokens(shown)
    headings = plain("\n".join(line for line in response.split("\n") if line.startswith("#")))
    body = "\n".join(line for line in response.split("\n") if not line.startswith("#"))
    claims = [
        not (bare := plain(said))
        or bare in flat
        or bare in headings
        or len(content_tokens(said) & tokens) >= 0.6 * max(1, len(content_tokens(said)))
        for said in quotes(body)
    ]
    claims += [number.strip("%.,") in flat or plain(number) in flat for number in numbers(body)]
    if claims:
        return sum(claims) / len(claims)
    if not any(page.lines for page in pages):
        return 0.8  # nothing on the picture can be counted against it
    return _relevance(request, response, pages) / 2


def _coherence(response: str) -> float:
    blocks = [block for block in response.split("\n\n") if block.strip()]
    bodies = [block for block in blocks if not block.lstrip().startswith("#") or "\n" in block.strip()]
    headed = len(re.findall(r"^#+ ", response, re.MULTILINE))
    shaped = 1.0 if headed or len(bodies) == 1 else 0.5
    sized = sum(20 <= count_words(body) <= 260 for body in bodies) / len(bodies) if bodies else 0.0
    sections = [part for part in re.split(r"^#+ ", response, flags=re.MULTILINE) if part.strip()]
    if len(sections) < 2:
        return (shaped + sized) / 2
    linked = 0
    for one, two in pairwise(sections):
        opening = " ".join(_sentences(two.split("\n", 1)[-1])[:2])
        linked += bool(content_tokens(one.split("\n", 1)[0]) & content_tokens(opening)) or bool(
            content_tokens(one) & content_tokens(opening)
        )
    return (shaped + sized + linked / (len(sections) - 1)) / 3


def _clarity(response: str) -> float:
    sentences = _sentences(response)
    clear = 0
    for sentence in sentences:
        least, most = (8, 80) if re.search(f"[{CJK}]", sentence) else (3, 35)
        clear += least <= count_words(sentence) <= most and not is_gibberish(sentence)
    return clear / len(sentences) if sentences else 0.0


def _breadth(response: str, pages: Sequence[Page]) -> float:
    skip = furniture(pages)
    said = Covered(response)
    lines = [statement.text for page in pages for statement in page.statements if plain(statement.text) not in skip]
    if sum(map(len, lines)) < 12:
        return min(1.0, count_words(response) / 400)
    return sum(said(line) for line in lines) / len(lines)


def _reading(response: str) -> float:
    sentences = [plain(sentence) for sentence in _sentences(response)]
    if not sentences:
        return 0.0
    starts = [
        " ".join(sentence.split()[:3]) if not re.search(f"[{CJK}]", sentence) else sentence.strip()[:5]
        for sentence in _sentences(response)
    ]
    once = len(set(sentences)) / len(sentences)
    return (once + min(1.0, 1.25 * len(set(starts)) / len(starts))) / 2
