"""The critic's step: what is wrong with a segment by five kinds of error, and the corrected segment.

factual       a number that is neither on the pages nor in the request or the neighbours: replaced by that of the page
              line which the sentence otherwise repeats; without such a line the sentence is removed
missing       an empty segment is written; a key line of the page that neither the segment nor its neighbours contain
              is added
irrelevant    a sentence that quotes what is neither on the pages nor in the request or the neighbours is removed
incoherent    a heading line that the neighbours have and the segment lacks is added; a broken first sentence and
              sentences that are no language are removed
repetitive    a sentence that occurs in <before>, or earlier in the segment, is removed
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from resources.embedded import planning, teacher_answers
from resources.embedded.prose import Covered, Picker, is_gibberish, join, quotes, split_sentences
from resources.embedded.reading import Page, RequestError, Sight, Statement
from resources.text.content import CJK, NAMED_NUMBER, content_tokens, numbers, plain
from resources.text.words import count_words

KINDS = ("factual", "missing", "irrelevant", "incoherent", "repetitive")
_BLOCKS = re.compile(
    r"^<before>\n(?P<before>.*?)\n?</before>\s*^<segment>\n(?P<segment>.*?)\n?</segment>\s*"
    r"^<after>\n(?P<after>.*?)\n?</after>\s*(?=^Answer with|\Z)",
    re.MULTILINE | re.DOTALL,
)
_COUNTED = re.compile(r"^#+ +((?:Slide|Page|Section) |第)(\d+)(页?)\s*$", re.MULTILINE)
_KEY_LINES = 12


@dataclass(frozen=True)
class Task:
    """A segment with all that it is compared with."""

    language: str
    request: str
    before: str
    segment: str
    after: str
    pages: Sequence[Page]


class Correction(NamedTuple):
    """What came of a segment. errors: of KINDS, in their order; none where `text` is the segment unchanged."""

    errors: list[str]
    reason: str  # one sentence
    text: str


def answer(sight: Sight) -> str:
    """The JSON object {"errors", "reason", "text"} of a correct turn; RequestError where a block is lacking."""
    task = task_of(sight)
    return json.dumps(correct(task)._asdict(), ensure_ascii=False)


def task_of(sight: Sight) -> Task:
    """The blocks of the correct turn: the first <before>, the first <segment> behind it, the last <after>."""
    found = _BLOCKS.search(sight.text)
    if found is None:
        raise RequestError("The step `correct` needs <before>, <segment> and <after> blocks.")
    return Task(
        sight.language, sight.field("Request") or "", found["before"], found["segment"], found["after"], sight.pages
    )


def correct(task: Task) -> Correction:
    """The segment corrected: no errors and the same text, or both changed.

    The passes run until one finds nothing, so correcting the result again finds nothing either.
    """
    text, found = task.segment, dict[str, int]()
    for _ in range(8):
        changed = _one_pass(text, task, found)
        if changed == text:
            break
        text = changed
    if text == task.segment:
        return Correction([], _NOTHING[task.language], text)
    errors = [kind for kind in KINDS if found.get(kind)]
    return Correction(errors, _reason(errors, found, task.language), text)


_NOTHING = {"en": "The segment says what the page says and needs no correction.", "zh": "这一段与页面相符，无需修改。"}
_DONE = {
    "en": {
        "factual": "{n} number(s) not on the page put right",
        "missing": "{n} key line(s) of the page added",
        "irrelevant": "{n} sentence(s) quoting what is not on the page removed",
        "incoherent": "{n} break(s) in the flow repaired",
        "repetitive": "{n} repeated sentence(s) removed",
    },
    "zh": {
        "factual": "改正了{n}处页面上没有的数字",
        "missing": "补上了{n}处遗漏的要点",
        "irrelevant": "删去了{n}句引用页面之外内容的话",
        "incoherent": "修补了{n}处不连贯的地方",
        "repetitive": "删去了{n}句重复的话",
    },
}


def _reason(errors: Sequence[str], found: dict[str, int], language: str) -> str:
    parts = [_DONE[language][kind].format(n=found[kind]) for kind in errors]
    return "，".join(parts) + "。" if language == "zh" else "; ".join(parts).capitalize() + "."


def _one_pass(text: str, task: Task, found: dict[str, int]) -> str:
    if not _body_of(text).strip():
        found["missing"] = found.get("missing", 0) + 1
        return _written(text, task)
    for repair in (_with_heading, _whole_first_sentence, _sentences_kept, _complete):
        text = repair(text, task, found)
    return text


def _body_of(text: str) -> str:
    return "\n".join(line for line in text.split("\n") if not _is_heading(line))


def _is_heading(line: str) -> bool:
    return re.match(r"#{1,6} ", line) is not None


def _count(found: dict[str, int], kind: str) -> None:
    found[kind] = found.get(kind, 0) + 1


# -- incoherent -------------------------------------------------------------------------------------------------------
def _wants_heading(task: Task) -> bool:
    return any(_is_heading(line) for text in (task.before, task.after) for line in text.split("\n"))


def _heading(task: Task) -> str:
    """The page's title; where the neighbours only count their pages, the next number."""
    for text, step in ((task.before, 1), (task.after, -1)):
        counted = _COUNTED.findall(text)
        if counted:
            before, number, behind = counted[-1 if step == 1 else 0]
            return f"{before}{int(number) + step}{behind}"
    title = next((page.title for page in task.pages if page.title), None)
    fallback = "这一页" if task.language == "zh" else "The page"
    return planning.heading_form(title) if title else fallback


