"""Repetition in a text: loops, repeated n-grams (runs of RUN tokens), and the share of repeated sentences."""

import re
from collections import Counter
from functools import lru_cache

from resources.text.words import count_words

RUN = 10  # tokens of an n-gram
LOOP_TIMES = 3  # a loop repeats an n-gram at least so often
LOOP_SHARE = 0.1  # of a text's n-grams that are repeats, where a loop changes a little each time
TELLING_WORDS = 3  # a shorter sentence (`1.`, `Yes.`) does not count as a repeat
_TOKEN = re.compile(r"[a-zA-Z]+|\d+|[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_SENTENCE_END = re.compile(r"[.!?。！？][”’\"')）]?(?=\s|$)|[。！？]|\n")
_SENTENCE_BORDER = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])\s*")


def loop_start(text: str) -> int | None:
    """Offset at which `text` starts to loop (the second repetition), or None where it does not.

    It loops where the same tokens follow each other LOOP_TIMES times; or, with small changes each time, where an n-gram
    occurs so often and LOOP_SHARE of all n-grams are repeats. A name or a phrase that comes back is no loop.
    """
    seen: dict[int, list[int]] = {}
    matches = list(_TOKEN.finditer(text))
    tokens = [match.group().lower() for match in matches]
    count = len(tokens) - RUN + 1
    for at in range(count):
        places = seen.setdefault(hash(tuple(tokens[at : at + RUN])), [])
        places.append(at)
        if len(places) >= LOOP_TIMES:
            first, second = places[-3:-1]
            if tokens[first:second] == tokens[second:at]:
                return matches[second].start()
    most = max(seen.values(), key=len, default=[])
    loops = len(most) >= LOOP_TIMES and count - len(seen) >= LOOP_SHARE * count
    return matches[most[1]].start() if loops else None


def cut_loop(text: str) -> str:
    """`text` up to the last sentence that ends before it starts to loop."""
    start = loop_start(text)
    if start is None:
        return text
    ends = [match.end() for match in _SENTENCE_END.finditer(text, 0, start)]
    return text[: ends[-1] if ends else 0].rstrip()


def runs(text: str) -> frozenset[int]:
    """Hashes of the text's n-grams."""
    return runs_and_count(text)[0]


@lru_cache(maxsize=4)  # a section is asked about twice: against those before it, and for those behind it
def runs_and_count(text: str) -> tuple[frozenset[int], int]:
    """`runs`, and the number of n-grams with repeats counted."""
    tokens = _TOKEN.findall(text.lower())
    side_by_side = zip(*(tokens[at:] for at in range(RUN)), strict=False)
    return frozenset(map(hash, side_by_side)), max(0, len(tokens) - RUN + 1)


def repeated_share(text: str) -> float:
    """Share of sentences (of at least TELLING_WORDS) that occurred in the text before, 0-1."""
    sentences = [
        sentence for sentence in map(str.strip, _SENTENCE_BORDER.split(text)) if count_words(sentence) >= TELLING_WORDS
    ]
    repeats = sum(count - 1 for count in Counter(sentences).values())
    return repeats / len(sentences) if sentences else 0.0
