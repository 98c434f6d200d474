"""Reading a request: its images (text, size, colours, light, arrangement) and what its last turn asks for."""

import base64
import binascii
import hashlib
import io
import re
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypedDict

from PIL import Image

from resources import ocr
from resources.embedded import prose
from resources.embedded.look import Look, look_at
from resources.json_types import Json
from resources.text.content import CJK, plain

_CACHE: OrderedDict[str, "Page"] = OrderedDict()
_CACHE_PAGES = 2048
_LOCK = threading.Lock()

_STEP = re.compile(r"# Step: (request|rewrite|decide|rephrase|plan|write section (\d+) of (\d+)|correct|judge)\s*")
_FURNITURE = re.compile(
    r"(?:page|slide|p\.)?\s*\d{1,3}\s*(?:(?:/|of)\s*\d{1,3})?|第\s*\d+\s*页.*|.*https?://.*|www\..*|"
    r"[©(]c?\)?.*(?:19|20)\d\d.*|\S+@\S+\.\S+",
    re.IGNORECASE,
)
_BULLET = re.compile(r"^(?:[øØ°oe](?=\s+[A-Z0-9])|[•·●○▪■□►▶◆◇➢✓*·–—-]+|\(?\d{1,2}[.)、](?!\d)|[（(]\d{1,2}[)）])\s*")


class RequestError(ValueError):
    """The request cannot be answered as it stands (HTTP 400); `param` names the part."""

    def __init__(self, message: str, param: str = "messages") -> None:
        super().__init__(message)
        self.param = param


class UnknownModelError(LookupError):
    """The model named in the request is none of the embedded ones (HTTP 404)."""


class ImageUrl(TypedDict):
    """Where an image of a request is: a data URL."""

    url: str


@dataclass(frozen=True)
class Statement:
    """One thing that a page says. kind: sentence | phrase | question | pair | figures | labels; items: its pieces."""

    kind: str
    text: str
    items: tuple[str, ...] = ()


@dataclass(frozen=True)
class Page:
    """An image as read: its size in pixels, its OCR lines top to bottom, what they say, and its look."""

    width: int
    height: int
    lines: tuple[str, ...]
    statements: tuple[Statement, ...]
    look: Look

    @property
    def is_photo(self) -> bool:
        """True where the image carries next to no text."""
        return sum(len(plain(statement.text)) for statement in self.statements) < 12

    @property
    def title(self) -> str | None:
        """The first line that could be a heading; None where the page has no text."""
        return self.statements[0].text if self.statements else None


@dataclass(frozen=True)
class Sight:
    """A request as understood: its pages in order, the step and language asked for, and the turns' texts."""

    step: str  # request | rewrite | decide | rephrase | plan | write | correct | judge | chat
    language: str  # en | zh
    pages: tuple[Page, ...]
    text: str  # the text of the step, beginning with its `# Step:` line
    turns: tuple[tuple[str, str], ...]  # (role, text) of every message, in order
    index: int = 0  # write: section k of n
    count: int = 0

    def field(self, name: str) -> str | None:
        """The value of the step's own line `name: value`; None where there is none."""
        match = re.search(rf"^{re.escape(name)}: *(.*)$", self.text, re.MULTILINE)
        return match.group(1).strip() if match else None

    @property
    def answers(self) -> tuple[str, ...]:
        """What the model has said so far in this chat: plan, section 1, section 2, …"""
        return tuple(text for role, text in self.turns if role == "assistant")


class Step(NamedTuple):
    """What the last turn asks for. name: as `Sight.step`; section k of `sections`, where a section is written."""

    name: str
    text: str
    section: int = 0
    sections: int = 0