def _with_heading(text: str, task: Task, found: dict[str, int]) -> str:
    if not _wants_heading(task) or any(_is_heading(line) for line in text.split("\n")[:3]):
        return text
    _count(found, "incoherent")
    return f"## {_heading(task)}\n\n{text.lstrip()}"


def _whole_first_sentence(text: str, task: Task, found: dict[str, int]) -> str:
    """Removes the sentence fragment that a text begins with; where it is all there is, it gets a capital letter."""
    lines = text.split("\n")
    at = next((at for at, line in enumerate(lines) if line.strip() and not _is_heading(line)), None)
    if at is None:
        return text
    line = lines[at]
    broken = re.match(r"\s*(?:[a-z]+(?![a-z]*[A-Z])(?=[\s,.;:])|[,.;:)，。；：、）！？](?![.\d]))", line)
    if not broken:
        return text
    _count(found, "incoherent")
    sentences = split_sentences(line)
    rest = "".join(sentences[1:])
    if rest.strip() or any(other.strip() for other in lines[at + 1 :]):
        lines[at : at + 1] = [rest] if rest.strip() else []
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))
    bare = line.lstrip(" ,.;:)，。；：、）！？")
    lines[at] = bare[:1].upper() + bare[1:]
    return "\n".join(lines)


# -- sentences that must go or change ---------------------------------------------------------------------------------
def _sentences_kept(text: str, task: Task, found: dict[str, int]) -> str:
    """The text without repeated, irrelevant or senseless sentences and with wrong numbers corrected."""
    judge = _Judge(task, text)
    out: list[str] = []
    for line in text.split("\n"):
        if _is_heading(line) or not line.strip():
            out.append(line)
            continue
        pieces = split_sentences(line)
        kept = [(piece, judge(piece, lambda kind: _count(found, kind))) for piece in pieces]
        if all(before == after for before, after in kept):
            out.append(line)
        elif left := "".join(after for _, after in kept if after).rstrip():
            out.append(left)
        elif out and out[-1] == "":
            out.pop()  # the paragraph is gone, and so is the blank line above it
    return "\n".join(out).rstrip() if out != text.split("\n") else text


