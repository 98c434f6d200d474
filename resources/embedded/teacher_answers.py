"""The teacher's largest step: one section of the text, near its target length and linked to the section before it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from resources.embedded import phrases
from resources.embedded.planning import ASPECTS, PLAN_LINE, aspects_of, page_list, parse_plan, told_by
from resources.embedded.prose import Covered, Picker, key_terms, paragraphs, quoted_list, quotes, short, split_sentences
from resources.embedded.reading import Page, RequestError, Sight, Statement, furniture
from resources.text.content import numbers, plain
from resources.text.words import count_words

_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
GENERIC_HEADING = re.compile(
    r"(?:slide|page|section|part|image|picture)\s*\d+|"
    r"第\s*[\d一二三四五六七八九十]+\s*\S{1,2}",
    re.IGNORECASE,
)


@dataclass
class Brief:
    """All that writing one section needs. page_numbers: of each page, 1-based; previous: the sections so far."""

    language: str
    heading: str
    target: int
    pages: Sequence[Page]
    page_numbers: Sequence[int]
    previous: Sequence[str] = ()
    last: bool = False
    turn: int = 0  # how many sections before this one have the same pages
    remaining: int = 1  # sections from this one on that have these pages, itself included
    skip: set[str] = field(default_factory=set)  # headers and footers, as plain text
    noun: str = ""  # what a page is called; empty: decided by the page


def section(sight: Sight) -> str:
    """One section in Markdown: its heading line and its paragraphs, near the number of words asked for."""
    return compose(brief_of(sight))


def brief_of(sight: Sight) -> Brief:
    """What a write turn asks for, with the plan and the sections above it read from the chat."""
    asked = re.search(PLAN_LINE, sight.text)
    if not asked:
        raise RequestError("The step `write section` needs its line `Section k - Main Point: … - Word Count: n`.")
    after = sight.text[asked.end() :]
    heading = re.search(r"`## (.+?)`", after)
    point = asked.group(2)
    on = tuple(number for number in page_list(asked.group(4)) if number <= len(sight.pages))
    on = on or tuple(range(1, len(sight.pages) + 1))
    answers = sight.answers
    planned = next((found for text in answers if (found := parse_plan(text))), [])
    previous = [text for text in answers if not parse_plan(text)]
    same = [entry.index for entry in planned if entry.pages == on] or [sight.index]
    pages = [sight.pages[number - 1] for number in on]
    return Brief(
        language=sight.language,
        heading=heading.group(1) if heading else point,
        target=int(asked.group(3)),
        pages=pages,
        page_numbers=on,
        previous=previous,
        last=sight.index == sight.count,
        turn=sum(index < sight.index for index in same),
        remaining=sum(index >= sight.index for index in same) or 1,
        skip=furniture(sight.pages),
        noun=_noun(sight),
    )


def _noun(sight: Sight) -> str:
    asked = " ".join(text for role, text in sight.turns if role == "user").lower()
    slides = re.search(r"\bslides?\b|lecture|\bdeck\b|幻灯片|讲稿|演示文稿", asked)
    if sight.language == "zh":
        return "这张幻灯片" if slides and "幻灯片" in asked else "这一页"
    return "slide" if slides else "page"


def compose(brief: Brief) -> str:
    """The section that `brief` describes: each line of its pages in turn, then what frames can add, to the length."""
    language = brief.language
    seed = (
        language,
        brief.heading,
        brief.target,
        *(page.title for page in brief.pages),
        *(page.look.colours for page in brief.pages),
        brief.turn,
    )
    picker = Picker(language, *seed)
    units: list[list[str]] = []
    spare: list[str] = []
    if len(brief.pages) > 1 and all(page.is_photo for page in brief.pages):
        units += _compare_units(brief, picker)
    for at, page in enumerate(brief.pages):
        more = _photo_units if page.is_photo else _text_units
        units += more(brief, page, at + len(units), picker)
    if not brief.pages:
        units.append(_opening(brief, brief.heading, picker))
    textual = any(not page.is_photo for page in brief.pages)
    if textual:
        slots = {"page": brief.noun or "page"}
        spare = picker.all("general", slots)
        units = _sprinkled(units, spare)
        for page in brief.pages:
            look = phrases.look_slots(page.look, language)
            spare += picker.all("layout", slots | look)
            spare += [sentence for name in ASPECTS[:3] for sentence in picker.all(f"photo_{name}", look)]
        said = "\n".join(brief.previous)
        spare.sort(key=lambda sentence: sentence in said)  # new sentences first
    if any(page.is_photo for page in brief.pages) or not brief.pages:
        general = picker.all("photo_general", {})
        units = units if textual else _sprinkled(units, general)
        spare += general
    closing = _closing(brief, picker) if brief.last and brief.target >= 100 else []
    limit = brief.target - count_words(brief.heading) - sum(map(count_words, closing))
    chosen = _filled(units, spare, limit)
    body = paragraphs([*chosen, closing], language)
    return f"## {brief.heading}\n\n{body}"


def _sprinkled(units: list[list[str]], general: Sequence[str]) -> list[list[str]]:
    """The units with two of general sentences, after the middle and at the end; a section uses them last."""
    middle = (len(units) + 1) // 2
    return [*units[:middle], ["", *general[0:4:2]], *units[middle:], ["", *general[1:4:2]]]


def _filled(units: Sequence[Sequence[str]], spare: Sequence[str], limit: int) -> list[list[str]]:
    """The first sentence of every unit in turn, then the second of every unit, …, up to `limit` words.

    A crowded page reaches the limit in the first round, so its last lines are left out.
    """
    chosen: list[list[str]] = [[] for _ in units]
    used: set[str] = set()
    total = 0

    def add(at: int, sentence: str) -> None:
        nonlocal total
        chosen[at].append(sentence)
        used.add(sentence)
        total += count_words(sentence)

    for depth in range(max((len(unit) for unit in units), default=0)):
        for at, unit in enumerate(units):
            if depth >= len(unit) or not unit[depth] or unit[depth] in used or (depth and not chosen[at] and unit[0]):
                continue
            opening = at == 0 and depth == 0
            if opening or total + count_words(unit[depth]) <= limit * 1.05:
                add(at, unit[depth])
            if total >= limit * 0.95:
                break
    chosen.append([])
    rest = [sentence for unit in units for sentence in unit[1:] if sentence] + list(spare)
    while total < limit * 0.93:  # unused sentences, near the limit the best fit; when all are used, they may repeat
        left = [sentence for sentence in [*spare, *rest] if sentence not in used]
        if not left:
            used.clear()
            left = [*spare, *rest]
        fits = [sentence for sentence in left if total + count_words(sentence) <= limit * 1.12]
        if not fits:
            break
        left_over = limit - total
        add(-1, min(fits, key=lambda sentence: abs(left_over - count_words(sentence)) if left_over < 40 else 0))
    return [unit for unit in chosen if unit]


def _opening(brief: Brief, title: str, picker: Picker, photo: bool = False) -> list[str]:
    """How a section begins: it names what the section before it was about, as that section itself says it."""
    shown = short(title, brief.language)
    if not brief.previous:
        sentence = picker.take("open", {"title": shown})
    else:
        before = subject_of(brief.previous[-1], brief.language)
        same = plain(before) == plain(shown)
        group = "stay" if same else "photo_turn" if photo else "turn"
        if photo and GENERIC_HEADING.fullmatch(title):
            group = "photo_next"
        sentence = picker.take(group, {"previous": before, "title": shown})
    return [sentence or ""]


def subject_of(text: str, language: str) -> str:
    """What a section is about: its heading; where that only counts pages, what its first sentence quotes last."""
    heading = _HEADING.search(text)
    if heading and not GENERIC_HEADING.fullmatch(heading.group(1).strip()):
        return short(_unquoted(heading.group(1).strip()), language)
    body = _HEADING.sub("", text).strip()
    first = (split_sentences(body.split("\n")[0]) or [""])[0]
    said = quotes(first)[-1:] or quotes(body)[:1]
    if said:
        return short(_unquoted(said[0]).rstrip(".。"), language)
    return short(_unquoted(heading.group(1).strip() if heading else body.strip().split("\n")[0]), language)


def _unquoted(text: str) -> str:
    return re.sub(r"[“”\"「」]+", "", text)


def _text_units(brief: Brief, page: Page, at: int, picker: Picker) -> list[list[str]]:
    told = told_by(page, brief.skip)
    title = told[0].text
    shared = brief.turn > 0 or brief.remaining > 1
    shown = title if not shared or GENERIC_HEADING.fullmatch(brief.heading) else _unquoted(brief.heading)
    if at == 0:
        units = [_opening(brief, shown, picker)]
    else:
        units = [[picker.take("next_page", {"title": short(title, brief.language), "page": brief.noun}) or ""]]
    lines = told[1:]
    if shared:
        said = Covered("\n".join(brief.previous))
        lines = [line for line in lines if not said(line.text)]
        lines = lines[: -(-len(lines) // brief.remaining)]
    if plain(title) not in plain(units[0][0]):  # a long title is named in full once
        lines = [told[0], *lines] if brief.turn == 0 else lines
    elif len(lines) < 3:
        units[0] += _elaborations(Statement("phrase", title), None, 0, told, brief, picker)
    before: Statement | None = None
    for line in lines:
        units.append(_line_unit(line, before, told.index(line), told, brief, picker, first=before is None))
        before = line
    return units


def introduce(line: Statement, language: str, noun: str, picker: Picker, first: bool = False) -> str:
    """The sentence that says one line of a page, word for word."""
    bare = line.text.rstrip(".。!！;；,，:： ")
    slots = {"page": noun, "line": line.text if line.kind == "question" else bare}
    if line.kind == "pair":
        slots |= {"label": line.items[0], "value": line.items[1]}
    if line.kind in ("labels", "figures"):
        slots["items"] = quoted_list(line.items, language)
    return picker.take(line.kind, slots, first) or bare


def _line_unit(
    line: Statement,
    before: Statement | None,
    at: int,
    told: Sequence[Statement],
    brief: Brief,
    picker: Picker,
    first: bool,
) -> list[str]:
    intro = introduce(line, brief.language, brief.noun or "page", picker, first)
    if line.kind in ("labels", "figures"):
        return [intro]
    return [intro, *_elaborations(line, before, at, told, brief, picker)]


def _elaborations(
    line: Statement, before: Statement | None, at: int, told: Sequence[Statement], brief: Brief, picker: Picker
) -> list[str]:
    """Up to six sentences about a line that claim nothing beyond it: its words, its place, its neighbour, its size."""
    language = brief.language
    context = "\n".join(statement.text for page in brief.pages for statement in page.statements)
    terms = key_terms(line.text, language, context)
    count = len(told)
    size = count_words(line.text)
    slots = {"page": brief.noun or "page", "place": phrases.text_place(at, count, language)}
    if terms:
        slots["term"] = terms[-1]
    if len(terms) == 2:
        slots["other"] = terms[0]
    if before is not None and before.kind not in ("labels", "figures"):
        slots["earlier"] = short(before.text.rstrip(".。"), language)
    if len(found := numbers(line.text)) == 1 and len(found[0]) > 1:
        slots["number"] = found[0]
    if at > 0:
        slots["title"] = short(told[0].text, language)
    small = phrases.SMALL_NUMBERS_ZH if language == "zh" else phrases.SMALL_NUMBERS
    if 3 <= size <= 12:
        slots["size"] = small[size]
    cycle = ["number", "term", "two", "order", "heading", "term", "place", "size", "term", "two", "term"]
    turn = at % 3
    order = cycle[:1] + cycle[1:][turn:] + cycle[1:][:turn]
    needs = {
        "number": "number",
        "term": "term",
        "two": "other",
        "order": "earlier",
        "place": "place",
        "size": "size",
        "heading": "title",
    }
    out, counted = [], dict[str, int]()
    for group in order:
        counted[group] = counted.get(group, 0) + 1
        if needs[group] not in slots or (group not in ("term", "two") and counted[group] > 1):
            continue
        if group == "two":
            filled = picker.take("two", {**slots, "term": terms[0], "other": terms[1]})
        elif group == "term" and len(terms) == 2:
            filled = picker.take("term", {**slots, "term": terms[(counted[group] + at) % 2]})
        else:
            filled = picker.take(group, slots)
        out += [filled] if filled else []
    return out


def _photo_units(brief: Brief, page: Page, at: int, picker: Picker) -> list[list[str]]:
    """A picture by its measured look, a sentence a unit; where sections share it, each takes its own aspects first."""
    language = brief.language
    slots = phrases.look_slots(page.look, language)
    out = []
    if at == 0 and brief.previous:
        out += _opening(brief, brief.heading, picker, photo=True)
    if brief.turn == 0:
        out.append(picker.take("photo_open", slots) or "")
    out += [introduce(line, language, "画面" if language == "zh" else "picture", picker) for line in page.statements]
    said = "\n".join(brief.previous)
    regions = phrases.region_slots(page.look, language)
    shared = brief.turn + brief.remaining
    groups = {name: picker.all(f"photo_{name}", slots) for name in ASPECTS[:3]}
    groups["region"] = [picker.take("photo_region", region) or "" for region in regions]
    groups["general"] = picker.all("photo_general", {})
    if shared == 1:
        ordered = [sentence for name in ASPECTS[:3] for sentence in groups[name][:5]] + groups["region"]
        ordered += [sentence for name in ASPECTS[:3] for sentence in groups[name][5:]]
    else:
        own = aspects_of(brief.turn, shared)
        ordered = [sentence for name in own for sentence in groups[name]]
        ordered += groups["region"][brief.turn % shared :: shared] if "region" not in own else []
    again = [picker.take("photo_region", region) or "" for region in [*regions, *regions]]
    general = groups["general"][:4]
    ordered += [sentence for pair in zip(again, [*general, *[""] * len(again)], strict=False) for sentence in pair]
    out += [sentence for sentence in dict.fromkeys(ordered) if sentence not in said or sentence in general]
    return [[sentence] for sentence in out if sentence]


def _compare_units(brief: Brief, picker: Picker) -> list[list[str]]:
    """Comparisons of the section's neighbouring pictures: first as a whole, then region by region."""
    language = brief.language
    noun = "幅画面" if language == "zh" else "picture"
    said = "\n".join(brief.previous)
    called = [phrases.ordinal(number, noun, language) for number in brief.page_numbers]
    whole: list[str] = []
    parts: list[str] = []
    for (one, a), (two, b) in pairwise(zip(brief.pages, called, strict=True)):
        whole += picker.all("photo_compare", phrases.compare_slots(one, two, a, b, language))
        parts += [
            picker.take(group, slots) or "" for group, slots in phrases.compare_regions(one, two, a, b, language) * 2
        ]
    alike = [sentence for sentence in (whole + parts if brief.turn == 0 else parts + whole) if sentence not in said]
    opening = _opening(brief, brief.heading, picker, photo=True)
    return [opening, *([sentence] for sentence in dict.fromkeys(alike) if sentence)]


def _closing(brief: Brief, picker: Picker) -> list[str]:
    if brief.pages and all(page.is_photo for page in brief.pages):
        sentence = picker.take("photo_close", phrases.look_slots(brief.pages[-1].look, brief.language))
    else:
        said = [page for page in brief.pages if not page.is_photo]
        title = told_by(said[-1], brief.skip)[0].text if said else brief.heading
        sentence = picker.take("close", {"title": short(title, brief.language)})
    return [sentence] if sentence else []