def read_request(messages: Sequence[Json]) -> Sight:
    """Decode, read and look at every image, and find the step. messages: as they came. Raises RequestError."""
    pages: list[Page] = []
    turns: list[tuple[str, str]] = []
    last_parts: list[str] = []
    for at, message in enumerate(messages):
        role = message.get("role") if isinstance(message, dict) else None
        if not isinstance(message, dict) or role not in ("system", "developer", "user", "assistant"):
            raise RequestError(f"messages[{at}] needs a role: system, user or assistant.", f"messages[{at}].role")
        texts = []
        for part in _parts(message.get("content"), at):
            if isinstance(part, str):
                texts.append(part)
            else:
                pages.append(read_page(part["url"], len(pages) + 1))
        turns.append((str(role), "\n\n".join(texts)))
        if role == "user":
            last_parts = texts
    if not last_parts and not pages:
        raise RequestError("messages has no user message with text or an image.")
    step = find_step(last_parts)
    sight = Sight(step.name, "en", tuple(pages), step.text, tuple(turns), step.section, step.sections)
    return replace(sight, language=_language(sight))


def find_step(parts: Sequence[str]) -> Step:
    """The step that the last user turn's text parts ask for; `chat` where none is named.

    Only a part whose FIRST line is a step marker names a step, and the last such part counts: what an image says, or
    what stands inside <segment> or <response>, never begins a part. Where a sender has joined the parts into one text,
    the last marker that stands alone on its line counts.
    """
    for part in reversed(parts):
        match = _STEP.fullmatch(part.lstrip().split("\n", 1)[0])
        if match:
            return _named(match, part.lstrip())
    if len(parts) == 1:
        markers = list(re.finditer(rf"^{_STEP.pattern}$", parts[0], re.MULTILINE))
        if markers:
            match = _STEP.match(parts[0], markers[-1].start())
            assert match is not None
            return _named(match, parts[0][match.start() :])
    return Step("chat", "\n\n".join(parts))


def _named(match: re.Match[str], text: str) -> Step:
    if match.group(2):
        return Step("write", text, int(match.group(2)), int(match.group(3)))
    return Step(match.group(1), text)


def _language(sight: Sight) -> str:
    named = (sight.field("Language") or "").lower() if sight.step != "chat" else ""
    if named:
        return "zh" if named.startswith(("zh", "chinese", "中文", "简体")) else "en"
    last = next((text for role, text in reversed(sight.turns) if role == "user"), "")
    return "zh" if prose.is_chinese(last) else "en"


def _parts(content: Json, at: int) -> list[str | ImageUrl]:
    """The texts and images of one message's content, in order."""
    if content is None or isinstance(content, str):
        return [content] if content else []
    if not isinstance(content, list):
        where = f"messages[{at}].content"
        raise RequestError(f"{where} must be a string or a list of parts.", where)
    out: list[str | ImageUrl] = []
    for index, part in enumerate(content):
        fields = part if isinstance(part, dict) else {}
        kind, text, image = fields.get("type"), fields.get("text"), fields.get("image_url")
        url = image.get("url") if isinstance(image, dict) else None
        if kind == "text" and isinstance(text, str):
            out.append(text)
        elif kind == "image_url" and isinstance(url, str):
            out.append({"url": url})
        else:
            where = f"messages[{at}].content[{index}]"
            raise RequestError(f"{where} must be a text part or an image_url part.", where)
    return out


