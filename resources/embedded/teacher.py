"""The teacher's two large steps: a plan that covers every page, and one section of the text."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from resources.embedded import words
from resources.embedded.prose import (
    Covered,
    Picker,
    key_terms,
    numbers,
    paragraphs,
    plain,
    quoted_list,
    quotes,
    short,
    split_sentences,
)
from resources.embedded.reading import Page, Sight, Statement, UnreadableRequest, furniture
from resources.words import count_words

_PLAN_LINE = re.compile(r"^Section (\d+) - Main Point: (.*) - Word Count: (\d+)(?: - Pages: ([\d, ]+))?[ \t]*$",
                        re.MULTILINE)
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
GENERIC_HEADING = re.compile(r"(?:slide|page|section|part|image|picture)\s*\d+|"
                             r"第\s*[\d一二三四五六七八九十]+\s*\S{1,2}", re.IGNORECASE)
_ASPECTS = ("palette", "light", "composition", "region", "general")
_PHOTO_POINTS = {
    "en": ("First impression and colours", "Light and shade", "Shape and balance", "A walk across the picture",
           "Ways of looking"),
    "zh": ("第一印象与色彩", "光线与明暗", "形状与平衡", "在画面中走一遍", "观看的方式"),
}


@dataclass(frozen=True)
class Planned:
    """One section of a plan; pages are 1-based."""

    index: int
    point: str
    words: int
    pages: tuple[int, ...]


@dataclass
class Brief:
    """All that writing one section needs. `numbers`: the page number of each page; previous: the sections so far."""

    language: str
    heading: str
    target: int
    pages: Sequence[Page]
    page_numbers: Sequence[int]
    previous: Sequence[str] = ()
    last: bool = False
    turn: int = 0                     # how many sections before this one have the same pages
    remaining: int = 1                # sections from this one on that have these pages, itself included
    skip: set[str] = field(default_factory=set)  # headers and footers, as plain text
    noun: str = ""                    # what a page is called; empty: decided by the page


# -- plan -------------------------------------------------------------------------------------------------------------
def plan(sight: Sight) -> str:
    """One line per section; every page is covered and the word counts add up to the total exactly."""
    pages = max(1, _integer(sight.field("Pages"), len(sight.pages) or 1))
    rule = sight.field("Sections") or ""
    asked = pages if "page" in rule.lower() or "页" in rule else _integer(rule, pages)
    count = max(1, asked)
    total = _integer(sight.field("Total words"), 200 * pages)
    total = max(total, count)
    spread = _spread(pages, count)
    points = _points(sight, spread)
    weights = [_weight(sight, on) for on in spread]
    shares = _shares(total, weights)
    return "\n".join(
        f"Section {at + 1} - Main Point: {point} - Word Count: {share} - Pages: {', '.join(map(str, on))}"
        for at, (point, share, on) in enumerate(zip(points, shares, spread, strict=True)))


def parse_plan(text: str) -> list[Planned]:
    """The sections of a plan; lines that are none are passed over."""
    return [Planned(int(index), point, int(size), _page_list(pages))
            for index, point, size, pages in _PLAN_LINE.findall(text)]


def _page_list(text: str | None) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text or ""))


def _integer(text: str | None, default: int) -> int:
    match = re.search(r"\d+", (text or "").replace(",", ""))
    return int(match.group()) if match else default


def _spread(pages: int, count: int) -> list[tuple[int, ...]]:
    """Pages (1-based) of each section: in order, each page at least once, no more than one page apart in number."""
    if count <= pages:
        edges = [round(at * pages / count) for at in range(count + 1)]
        return [tuple(range(edges[at] + 1, edges[at + 1] + 1)) for at in range(count)]
    if pages == 1:
        return [(1,)] * count
    together = min(2, count - pages)  # several images and room to spare: end by holding them side by side
    alone = sorted(at * pages // (count - together) + 1 for at in range(count - together))
    return [(page,) for page in alone] + [tuple(range(1, pages + 1))] * together


def _points(sight: Sight, spread: Sequence[tuple[int, ...]]) -> list[str]:
    language, seen = sight.language, dict[str, int]()
    out = []
    for at, on in enumerate(spread):
        point = _point(sight, on, sum(other == on for other in spread[:at]), sum(other == on for other in spread))
        times = seen[point] = seen.get(point, 0) + 1
        if times > 1:
            name = words.part_name(times, language)
            point += f"（之{name}）" if language == "zh" else f", part {name}"
        out.append(point)
    return out


def _point(sight: Sight, on: tuple[int, ...], turn: int, of: int) -> str:
    language = sight.language
    pages = [sight.pages[number - 1] for number in on if number <= len(sight.pages)]
    skip = furniture(sight.pages)
    names = [_name(page, number if len(sight.pages) > 1 else 0, language, skip)
             for page, number in zip(pages, on, strict=False)]
    if not pages:
        return "未附图片的一页" if language == "zh" else "A page without an image"
    if len(on) > 1:
        joined = _joined(names, language)
        if len(on) == len(sight.pages):
            both = ("各图对照", "异同之处") if language == "zh" else ("The images side by side", "What they share")
            return both[turn % 2] if of <= 2 else joined
        return joined
    if of == 1:
        return names[0]
    if pages[0].is_photo:
        label = _PHOTO_POINTS[language][_ASPECTS.index(_aspects_of(turn, of)[0])]
        if len(sight.pages) == 1:
            return label
        noun = "图" if language == "zh" else "picture"
        which = words.ordinal(on[0], noun, language)
        return f"{which}：{label}" if language == "zh" else f"{label} in {which}"
    lines = _told(pages[0], skip)[1:]
    first = lines[turn * len(lines) // of].text if lines else names[0]
    if turn == 0:
        return names[0]
    return heading_form(short(first, language))


def _aspects_of(turn: int, of: int) -> tuple[str, ...]:
    """What section `turn` (0-based) of `of` that share a picture speaks of first."""
    if of > 4:
        return (_ASPECTS[turn % 5],)
    return _ASPECTS[turn * 4 // of:(turn + 1) * 4 // of]


def _joined(names: Sequence[str], language: str) -> str:
    kept = list(dict.fromkeys(names))[:3]
    return "；".join(kept) if language == "zh" else "; ".join(kept)


def _name(page: Page, number: int, language: str, skip: set[str]) -> str:
    """What a page is called in a plan; `number` is 0 where it is the only one."""
    told = _told(page, skip)
    if page.is_photo or not told:
        look = words.look_slots(page.look, language)
        pair = [look[name] for name in ("colour", "colour2") if name in look]
        which = f"The {words.ORDINALS[number - 1]}" if 0 < number <= len(words.ORDINALS) else "A"
        if language == "zh":
            return f"{words.ordinal(number, '幅', language) if number else ''}{'和'.join(pair)}的画面"
        return f"{which} picture, in {' and '.join(pair)}"
    return heading_form(short(told[0].text, language))


def heading_form(text: str) -> str:
    """A line as a heading and as a main point: one line, without what would end a plan line early."""
    return re.sub(r"\s+", " ", text.replace(" - ", ": ")).strip(" .。;；:：,，`") or "…"


def _told(page: Page, skip: set[str]) -> list[Statement]:
    kept = [statement for statement in page.statements if plain(statement.text) not in skip]
    return kept or list(page.statements)


def _weight(sight: Sight, on: tuple[int, ...]) -> float:
    """More words for pages that say more, within 0.7 and 1.4 times the mean."""
    said = [sum(count_words(statement.text) for statement in page.statements) for page in sight.pages]
    mean = sum(said) / len(said) if said else 0.0
    if not mean:
        return 1.0
    mine = [said[number - 1] for number in on if number <= len(said)]
    return max(0.7, min(1.4, sum(mine) / max(1, len(mine)) / mean))


def _shares(total: int, weights: Sequence[float]) -> list[int]:
    """Whole numbers >= 1 in proportion to the weights (tens where the total allows it), with exactly this sum."""
    unit = 10 if total >= 40 * len(weights) else 1
    shares = [max(1, int(total * weight / sum(weights) / unit) * unit) for weight in weights]
    at = 0
    while (left := total - sum(shares)) != 0:
        step = min(unit, left) if left > 0 else -1
        if shares[at % len(shares)] + step >= 1:
            shares[at % len(shares)] += step
        at += 1
    return shares


# -- section ----------------------------------------------------------------------------------------------------------
def section(sight: Sight) -> str:
    """One section in Markdown: its heading line and its paragraphs, near the number of words asked for."""
    return compose(brief_of(sight))


def brief_of(sight: Sight) -> Brief:
    """What a write turn asks for, with the plan and the sections above it read from the chat."""
    asked = re.search(_PLAN_LINE, sight.text)
    if not asked:
        raise UnreadableRequest("The step `write section` needs its line `Section k - Main Point: … - Word Count: n`.")
    after = sight.text[asked.end():]
    heading = re.search(r"`## (.+?)`", after)
    point = asked.group(2)
    on = tuple(number for number in _page_list(asked.group(4)) if number <= len(sight.pages))
    on = on or tuple(range(1, len(sight.pages) + 1))
    answers = sight.answers
    planned = next((found for text in answers if (found := parse_plan(text))), [])
    previous = [text for text in answers if not parse_plan(text)]
    same = [entry.index for entry in planned if entry.pages == on] or [sight.index]
    pages = [sight.pages[number - 1] for number in on]
    return Brief(
        language=sight.language, heading=heading.group(1) if heading else point, target=int(asked.group(3)),
        pages=pages, page_numbers=on, previous=previous, last=sight.index == sight.count,
        turn=sum(index < sight.index for index in same), remaining=sum(index >= sight.index for index in same) or 1,
        skip=furniture(sight.pages), noun=_noun(sight))


def _noun(sight: Sight) -> str:
    asked = " ".join(text for role, text in sight.turns if role == "user").lower()
    slides = re.search(r"\bslides?\b|lecture|\bdeck\b|幻灯片|讲稿|演示文稿", asked)
    if sight.language == "zh":
        return "这张幻灯片" if slides and "幻灯片" in asked else "这一页"
    return "slide" if slides else "page"


def compose(brief: Brief) -> str:
    """The section that `brief` describes: each line of its pages in turn, then what frames can add, to the length."""
    language = brief.language
    seed = (language, brief.heading, brief.target, *(page.title for page in brief.pages),
            *(page.look.colours for page in brief.pages), brief.turn)
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
            look = words.look_slots(page.look, language)
            spare += picker.all("layout", slots | look)
            spare += [sentence for name in _ASPECTS[:3] for sentence in picker.all(f"photo_{name}", look)]
        said = "\n".join(brief.previous)
        spare.sort(key=lambda sentence: sentence in said)  # what was not said yet comes first
    if any(page.is_photo for page in brief.pages) or not brief.pages:
        general = picker.all("photo_general", {})
        units = units if textual else _sprinkled(units, general)
        spare += general
    closing = _closing(brief, picker) if brief.last and brief.target >= 100 else []
    room = brief.target - count_words(brief.heading) - sum(map(count_words, closing))
    chosen = _filled(units, spare, room)
    body = paragraphs([*chosen, closing], language)
    return f"## {brief.heading}\n\n{body}"


def _sprinkled(units: list[list[str]], general: Sequence[str]) -> list[list[str]]:
    """A general sentence or two, when there is room, after the middle and at the end."""
    middle = (len(units) + 1) // 2
    return [*units[:middle], ["", *general[0:4:2]], *units[middle:], ["", *general[1:4:2]]]


def _filled(units: Sequence[Sequence[str]], spare: Sequence[str], room: int) -> list[list[str]]:
    """The first sentence of every unit in turn, then the second of every unit, …, until the words fill `room`.

    A crowded page fills the room in the first round, so that its last lines are left out.
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
            if opening or total + count_words(unit[depth]) <= room * 1.05:
                add(at, unit[depth])
            if total >= room * 0.95:
                break
    chosen.append([])
    rest = [sentence for unit in units for sentence in unit[1:] if sentence] + list(spare)
    while total < room * 0.93:  # what is left of the stock, the sentence first that fits best; at its end, all anew
        left = [sentence for sentence in [*spare, *rest] if sentence not in used]
        if not left:
            used.clear()
            left = [*spare, *rest]
        fits = [sentence for sentence in left if total + count_words(sentence) <= room * 1.12]
        if not fits:
            break
        add(-1, min(fits, key=lambda sentence: abs(room - total - count_words(sentence)) if room - total < 40 else 0))
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
    told = _told(page, brief.skip)
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
        lines = lines[:-(-len(lines) // brief.remaining)]
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


def _line_unit(line: Statement, before: Statement | None, at: int, told: Sequence[Statement], brief: Brief,
               picker: Picker, first: bool) -> list[str]:
    intro = introduce(line, brief.language, brief.noun or "page", picker, first)
    if line.kind in ("labels", "figures"):
        return [intro]
    return [intro, *_elaborations(line, before, at, told, brief, picker)]


def _elaborations(line: Statement, before: Statement | None, at: int, told: Sequence[Statement], brief: Brief,
                  picker: Picker) -> list[str]:
    """Up to six sentences about a line that claim nothing beyond it: its words, its place, its neighbour, its size."""
    language = brief.language
    context = "\n".join(statement.text for page in brief.pages for statement in page.statements)
    terms = key_terms(line.text, language, context)
    count = len(told)
    size = count_words(line.text)
    slots = {"page": brief.noun or "page", "place": words.text_place(at, count, language)}
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
    small = words.SMALL_NUMBERS_ZH if language == "zh" else words.SMALL_NUMBERS
    if 3 <= size <= 12:
        slots["size"] = small[size]
    cycle = ["number", "term", "two", "order", "heading", "term", "place", "size", "term", "two", "term"]
    turn = at % 3
    order = cycle[:1] + cycle[1:][turn:] + cycle[1:][:turn]
    needs = {"number": "number", "term": "term", "two": "other", "order": "earlier", "place": "place", "size": "size",
             "heading": "title"}
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
    slots = words.look_slots(page.look, language)
    out = []
    if at == 0 and brief.previous:
        out += _opening(brief, brief.heading, picker, photo=True)
    if brief.turn == 0:
        out.append(picker.take("photo_open", slots) or "")
    out += [introduce(line, language, "画面" if language == "zh" else "picture", picker) for line in page.statements]
    said = "\n".join(brief.previous)
    regions = words.region_slots(page.look, language)
    shared = brief.turn + brief.remaining
    groups = {name: picker.all(f"photo_{name}", slots) for name in _ASPECTS[:3]}
    groups["region"] = [picker.take("photo_region", region) or "" for region in regions]
    groups["general"] = picker.all("photo_general", {})
    if shared == 1:
        ordered = [sentence for name in _ASPECTS[:3] for sentence in groups[name][:5]] + groups["region"]
        ordered += [sentence for name in _ASPECTS[:3] for sentence in groups[name][5:]]
    else:
        own = _aspects_of(brief.turn, shared)
        ordered = [sentence for name in own for sentence in groups[name]]
        ordered += groups["region"][brief.turn % shared::shared] if "region" not in own else []
    again = [picker.take("photo_region", region) or "" for region in [*regions, *regions]]
    general = groups["general"][:4]
    ordered += [sentence for pair in zip(again, [*general, *[""] * len(again)], strict=False) for sentence in pair]
    out += [sentence for sentence in dict.fromkeys(ordered) if sentence not in said or sentence in general]
    return [[sentence] for sentence in out if sentence]


def _compare_units(brief: Brief, picker: Picker) -> list[list[str]]:
    """Neighbouring pictures of the section held side by side: first as wholes, then region by region."""
    language = brief.language
    noun = "幅画面" if language == "zh" else "picture"
    said = "\n".join(brief.previous)
    called = [words.ordinal(number, noun, language) for number in brief.page_numbers]
    whole: list[str] = []
    parts: list[str] = []
    for (one, a), (two, b) in pairwise(zip(brief.pages, called, strict=True)):
        whole += picker.all("photo_compare", words.compare_slots(one, two, a, b, language))
        parts += [picker.take(group, slots) or ""
                  for group, slots in words.compare_regions(one, two, a, b, language) * 2]
    alike = [sentence for sentence in (whole + parts if brief.turn == 0 else parts + whole) if sentence not in said]
    opening = _opening(brief, brief.heading, picker, photo=True)
    return [opening, *([sentence] for sentence in dict.fromkeys(alike) if sentence)]


def _closing(brief: Brief, picker: Picker) -> list[str]:
    if brief.pages and all(page.is_photo for page in brief.pages):
        sentence = picker.take("photo_close", words.look_slots(brief.pages[-1].look, brief.language))
    else:
        said = [page for page in brief.pages if not page.is_photo]
        title = _told(said[-1], brief.skip)[0].text if said else brief.heading
        sentence = picker.take("close", {"title": short(title, brief.language)})
    return [sentence] if sentence else []
