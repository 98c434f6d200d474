"""What a model thinks, and what its chat template leaks, taken out of an answer's text.

Text about such marks stays: in code and quotation marks nothing is one, nor is what running prose speaks of.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from resources.text.code_marks import BLANK_PATTERN, FENCE_PATTERN, TICKS_PATTERN, code_ends
from resources.text.words import count_words

PASSES = 5  # what still changes after so many is made of marks and is no text
FEW_WORDS = 4  # a pair within a sentence that holds fewer is spoken of (`<think>...</think>`)
_HINTS = ("<", "[", "◁", "assistantfinal", "analysis", "Here is my thought process")
_PARTS = (  # lower case; each mark holds one of them
    *("think", "thought", "reasoning", "reflection", "scratchpad", "monologue", "analysis", "cot>", "<cot", ":cot"),
    *("<|", "|>", "<｜", "inst]", "sys>>", "<s>", "</s>", "assistant", "<bos>", "<eos>", "<pad>", "<unk>", "_of_"),
    *("unused9", "soft_token", "fake_token", "system_prompt]", "_tools]", "tool_calls]", "tool_results]", "gmask]"),
)
_NAMES = r"(?:think|thinking|thoughts?|reasoning|reflection|scratchpad|inner_monologue|analysis|ant_?thinking|cot)"
_XML = rf"(?:[a-z][\w-]{{0,20}}:)?(?:{_NAMES}|longcat_think|think_fast|think_faster)"
_CHANNEL = r"(?:<\|start\|>\s*assistant[^<\n]{0,40})?<\|channel\|>\s*"
_OTHERS = r"(?:user|system|human|developer|tool|ipython|observation)"
_MODEL = r"(?:assistant|model|gpt|bot|chatbot)"
_MARK = re.compile(
    rf"""
      (?P<fence>{FENCE_PATTERN})
    | (?P<ticks>{TICKS_PATTERN})
    | (?P<blank>{BLANK_PATTERN})
    | (?P<final>{_CHANNEL}final\b[^<\n]{{0,60}}(?:<\|constrain\|>[^<\n]{{0,40}})?(?:<\|message\|>)?
        | (?-i:assistantfinal)(?:<\|message\|>)? | (?<=\n)Here\ is\ my\ response:)
    | (?P<open><{_XML}(?:\s[^<>\n]{{0,100}})?> | (?-i:\[THINK\]) | ◁think▷
        | <\|(?:begin_of_thought|start_thinking|inner_prefix|thinking_start)\|> | <\|channel>\s?thought\b
        | <unused94>(?:thought\b)? | \AHere\ is\ my\ thought\ process:(?=[\s\S]*\nHere\ is\ my\ response:)
        | \A\s*(?-i:analysis(?=[A-Z\u3400-\u9fff]))
        | (?-i:assistant(?:analysis|commentary)) | {_CHANNEL}\w+[^<\n]{{0,60}}(?:<\|constrain\|>[^<\n]{{0,40}})?
          (?:<\|message\|>)?)
    | (?P<close></{_XML}\s?> | (?-i:\[/THINK\]) | ◁/think▷
        | <\|(?:end_of_thought|end_thinking|inner_suffix|thinking_end)\|>
        | <channel\|> | <unused95>)
    | (?P<end><\|(?:end|call|return)\|>)
    | (?P<turn><\|im_start\|>\s*{_OTHERS}\b | <\|start_header_id\|>\s*{_OTHERS}\s*<\|end_header_id\|>
        | <start_of_turn>\s*{_OTHERS}\b | <\|(?:im_)?(?:user|system|observation)(?:_token)?\|> | <｜(?:User|System)｜>
        | <\|start\|>\s*{_OTHERS}\b[^<\n]{{0,40}})
    | (?P<inst>\[INST\] | <<SYS>>)
    | (?P<inst_end>\[/INST\] | <</SYS>>)
    | (?P<strike><s>)
    | (?P<strike_end></s>)
    | (?P<reply><\|im_start\|>\s*{_MODEL}\b | <\|start_header_id\|>\s*{_MODEL}\s*<\|end_header_id\|>
        | <start_of_turn>\s*{_MODEL}\b | <\|(?:im_)?(?:assistant|chatbot)(?:_token)?\|> | <｜Assistant｜>
        | <\|start\|>\s*assistant\b)
    | (?P<token><\|[a-z_][\w.:/-]{{0,40}}\|> | <｜[^｜<>\n]{{1,40}}｜>
        | <(?:bos|eos|pad|unk|(?:start|end)_of_(?:turn|text|image|utterance)|image_soft_token|fake_token_around_image)>
        | \[/?(?:SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\] | \[gMASK\](?:<?sop>?)?)
    """,
    re.IGNORECASE | re.MULTILINE | re.VERBOSE,
)
_CODE_KINDS = frozenset(("fence", "ticks", "blank"))
_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "「": "」", "『": "』", "(": ")", "（": "）", "`": "`", "*": "*"}
_AFTER_MENTION = re.compile(
    r"(?:[ \t]+|[-‑])(?:tag|token|block|element|mark|marker|delimiter|symbol|string|sequence|pair)s?\b"
    r"|[ \t]+(?:and|or|to|is|are|was|were|has|tells|(?:open|close|mean|stand|begin|start|end|appear|come)s?)\b"
    r"|[ \t]*(?:标签|标记|令牌|之间|之后|之前|用于|(?:和|与|或|及|以及)[ \t]*[<\[◁“\"`])"
    r"|[,;:)!?，。；：）、]|\.(?!\.)(?=\s|$)"
)
_BEFORE_MENTION = re.compile(
    r"\b(?:the|an?|and|or|with|by|after|before|between|in|inside|into|within|until|from|to|of|like|its|their|called"
    r"|named|using|uses?|as|opening|closing|tags?|tokens?|than|every|each)[ \t]+$|[,;=|][ \t]+$",
    re.IGNORECASE,
)
_BEFORE_MENTION_ZH = frozenset("用在和与到至为以把将的、，或是|")
_BULLET = re.compile(r"[ \t]*(?:[-*+•]|\d{1,3}[.)])[ \t]+")
_LONGEST_WORD = 12  # characters before a mark that tell whether it is spoken of
_BORDERS = frozenset(".!?。！？…:：;；”\"'’)）]】}*>#")
_NEXT_SPEAKER = re.compile(r"\s*(?:Human|User|Question|用户|问题)\s*[:：]")
_WRAPPER = re.compile(
    r"\s*<(answer|response|output|final_answer|final_response|final|solution|result)>\s*", re.IGNORECASE
)


class Unwrapped(NamedTuple):
    """An answer without its thoughts. open: one was begun and not ended, so that what should follow it is missing."""

    text: str
    thoughts: str
    open: bool


class _Mark(NamedTuple):
    kind: str
    start: int
    end: int


def without_thoughts(text: str) -> Unwrapped:
    """`text` without what the model thought and without marks of its chat template; the same text where it has none.

    Linear in its length, raises for no text, and leaves nothing to take out a second time.
    """
    thoughts, is_open = list[str](), False
    for _ in range(PASSES):
        taken = _read(text)
        thoughts += taken.thoughts
        is_open = is_open or taken.inside in ("tag", "channel")
        left = taken.left()
        if left == text:
            return Unwrapped(text, "\n".join(thoughts), is_open)
        text = left
    return Unwrapped("", "\n".join([*thoughts, text]), True)


def model_markup(text: str) -> str:
    """The first mark of a model's thoughts or template that stands in a text; empty where there is none."""
    taken = _read(text)
    return "" if taken.left() == text else (taken.counted or [text])[0][:60]


class _Reading:
    """A text that is being read: what stays of it, and what was taken out."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.kept: list[tuple[int, int]] = []  # what stays, (start, end)
        self.thoughts: list[str] = []
        self.counted: list[str] = []  # marks that are ones
        self.inside = ""  # what is left out at the moment: a thought in a `tag` or a `channel`, another's `turn`
        self.spoken_of = -1  # end of an opening tag that does not count: one that closes it in the same line neither
        self.since = 0  # where the piece that is read now began
        self.nested = 0  # tags opened within the last thought and not closed yet
        self.before_thought = 0  # how many pieces were kept before the last thought

    def take(self, mark: _Mark, inside: str = "") -> None:
        """The piece up to `mark` ends; what follows the mark is `inside`, or text again."""
        self.counted.append(self.text[mark.start : mark.end])
        if self.inside:
            self.thoughts.append(self.text[self.since : mark.start].strip())
        elif self.since < mark.start:
            self.kept.append((self.since, mark.start))
        if inside and not self.inside:
            self.before_thought, self.nested = len(self.kept), 0
        self.inside, self.since = inside, mark.end

    def take_all_before(self, mark: _Mark) -> None:
        """A closing without its opening: what stands before it was thought; after a thought, what followed that."""
        self.take(mark)
        first = self.before_thought if self.nested else 0
        self.nested = max(0, self.nested - 1)
        self.thoughts += [self.text[start:end].strip() for start, end in self.kept[first:]]
        del self.kept[first:]

    def left(self) -> str:
        """What stays, joined; the text itself where nothing was taken out."""
        if not self.counted:
            return self.text if (inner := _unwrapped(self.text, False)) is None else inner
        pieces = [*self.kept] if self.inside else [*self.kept, (self.since, len(self.text))]
        text = _joined([self.text[start:end] for start, end in pieces])
        return text if (inner := _unwrapped(text, bool(self.thoughts))) is None else inner


def _read(text: str) -> _Reading:
    """One pass over a text: which marks count, and what they enclose."""
    reading = _Reading(text)
    if not any(hint in text for hint in _HINTS):
        return reading
    low = text.lower()
    if not any(part in low for part in _PARTS):
        return reading
    marks = [_Mark(match.lastgroup or "", match.start(), match.end()) for match in _MARK.finditer(text)]
    if all(mark.kind in _CODE_KINDS for mark in marks):
        return reading
    code = code_ends([(mark.kind, text[mark.start : mark.end]) for mark in marks])
    closings = _closings(marks)
    edges = _Edges(text, marks)
    at, passed_over = 0, None
    while at < len(marks) or (reading.inside == "tag" and passed_over is not None):
        if at == len(marks):  # no closing of this thought counts but one that seemed to be spoken of
            at, passed_over = passed_over or 0, None
            reading.take(marks[at])
        elif not reading.inside and (end := code[at]) is not None:
            at = end
        elif reading.inside:
            if reading.inside == "tag" and marks[at].kind == "close" and _spoken_of(text, marks[at]):
                passed_over = at
            elif _go_on(reading, marks[at]):
                passed_over = None
        else:
            _begin(reading, marks[at], edges, closings[at])
        at += 1
    if reading.inside:
        reading.thoughts.append(text[reading.since :].strip())
    return reading


def _go_on(reading: _Reading, mark: _Mark) -> bool:
    """A mark within what is left out; whether it ends it."""
    ends = {
        "tag": ("close", "final"),
        "channel": ("end", "final", "reply"),
        "turn": ("reply", "final", "inst_end"),
    }[reading.inside]
    if mark.kind in ends:
        reading.take(mark)
        return True
    reading.nested += reading.inside == "tag" and mark.kind == "open"
    return False


def _begin(reading: _Reading, mark: _Mark, edges: "_Edges", closing: _Mark | None) -> None:
    """A mark in the text itself."""
    text = reading.text
    if mark.kind in _CODE_KINDS:
        return
    if _spoken_of(text, mark) or not _counts(text, mark, edges, closing):
        reading.spoken_of = mark.end if mark.kind == "open" else reading.spoken_of
        return
    if mark.kind == "close" and reading.spoken_of >= 0:
        opened, reading.spoken_of = reading.spoken_of, -1
        if "\n" not in text[opened : mark.start]:
            return
    if mark.kind == "open":
        tag = text[mark.start] in "<[◁" and not text.startswith(("<|channel|>", "<|start|>"), mark.start)
        reading.take(mark, "tag" if tag else "channel")
    elif mark.kind in ("close", "final"):
        reading.take_all_before(mark)
    elif mark.kind == "turn" or (mark.kind == "inst" and _asks(text, mark, closing)):
        reading.take(mark, "turn")
    else:
        reading.take(mark)
        if mark.kind != "reply" and reading.kept and _NEXT_SPEAKER.match(text, mark.end):
            reading.inside = "turn"


def _counts(text: str, mark: _Mark, edges: "_Edges", closing: _Mark | None) -> bool:
    """Whether a mark that the text does not speak of is one of a model or its template."""
    if mark.kind == "open":
        return text.startswith("<|", mark.start) or _opens(text, mark, closing)
    if mark.kind == "inst":
        return edges.at_one(mark) or _asks(text, mark, closing)
    if mark.kind == "strike":  # HTML strikes something out, unless the two enclose the whole text
        return mark.start <= edges.start and (closing is None or closing.end >= edges.end)
    if mark.kind == "strike_end":
        return closing is None or (closing.start <= edges.start and mark.end >= edges.end)
    return not text.startswith("Here", mark.start)


class _Edges:
    """Where the text begins and ends but for white space and marks."""

    def __init__(self, text: str, marks: Sequence[_Mark]) -> None:
        self.start, self.end = _past_space(text, 0, 1), _past_space(text, len(text), -1)
        for mark in marks:
            if mark.start != self.start or mark.kind in _CODE_KINDS:
                break
            self.start = _past_space(text, mark.end, 1)
        for mark in reversed(marks):
            if mark.end != self.end or mark.kind in _CODE_KINDS:
                break
            self.end = _past_space(text, mark.start, -1)

    def at_one(self, mark: _Mark) -> bool:
        """Whether nothing but marks stands before the mark, or after it."""
        return mark.start <= self.start or mark.end >= self.end


def _past_space(text: str, at: int, step: int) -> int:
    """The first offset from `at` on, in either direction, beside which no white space stands."""
    while 0 <= (there := at if step > 0 else at - 1) < len(text) and text[there].isspace():
        at += step
    return at


def _closings(marks: Sequence[_Mark]) -> list[_Mark | None]:
    """For each mark the next that may close it; for `</s>` the `<s>` that it closes. None where there is none."""
    found: list[_Mark | None] = [None] * len(marks)
    after: dict[str, _Mark | None] = {}
    pairs = {"open": "close", "inst": "inst_end", "strike": "strike_end"}
    last: dict[str, int] = {}
    for at in range(len(marks) - 1, -1, -1):
        kind = marks[at].kind
        if kind in pairs:
            found[at] = after.get(pairs[kind])
            if kind == "strike":
                after["strike_end"] = None
                if "strike_end" in last and found[at]:
                    found[last["strike_end"]] = marks[at]
        elif kind == "blank":
            after["strike_end"] = None  # HTML's <s> is closed in its paragraph
        else:
            after[kind], last[kind] = marks[at], at
    return found


def _opens(text: str, mark: _Mark, closing: _Mark | None) -> bool:
    """Whether something begins here: after a sentence or at a line's beginning; within a sentence only where it holds
    several words that stand close to its two tags."""
    left = text[_line_start(text, mark.start) : mark.start]
    before = left.rstrip(" \t")
    if text[mark.start] not in "<[◁" or not before or (before[-1] in _BORDERS and not _BULLET.fullmatch(left)):
        return True
    held = text[mark.end : closing.start] if closing else ""
    return held[:1] not in ("", " ") and held[-1:] != " " and count_words(held) >= FEW_WORDS


def _asks(text: str, mark: _Mark, closing: _Mark | None) -> bool:
    """Whether `[INST]` begins another's turn, and is no example that the line before announces."""
    announced = text[max(0, mark.start - 40) : mark.start].rstrip().endswith((":", "："))
    return closing is not None and not announced and _opens(text, mark, closing)


def _line_start(text: str, at: int) -> int:
    """Where the line begins in which `at` stands, at most 80 characters before."""
    return max(text.rfind("\n", max(0, at - 80), at) + 1, at - 80, 0)


def _spoken_of(text: str, mark: _Mark) -> bool:
    """Whether the text speaks of a mark: in quotation marks, or as a word of a sentence."""
    left, right = text[_line_start(text, mark.start) : mark.start], text[mark.end : mark.end + 24]
    if left and _QUOTES.get(left[-1]) == right[:1]:
        return True
    after = right.lstrip(" \t")
    if mark.kind != "open" and (not after or after[0] == "\n"):
        return False
    if _AFTER_MENTION.match(right):
        return True
    before = left.rstrip(" \t")
    if before == left:
        return left[-1:] in _BEFORE_MENTION_ZH and left != ""
    return (
        (before[-1:].isalpha() and after[:1].islower() and after != right)  # a word of a sentence
        or before[-1:] in _BEFORE_MENTION_ZH
        or _BULLET.fullmatch(left) is not None
        or _BEFORE_MENTION.search(left[-_LONGEST_WORD:]) is not None
    )


def _joined(pieces: Sequence[str]) -> str:
    """The pieces with the widest of the white space between them; never so close that they form a mark."""
    joined, gaps = list[str](), list[str]()
    for piece in pieces:
        body = piece.strip()
        gaps.append(piece[: len(piece) - len(piece.lstrip())])
        if not body:
            continue
        if joined:
            close = " " if joined[-1][-1].isascii() and body[0].isascii() else ""
            joined.append(next((space for space in ("\n\n", "\n", " ") if any(space in gap for gap in gaps)), close))
        joined.append(body)
        gaps = [piece[len(piece.rstrip()) :]]
    return "".join(joined)


def _unwrapped(text: str, after_thoughts: bool) -> str | None:
    """What stands in `<answer>` where that holds the whole text; None where it does not."""
    if not (match := _WRAPPER.match(text)):
        return None
    closing = f"</{match[1]}>".lower()
    inner = text[match.end() :].rstrip()
    times = inner.lower().count(closing)
    if times == 1 and inner.lower().endswith(closing):
        return inner[: -len(closing)].rstrip()
    return inner if times == 0 and after_thoughts else None
