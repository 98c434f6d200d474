"""Words and sentences: filling frames, splitting text into sentences, what counts as covered or as well formed."""

import hashlib
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from resources.text.content import CJK, CJK_RUN, STOP_WORDS, WORD, content_tokens, plain
from resources.text.words import count_words

_QUOTED = re.compile(r"“([^“”\n]+)”|「([^「」\n]+)」|\"([^\"\n]+)\"")
_SENTENCE_END = re.compile(r"(?<=[.!?。！？…])[”’\"'」』）)]*(?:(?<=[。！？”」])|(?=\s|$))\s*")
_ABBREVIATIONS = ("dr.", "mr.", "ms.", "mrs.", "e.g.", "i.e.", "etc.", "vs.", "fig.", "no.", "st.", "prof.", "cf.")

_ZH_COMMON = frozenset("的了是在和有不这也与为中上一们我来就到说要看它个把从以里下着后前那会可点成对")
_ZH_SPLIT = re.compile(r"[的了是在和与及或把被、；：。，,;:.()（）《》“”‘’\s\d]+")
_ZH_SMALL = re.compile("[的了是在和与及或把被不也就这那有到从如何什么怎哪]")
_BEFORE_NOUN = frozenset(
    (
        "the",
        "a",
        "an",
        "of",
        "in",
        "into",
        "by",
        "with",
        "from",
        "for",
        "on",
        "to",
        "its",
        "each",
        "every",
    )
)
_NOUN_ENDS = ("tion", "ment", "ness", "ity", "ure", "ance", "ence", "ism", "our", "ogy")


class _Slots(dict[str, str]):
    """Slot values; `{Line}` is the value of `line` with its first letter raised."""

    def __missing__(self, key: str) -> str:
        value = self[key[0].lower() + key[1:]] if key[:1].isupper() else None
        if value is None:
            raise KeyError(key)
        return value[:1].upper() + value[1:]


@dataclass(frozen=True)
class Frame:
    """A sentence with slots. `later`: not for the first point of a section."""

    text: str
    later: bool

    def fill(self, slots: Mapping[str, str]) -> str | None:
        """The sentence, or None where a slot has no value. Values are never expanded again."""
        try:
            return self.text.format_map(_Slots(slots))
        except KeyError:
            return None