class _Judge:
    """Compares one sentence after another with the pages, the neighbours, and the sentences before it."""

    def __init__(self, task: Task, text: str) -> None:
        pages = "\n".join(line for page in task.pages for line in page.lines)
        headings = "\n".join(line for line in text.split("\n") if _is_heading(line))
        around = "\n".join((pages, task.request, task.before, task.after, headings))
        self.lines = [line for page in task.pages for line in page.lines]
        self.numbers = set(numbers(around)) | {number.strip("%") for number in numbers(around)}
        self.around = plain(around)
        self.tokens = content_tokens(around)
        self.seen = {
            plain(sentence)
            for line in task.before.split("\n")
            if not _is_heading(line)
            for sentence in split_sentences(line)
        }

    def __call__(self, piece: str, count: Callable[[str], None]) -> str:
        """The sentence unchanged, corrected, or empty where it is to be removed."""
        bare = plain(piece)
        least = 6 if re.search(f"[{CJK}]", piece) else 15
        if len(bare) >= least and bare in self.seen:
            count("repetitive")
            return ""
        self.seen.add(bare)
        if is_gibberish(piece) and not self._on_page(piece):
            count("incoherent")
            return ""
        if any(not self._on_page(said) for said in quotes(piece)):
            count("irrelevant")
            return ""
        wrong = [
            number
            for number in numbers(NAMED_NUMBER.sub("", piece))
            if number not in self.numbers and number.strip("%.,") not in self.numbers
        ]
        if wrong:
            count("factual")
            return self._put_right(piece, wrong)
        return piece

    def _on_page(self, said: str) -> bool:
        bare = plain(said)
        if not bare or bare in self.around:
            return True
        wanted = content_tokens(said)
        return len(wanted) >= 3 and len(wanted & self.tokens) >= 0.6 * len(wanted)

    def _put_right(self, piece: str, wrong: Sequence[str]) -> str:
        """The wrong number replaced by that of the page line which the sentence otherwise repeats; else nothing."""
        if len(wrong) != 1:
            return ""
        said = content_tokens(piece) - set(wrong)
        for line in self.lines:
            right = numbers(line)
            wanted = content_tokens(line) - set(right)
            if len(right) == 1 and wanted and len(wanted & said) >= 0.75 * len(wanted):
                return piece.replace(wrong[0], right[0], 1)
        return ""


# -- missing ----------------------------------------------------------------------------------------------------------
def key_lines(pages: Sequence[Page]) -> list[Statement]:
    """What a text about these pages should contain: lines of at least three words (Chinese: four characters)."""
    lines = [
        statement
        for page in pages
        for statement in page.statements
        if statement.kind not in ("figures", "labels")
        and count_words(statement.text) >= (4 if re.search(f"[{CJK}]", statement.text) else 3)
    ]
    return lines[: _KEY_LINES * max(1, len(pages))]


def _complete(text: str, task: Task, found: dict[str, int]) -> str:
    said = Covered("\n".join((task.before, text, task.after)))
    left = [line for line in key_lines(task.pages) if not said(line.text)]
    if not left or _is_shared(text, task):
        return text
    picker = Picker(task.language, "missing", text, *(line.text for line in left))
    noun = "这一页" if task.language == "zh" else "page"
    added = []
    for line in left:
        _count(found, "missing")
        added.append(teacher_answers.introduce(line, task.language, noun, picker))
    return text.rstrip() + "\n\n" + join(added, task.language)


def _is_shared(text: str, task: Task) -> bool:
    """Whether the neighbours speak of the same page, so that this segment need not say all of it.

    Never where the heading counts pages: such a segment is its page's own.
    """
    heading = next((line.lstrip("# ") for line in text.split("\n") if _is_heading(line)), "")
    if teacher_answers.GENERIC_HEADING.fullmatch(heading.strip()):
        return False
    around = Covered("\n".join((task.before, task.after)))
    lines = key_lines(task.pages)
    return sum(around(line.text) for line in lines) >= max(2, 0.15 * len(lines))


def _written(text: str, task: Task) -> str:
    """A segment about the pages, as long as its neighbours are."""
    sizes = [count_words(part) for part in (task.before, task.after) if part.strip()]
    target = max(80, min(300, sum(sizes) // len(sizes) if sizes else 150))
    own = next((line.lstrip("# ") for line in text.split("\n") if _is_heading(line)), "")
    noun = "这一页" if task.language == "zh" else "page"
    whole = teacher_answers.compose(
        teacher_answers.Brief(
            task.language,
            own or _heading(task),
            target,
            task.pages,
            list(range(1, len(task.pages) + 1)),
            previous=[task.before] if task.before.strip() else [],
            noun=noun,
        )
    )
    bare = not own and not _wants_heading(task) and bool(sizes)
    return whole.split("\n\n", 1)[1] if bare else whole
