"""General chat data that is mixed in: rows out of any JSONL file of {"messages": [{"role", "content"}, …]}."""

import hashlib
import heapq
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from assets.quality.gate import GateClosedError
from assets.sft_dataset.keep import Reason, written_language
from assets.sft_dataset.mix import draw_order
from assets.sft_dataset.student_budget import Exchange, TokenBudget
from resources.recipe.model import Mix
from resources.text.headings import SEPARATOR
from resources.text.shown import clean_text
from resources.text.words import count_words
from resources.training.rows.dataset_rows import SftRow

LINES_NAMED = 10  # bad lines whose number is reported
# file, rows, good_lines, bad_lines, bad_line_numbers (the first ones), in_benchmark, over_budget: lines left out
ChatReport: TypeAlias = Mapping[str, int | str | list[int] | None]


@dataclass
class ChatDraw:
    """Which lines of the file are drawn. Nothing of their text is kept: `rows` reads the file a second time."""

    path: Path | None = None
    lines: set[int] = field(default_factory=set)  # 1-based numbers of the lines drawn
    good: int = 0
    bad: list[int] = field(default_factory=list)  # numbers of the first bad lines
    bad_lines: int = 0
    left_out: Counter[str] = field(default_factory=Counter)  # good lines that may not be trained on, by reason

    def rows(self) -> Iterator[SftRow]:
        """The drawn lines as rows of the data set, in the file's order."""
        for number, line in _lines(self.path) if self.path and self.lines else ():
            if number in self.lines and (exchange := read_exchange(line)):
                yield chat_row(f"chat-{number}", *exchange, self.path.name if self.path else "")

    def report(self) -> ChatReport:
        """What was drawn and what was not, for the manifest."""
        return {
            "file": self.path.name if self.path else None,
            "rows": len(self.lines),
            "good_lines": self.good,
            "bad_lines": self.bad_lines,
            "bad_line_numbers": self.bad,
            **{reason: self.left_out[reason] for reason in ("in_benchmark", "over_budget")},
        }


def draw_chat(mix: Mix, answer_reason: Callable[[str], Reason | None], budget: TokenBudget) -> ChatDraw:
    """Draw `mix.chat_rows` lines of `mix.chat` by the hash of each line, so that a longer file changes few of them.

    answer_reason: why an answer may not be trained on; budget: what a whole line may have. Raises GateClosedError where
    the file cannot be read.
    """
    if mix.chat is None or not mix.chat_rows:
        return ChatDraw()
    draw, drawn = (
        ChatDraw(mix.chat),
        list[tuple[int, int]](),
    )  # a heap of (-hash, -line number): the next to drop on top
    for number, line in _lines(mix.chat):
        exchange = read_exchange(line)
        if exchange is None:
            draw.bad_lines += 1
            draw.bad += [number] if len(draw.bad) < LINES_NAMED else []
            continue
        draw.good += 1
        entry = (-draw_order(mix.seed, hashlib.blake2b(line, digest_size=16).hexdigest()), -number)
        if len(drawn) == mix.chat_rows and entry <= drawn[0]:
            continue
        request, answer = exchange
        example: Exchange = {"example_id": f"chat-{number}", "instruction": request, "output": answer}
        if reason := answer_reason(answer) or budget.reason(example, []):
            draw.left_out[reason.kind] += 1
            continue
        (heapq.heappush if len(drawn) < mix.chat_rows else heapq.heappushpop)(drawn, entry)
    draw.lines = {-number for _, number in drawn}
    return draw


def read_exchange(line: bytes) -> tuple[str, str] | None:
    """(request, answer) of the first exchange of a line, a system turn in front of the request; None: a bad line.

    Later turns are left out: the trainers learn one answer to one request.
    """
    try:
        turns = [(turn["role"], turn["content"]) for turn in json.loads(line)["messages"]]
        before = [turns.pop(0)] if turns and turns[0][0] == "system" else []
        texts = [text for _, text in (*before, *turns[:2])]
        "".join(texts).encode()  # a lone surrogate cannot be written to a table
        texts = list(map(clean_text, texts))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    if [role for role, _ in turns[:2]] != ["user", "assistant"] or not all(map(str.strip, texts)):
        return None
    return SEPARATOR.join(texts[:-1]), texts[-1]


def chat_row(name: str, request: str, answer: str, file: str) -> SftRow:
    """A row of the data set without images. file: the name of the JSONL file, for the author."""
    return {
        "id": name,
        "messages": [{"role": "user", "content": request}, {"role": "assistant", "content": answer}],
        "images": [],
        "language": written_language(answer),
        "kind": "chat",
        "required_words": None,
        "words": count_words(answer),
        "author": f"chat:{file}",
    }


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """(number, line) of every line that is not blank, one in memory at a time."""
    try:
        with path.expanduser().open("rb") as file:
            yield from ((number, line.strip()) for number, line in enumerate(file, 1) if line.strip())
    except OSError as error:
        raise GateClosedError(
            f"The general chat data {path} (mix.chat of the recipe) cannot be read: {error.strerror}. "
            "Correct the path, or set mix.chat_rows to 0."
        ) from error
