"""The teacher's small steps: a request about images, rewritten, rephrased, and judged for the length it needs."""

import hashlib
import json
import re
from collections.abc import Sequence

from resources.embedded import phrases
from resources.embedded.prose import short
from resources.embedded.reading import Page, RequestError, Sight

PLAIN_TEXTS = ("", "a long article")  # what a request asks for where no kind of text is named
BLANK_CONTRAST = 0.02  # standard deviation of brightness below which an image shows nothing
LONG = (
    "long",
    "article",
    "essay",
    "in depth",
    "in detail",
    "at length",
    "extensive",
    "detailed",
    "guide",
    "report",
    "story",
    "review",
    "script",
    "post",
    "长文",
    "文章",
    "详细",
    "报告",
    "指南",
    "故事",
    "影评",
    "讲稿",
)
_LENGTH = re.compile(r"(?:Please write |请?总共写)(\d+)(?:-word in total\.?|字。?)")


def request(sight: Sight) -> str:
    """One line: a request that the images give rise to, in the language asked for."""
    if not sight.pages:
        raise RequestError("The step `request` needs at least one image.")
    wanted = sight.field("Text") or ""
    if wanted and wanted not in PLAIN_TEXTS:
        seen = subject(sight.pages[0], sight.language)
        return (
            f"请写{wanted}，以图片所示为依据，从{seen}写起。"
            if sight.language == "zh"
            else f"Write {wanted}, grounded in what is shown, and begin from {seen}."
        )
    make = _request_zh if sight.language == "zh" else _request_en
    return make(sight.pages, _choice(sight, 3))


def rewrite(sight: Sight) -> str:
    """The request of the step, made to need every image; a deck's request, with the deck's subject named."""
    given = _given(sight)
    if sight.field("Images") is None:
        seen = subject(sight.pages[0], sight.language) if sight.pages else ""
        return f"{given}主题是{seen}。" if sight.language == "zh" else f"{given.rstrip('.')}; their subject is {seen}."
    make = _request_zh if sight.language == "zh" else _request_en
    made = make(sight.pages, _choice(sight, 3))
    wanted = sight.field("Text") or ""
    if wanted and wanted not in PLAIN_TEXTS:
        made += f" 体裁：{wanted}。" if sight.language == "zh" else f" Let it be {wanted}."
    return made


def decide(sight: Sight) -> str:
    """JSON: an image without any variation is irrelevant; a request is long where it says so in one of many ways."""
    page = sight.pages[0] if sight.pages else None
    blank = page is not None and page.is_photo and page.look.contrast < BLANK_CONTRAST
    given = _given(sight).lower()
    long = any(word in given for word in LONG)
    why = "the image shows nothing" if blank else "it asks for a long text" if long else "a few sentences answer it"
    return json.dumps({"relevant": not blank, "long": long, "reason": why})


def rephrase(sight: Sight) -> str:
    """The request with its stated length in other words; the number is kept."""
    given = _given(sight)
    match = _LENGTH.search(given)
    if match is None:
        return given
    rest = given[: match.start()].rstrip()
    return f"{rest}全文约需{match[1]}字。" if sight.language == "zh" else f"{rest} I need {match[1]} words in all."


def subject(page: Page, language: str) -> str:
    """What a page is about, for a request: its title in quotation marks, or its colours."""
    if page.title and not page.is_photo:
        return f"“{short(page.title, language)}”"
    look = phrases.look_slots(page.look, language)
    named = [look[name] for name in ("colour", "colour2") if name in look]
    return "和".join(named) + "的色彩" if language == "zh" else f"its {' and '.join(named)}"


def _given(sight: Sight) -> str:
    match = re.search(r"<request>\s*(.*?)\s*</request>", sight.text, re.DOTALL)
    return match[1] if match else ""


def _choice(sight: Sight, options: int) -> int:
    seed = "\x00".join([*(page.title or ",".join(page.look.colours) for page in sight.pages), sight.language])
    return hashlib.sha256(seed.encode()).digest()[0] % options


def _request_en(pages: Sequence[Page], choice: int) -> str:
    looks = [phrases.look_slots(page.look, "en") for page in pages]
    titles = [short(page.title, "en") for page in pages if page.title and not page.is_photo]
    if len(pages) > 1:
        many = "both" if len(pages) == 2 else "all"
        if titles:
            about = f"from “{titles[0]}” to “{titles[-1]}”" if len(titles) > 1 else f"among them “{titles[0]}”"
            return (
                f"Write a long article that draws on {many} of these images, {about}: explain what each of "
                f"them says, and compare how they treat their subjects."
            )
        colours = ", ".join(dict.fromkeys(look["colour"] for look in looks))
        return (
            f"Write a long article that draws on {many} of these pictures and compares them in depth: their "
            f"leading colours ({colours}), their light and their composition."
        )
    look = looks[0]
    if titles:
        return (
            (
                f"Write a long and detailed article about this page, which carries the words “{titles[0]}”, and "
                f"explain every point that it makes."
            ),
            f"Please explain this page on “{titles[0]}” at length: go through it line by line, in clear prose.",
            (
                f"I would like an extensive article that is based on this page and begins from “{titles[0]}”; leave "
                f"out nothing that it says."
            ),
        )[choice]
    palette = " and ".join(look[name] for name in ("colour", "colour2") if name in look)
    return (
        (
            f"Write a long, descriptive article about this picture, with its {palette} and its {look['format']} "
            f"composition, and describe its light, its colours and its arrangement in depth."
        ),
        (
            f"Describe this {look['format']} picture at length, from its {palette} to the way in which light and shade "
            f"are spread over it."
        ),
        (
            f"Please write an extensive essay on this picture, whose colours are led by {palette}, and take the reader "
            f"through it part by part."
        ),
    )[choice]


def _request_zh(pages: Sequence[Page], choice: int) -> str:
    looks = [phrases.look_slots(page.look, "zh") for page in pages]
    titles = [short(page.title, "zh") for page in pages if page.title and not page.is_photo]
    if len(pages) > 1:
        if titles:
            about = f"从“{titles[0]}”到“{titles[-1]}”" if len(titles) > 1 else f"其中包括“{titles[0]}”"
            return f"请结合全部图片写一篇长文，{about}，逐一说明每张图片的内容，并比较它们各自的讲法。"
        colours = "、".join(dict.fromkeys(look["colour"] for look in looks))
        return f"请结合全部图片写一篇长文，从主要色彩（{colours}）、光线和构图几个方面深入比较它们。"
    look = looks[0]
    if titles:
        return (
            f"请围绕这一页写一篇详细的长文，页面上写着“{titles[0]}”，请把其中的每一个要点都讲清楚。",
            f"请用通顺的文字详细讲解这一页关于“{titles[0]}”的内容，逐条展开，不要遗漏。",
            f"请以这一页为依据，从“{titles[0]}”写起，写一篇内容充实的长文。",
        )[choice]
    palette = "和".join(look[name] for name in ("colour", "colour2") if name in look)
    return (
        f"请为这幅以{palette}为主的{look['format']}画面写一篇长文，细致地描写它的光线、色彩和布局。",
        f"请详细描写这幅{look['format']}画面，从它的{palette}写到明暗的分布。",
        f"这幅画面以{palette}为主，请写一篇内容充实的文章，带读者把它的各个部分看一遍。",
    )[choice]