@lru_cache
def frames(language: str) -> Mapping[str, tuple[Frame, ...]]:
    """Group -> frames of `frames.<language>.txt` (en | zh)."""
    groups: dict[str, list[Frame]] = {}
    current: list[Frame] = []
    text = (Path(__file__).parent / f"frames.{language}.txt").read_text(encoding="utf-8")
    for line in (raw.strip() for raw in text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            current = groups.setdefault(line[1:-1], [])
        elif line and not line.startswith("#"):
            current.append(Frame(line.removeprefix("> "), line.startswith("> ")))
    return {name: tuple(found) for name, found in groups.items()}


class Picker:
    """Chooses frames by a seed that is a hash of content: every frame of a group once before any comes again."""

    def __init__(self, language: str, *seed: object) -> None:
        self.language = language
        digest = hashlib.sha256("\x00".join(map(str, seed)).encode()).digest()
        self._random = random.Random(int.from_bytes(digest[:8], "big"))
        self._left: dict[str, list[Frame]] = {}

    def take(self, group: str, slots: Mapping[str, str], first: bool = False) -> str | None:
        """The next sentence of `group` that these slots can fill; None where no frame of the group can."""
        for _ in range(2):
            left = self._left.setdefault(group, [])
            for at, frame in enumerate(left):
                if first and frame.later:
                    continue
                filled = frame.fill(slots)
                if filled is not None:
                    del left[at]
                    return filled
            fresh = list(frames(self.language)[group])
            self._random.shuffle(fresh)
            self._left[group] = left + [frame for frame in fresh if frame not in left]
        return None

    def all(self, group: str, slots: Mapping[str, str]) -> list[str]:
        """Every sentence of the group that these slots can fill, in shuffled order."""
        order = list(frames(self.language)[group])
        self._random.shuffle(order)
        return [filled for frame in order if (filled := frame.fill(slots)) is not None]


def join(sentences: Iterable[str], language: str) -> str:
    """Sentences as one paragraph, without spaces between them in Chinese."""
    return ("" if language == "zh" else " ").join(sentences)


def paragraphs(units: Sequence[Sequence[str]], language: str) -> str:
    """Units of sentences as paragraphs of about 70 words (English) or 120 characters (Chinese), cut between units."""
    size = 120 if language == "zh" else 70
    out: list[list[str]] = [[]]
    words = 0
    for unit in units:
        if words >= size:
            out.append([])
            words = 0
        out[-1] += unit
        words += sum(count_words(sentence) for sentence in unit)
    if len(out) > 1 and words < size // 3:
        tail = out.pop()
        out[-1] += tail
    return "\n\n".join(join(sentences, language) for sentences in out if sentences)


def quoted_list(items: Sequence[str], language: str) -> str:
    """“a”, “b” and “c”."""
    quoted = [f"“{item}”" for item in items]
    if language == "zh":
        return "、".join(quoted)
    return quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + " and " + quoted[-1]


def short(text: str, language: str) -> str:
    """The text itself where it is short, else its first words and an ellipsis."""
    if language == "zh":
        return text if len(text) <= 16 else text[:14] + "……"
    words = text.split()
    return text if len(words) <= 8 else " ".join(words[:6]).rstrip(",;:") + " …"


def key_terms(text: str, language: str, context: str = "") -> list[str]:
    """At most two words of a line that carry its meaning, in the order in which they stand.

    context: the lines around it; what recurs there is preferred (Chinese, which has no spaces, depends on it).
    """
    if language == "zh" and CJK_RUN.search(text):
        return _key_terms_zh(text, context)
    found = list(WORD.finditer(text))
    score: dict[str, float] = {}
    around = [word.lower() for word in WORD.findall(context)]
    for at, match in enumerate(found):
        word = match.group()
        if (
            len(word) < 4
            or word.lower() in STOP_WORDS
            or word[0].isdigit()
            or any(word.lower() == other.lower() for other in score)
        ):
            continue
        before = found[at - 1].group().lower() if at else ""
        after = found[at + 1].group().lower() if at + 1 < len(found) else ""
        score[word] = (
            min(len(word), 10) / 5
            + 2 * (before in _BEFORE_NOUN)
            + 1.5 * (at == len(found) - 1)
            + 2 * (around.count(word.lower()) > 1)
            + word.endswith(_NOUN_ENDS)
            - 3 * word.endswith("ly")
            - 2.5 * (after in STOP_WORDS and after not in ("and", "or", "of", "is", "are", ""))
        )
    best = sorted(score, key=lambda word: (-score[word], list(score).index(word)))[:2]
    chosen = [word for word in score if word in best]
    return [word[0].lower() + word[1:] if text.startswith(word) and word[1:].islower() else word for word in chosen]


def _key_terms_zh(text: str, context: str) -> list[str]:
    """Pieces of two to four characters that recur in other lines, else the pieces that safe marks cut out."""
    lines = [line for line in context.split("\n") if line and line != text]
    found: list[str] = []
    for run in CJK_RUN.findall(text):
        for size in (4, 3, 2):
            for at in range(len(run) - size + 1):
                piece = run[at : at + size]
                if (
                    any(piece in line for line in lines)
                    and not _ZH_SMALL.search(piece)
                    and not any(piece in longer or longer in piece for longer in found)
                ):
                    found.append(piece)
    found += [
        piece
        for piece in _ZH_SPLIT.split(text)
        if 2 <= len(piece) <= 4
        and not _ZH_SMALL.search(piece)
        and not any(piece in other or other in piece for other in found)
    ]
    return sorted(found[:2], key=text.find)


def quotes(text: str) -> list[str]:
    """What stands in “…”, 「…」 or "…"."""
    return [first or second or third for first, second, third in _QUOTED.findall(text)]


class Covered:
    """Whether lines are said in a text: word for word, or by 70 % of their words (Chinese: 60 % of their pairs)."""

    def __init__(self, text: str) -> None:
        self._plain = plain(text)
        self._tokens = content_tokens(text)

    def __call__(self, line: str) -> bool:
        """Whether this line is said; one without letters or digits always is."""
        if not (bare := plain(line)) or bare in self._plain:
            return True
        wanted = content_tokens(line)
        share = len(wanted & self._tokens) / len(wanted) if wanted else 0.0
        return len(wanted) >= 2 and share >= (0.6 if CJK_RUN.search(line) else 0.7)


def split_sentences(paragraph: str) -> list[str]:
    """Sentences with the space behind them, so that joining them gives the paragraph back."""
    out: list[str] = []
    start = 0
    for match in _SENTENCE_END.finditer(paragraph):
        piece = paragraph[start : match.end()]
        following = paragraph[match.end() : match.end() + 1]
        if piece.rstrip().lower().endswith(_ABBREVIATIONS) or (following and following.islower()):
            continue
        if piece.count("“") > piece.count("”"):  # inside a quotation
            continue
        if piece:
            out.append(piece)
        start = match.end()
    if start < len(paragraph):
        out.append(paragraph[start:])
    return out


def is_gibberish(sentence: str) -> bool:
    """True only where a sentence is clearly no language: a word said four times running, no small words, endless."""
    outside = _QUOTED.sub(" ", sentence)
    words = re.findall(r"[A-Za-z]+", outside)
    runs = "".join(CJK_RUN.findall(outside))
    if any(
        a.lower() == b.lower() == c.lower() == d.lower()
        for a, b, c, d in zip(words, words[1:], words[2:], words[3:], strict=False)
    ):
        return True
    if re.search(f"([{CJK}])\\1{{3,}}", runs) or any(len(word) > 30 for word in words) or "\ufffd" in sentence:
        return True
    small = sum(word.lower() in STOP_WORDS for word in words)
    if len(words) >= 10 and len(words) > len(runs) and small < len(words) * 0.08:
        return True
    return len(words) > 90 or len(runs) > 240


def is_well_formed(sentence: str) -> bool:
    """Whether a sentence looks like one: raised start, end mark, usual length, a usual share of small words."""
    body = sentence.strip()
    if not body or is_gibberish(body) or body[-1] not in '.!?。！？”」’"':
        return False
    words = [word.lower() for word in re.findall(r"[A-Za-z]+", body)]
    runs = "".join(CJK_RUN.findall(body))
    if len(runs) > len(words):
        return 4 <= len(runs) <= 160 and sum(char in _ZH_COMMON for char in runs) >= len(runs) * 0.06
    if body[0].islower() or not 2 <= len(words) <= 60:
        return False
    small = sum(word in STOP_WORDS for word in words) / len(words)
    repeated = 1 - len(set(words)) / len(words)
    return len(words) < 8 or (0.15 <= small <= 0.8 and repeated < 0.5)


def fluency(text: str) -> float:
    """Share of the text's words that stand in well-formed sentences, 0-1 (headings left out)."""
    whole = good = 0
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            continue
        for sentence in split_sentences(line):
            weight = count_words(sentence)
            whole += weight
            good += weight if is_well_formed(sentence) else 0
    return good / whole if whole else 0.0


def is_chinese(text: str) -> bool:
    """Whether more characters of the text are Chinese than there are Latin words."""
    return sum(map(len, CJK_RUN.findall(text))) > len(re.findall(r"[A-Za-z]+", text))