def read_page(url: str, number: int) -> Page:
    """The image of a data URL, read once per process; `number` (1-based) is for the error message."""
    key = hashlib.sha256(url.encode()).hexdigest()
    with _LOCK:
        if key in _CACHE:
            _CACHE.move_to_end(key)
            return _CACHE[key]
    head, _, body = url.partition(",")
    if not head.startswith("data:image/") or not head.endswith(";base64"):
        raise RequestError(f"image {number} is not a base64 data URL (data:image/…;base64,…).")
    try:
        data = base64.b64decode(body, validate=True)
        with Image.open(io.BytesIO(data)) as image:
            width, height = image.size
            look = look_at(image)
    except (binascii.Error, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise RequestError(f"image {number} cannot be decoded: {type(error).__name__}.") from error
    lines = tuple(ocr.read_lines(data))
    page = Page(width, height, lines, statements_of(lines), look)
    with _LOCK:
        _CACHE[key] = page
        while len(_CACHE) > _CACHE_PAGES:
            _CACHE.popitem(last=False)
    return page


# -- what the lines say -----------------------------------------------------------------------------------------------
def statements_of(lines: Sequence[str]) -> tuple[Statement, ...]:
    """What OCR lines say: wrapped lines joined, page furniture left out, small labels and figures gathered."""
    tidy = [cleaned for line in lines if (cleaned := clean(line)) and not _FURNITURE.fullmatch(cleaned)]
    out: list[Statement] = []
    small: list[str] = []

    def close() -> None:
        for at in range(0, len(small), 6):
            group = tuple(dict.fromkeys(small[at : at + 6]))
            if len(group) == 1:
                out.append(Statement("phrase", group[0]))
                continue
            figures = sum(any(char.isdigit() for char in item) for item in group) > len(group) / 2
            out.append(Statement("figures" if figures else "labels", " ".join(group), group))
        small.clear()

    for at, line in enumerate(_unwrapped(tidy)):
        if at and _is_label(line):
            small.append(line)
            continue
        close()
        out += [_classified(text) for text in _pieces(line)]
    close()
    return tuple(out)


def clean(line: str) -> str:
    """A line without its bullet or number and without marks that could be read as markup or a quotation."""
    text = _BULLET.sub("", line.replace("\n", " ").strip())
    text = re.sub(r"[“”\"「」『』#*`|<>{}]+", "", text).strip(" \t-_~=•·,，;；")
    return text if len(plain(text)) >= 2 or re.search(f"[{CJK}0-9]", text) else ""


def _is_label(line: str) -> bool:
    if re.search(r"[.!?。！？:：]$", line) or ":" in line or "：" in line:
        return False
    if re.search(f"[{CJK}]", line):
        return len(line) <= 4
    return len(line.split()) <= 2 and len(line) <= 24


def _unwrapped(lines: Sequence[str]) -> list[str]:
    """Lines with those that only continue the one above joined to it."""
    longest = max((len(line) for line in lines), default=0)
    out: list[str] = []
    full = False  # the line above reached the margin and ended no sentence
    for line in lines:
        chinese = re.match(f"[{CJK}]", line) is not None
        continues = full and (re.match("[a-z]", line) or (chinese and len(lines) >= 4 and longest >= 20))
        if out and continues:
            out[-1] += ("" if chinese else " ") + line
        elif out and re.match("[a-z]", line) and len(out[-1]) >= 20 and not re.search(r"[.!?:;。！？：；]$", out[-1]):
            out[-1] += " " + line
        else:
            out.append(line)
        full = len(line) >= 0.85 * longest and not re.search(r"[.!?:;。！？：；]$", line)
    return out


def _pieces(line: str) -> list[str]:
    pieces = [piece.strip() for piece in prose.split_sentences(line)]
    return [piece for piece in pieces if len(plain(piece)) >= 2] or [line]


def _classified(text: str) -> Statement:
    if text.endswith(("?", "？")):
        return Statement("question", text)
    ended = text.endswith((".", "!", "。", "！"))
    bare = text.rstrip(".。!！;；,，:： ")
    pair = re.match(r"^([^:：]{2,40}?)\s*[:：]\s*(\S.{1,200})$", bare)
    if pair and not re.search(r"\d$", pair.group(1)):
        return Statement("pair", bare, (pair.group(1).strip(), pair.group(2).strip()))
    long = len(bare) >= 14 if re.search(f"[{CJK}]", bare) else len(bare.split()) >= 8
    return Statement("sentence" if ended or long else "phrase", bare)


def furniture(pages: Sequence[Page]) -> set[str]:
    """Statements (as plain text) that stand on at least three pages and on half of them: headers and footers."""
    counts: dict[str, int] = {}
    for page in pages:
        for text in {plain(statement.text) for statement in page.statements}:
            counts[text] = counts.get(text, 0) + 1
    return {text for text, count in counts.items() if count >= 3 and count >= len(pages) / 2}


# -- how it looks -----------------------------------------------------------------------------------------------------
