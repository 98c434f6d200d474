"""A shard of decks whose segments are plausible, for signals: tables and ledger rows as the factory writes them."""

import random
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from assets.corrected_segments.critic import corrected_row
from assets.corrected_segments.schema import CORRECTED_SEGMENTS
from assets.long_outputs.schema import LONG_OUTPUTS, LongOutput
from assets.segments.schema import SEGMENTS, Segment
from assets.segments.splitter import split_output
from assets.source_images.schema import SOURCE_IMAGES, Page
from resources.ledger import Ledger, Record
from resources.store import Store
from resources.text.headings import SEPARATOR, page_heading
from resources.text.words import count_words
from testing.rows import chinese, english, page, written

PAGES = 16
WORDS = 160  # of a page
NAMES = [
    "Lisbon",
    "Kepler",
    "Marconi",
    "Geneva",
    "Tesla",
    "Quito",
    "Darwin",
    "Oslo",
    "Noether",
    "Kyoto",
    "Turing",
    "Bergen",
    "Curie",
    "Hanoi",
    "Gauss",
    "Lima",
]
ZH_NAMES = [
    "里斯本",
    "开普勒",
    "马可尼",
    "日内瓦",
    "特斯拉",
    "基多",
    "达尔文",
    "奥斯陆",
    "诺特",
    "京都",
    "图灵",
    "卑尔根",
    "居里",
    "河内",
    "高斯",
    "利马",
]


def lines_of(document: int, number: int, language: str) -> list[str]:
    """What stands on a page: a title, and three lines with a name or a number."""
    draw = random.Random(f"page {document} {number}")
    some = [draw.randint(101, 99_999) for _ in range(2)]
    if language == "zh":
        return [
            chinese(f"title {document} {number}", 8).strip("。"),
            f"{draw.choice(ZH_NAMES)}一共记录了{some[0]}次",
            f"增长了{draw.randint(11, 99)}%，达到{some[1]:,}台",
            chinese(f"line {document} {number}", 14).strip("。"),
        ]
    return [
        english(f"title {document} {number}", 5).strip("."),
        f"{draw.choice(NAMES)} recorded {some[0]} journeys",
        f"A growth of {draw.randint(11, 99)}% to {some[1]:,} engines",
        english(f"line {document} {number}", 9).strip("."),
    ]


def text_of(document: int, number: int, language: str) -> str:
    """A segment on the page, with its heading; some of them with small oddities that are no errors.

    Of seven pages one mentions a number of the page before; of five one names what is not there; of six one is a
    quarter longer than planned; of nine one leaves half of the page out.
    """
    place = document * PAGES + number
    lines = lines_of(document, number, language)
    if place % 9 == 0:
        lines = lines[:2]
    if place % 7 == 0 and number > 1:
        lines.append(lines_of(document, number - 1, language)[1])
    draw = english if language == "en" else chinese
    words = WORDS * (5 if place % 6 == 0 else 4) // 4 - sum(map(count_words, lines))
    paragraphs = [f"{line}{'。' if language == 'zh' else '.'}" for line in lines]
    for at, line in enumerate(paragraphs):
        paragraphs[at] = (
            f"{line}{' ' if language == 'en' else ''}{draw(f'{document} {number} {at}', words // len(lines))}"
        )
    if place % 5 == 0:
        paragraphs.append(
            "接着他们用Fortran算了一遍。" if language == "zh" else "Then they asked Wittgenstein for help."
        )
    return SEPARATOR.join([f"## {page_heading(number, language)}", *paragraphs])


def make_signal_shard(
    store: Store,
    shard: str,
    documents: int,
    language: str = "en",
    change: Mapping[tuple[int, int], Callable[[str], str]] | None = None,
    corrected: Mapping[tuple[int, int], Callable[[str], str]] | None = None,
) -> None:
    """The tables that signals read, and the ledger rows of their calls. Documents alternate between the sft and the
    preference split; every tenth page of the latter was edited by the critic.

    change: (document, page) -> what is done to the text that was written; corrected: … to what the critic gave.
    """
    pages, outputs, fixed, calls = list[Page](), list[LongOutput](), list[Any](), list[str]()
    for document in range(documents):
        made = _output(document, language, change or {})
        outputs.append(made)
        for number, image in enumerate(made["images"], 1):
            text = "\n".join(lines_of(document, number, language))
            pages.append(page(made["document_id"], image, made["split"], text=text, number=number))
        calls += [section["call_id"] for section in made["sections"]]
        if made["split"] == "preference":
            fixed += [_corrected(segment, document, corrected or {}) for segment in split_output(made)]
    calls += [row["call_id"] for row in fixed]
    store.write_table(SOURCE_IMAGES, shard, pages)
    store.write_table(LONG_OUTPUTS, shard, outputs)
    store.write_table(SEGMENTS, shard, (segment for made in outputs for segment in split_output(made)))
    store.write_table(CORRECTED_SEGMENTS, shard, fixed)
    ledger = Ledger.at(store.home)
    for call in calls:
        ledger.put(_record(call))
    ledger.close()


def _output(document: int, language: str, change: Mapping[tuple[int, int], Callable[[str], str]]) -> LongOutput:
    document_id = sha256(f"signals {document}".encode()).hexdigest()[:16]
    texts = [change.get((document, number), str)(text_of(document, number, language)) for number in range(1, PAGES + 1)]
    sections: list[Any] = [
        {
            "index": index,
            "heading": page_heading(index + 1, language),
            "target_words": WORDS,
            "text": text,
            "words": count_words(text),
            "pages": [index + 1],
            "call_id": sha256(f"write {document} {index}".encode()).hexdigest(),
        }
        for index, text in enumerate(texts)
    ]
    images = [sha256(f"image {document} {number}".encode()).hexdigest() for number in range(PAGES)]
    return written(
        f"{document_id}-deck",
        SEPARATOR.join(texts),
        images,
        document_id=document_id,
        kind="deck",
        split="preference" if document % 2 else "sft",
        language=language,
        sections=sections,
        request="Write a lecture script." if language == "en" else "写一份讲稿。",
    )


def _corrected(segment: Segment, document: int, corrected: Mapping[tuple[int, int], Callable[[str], str]]) -> Any:
    number = segment["index"] + 1
    text, call = segment["text"], sha256(f"correct {segment['segment_id']}".encode()).hexdigest()
    if (document * PAGES + number) % 10 == 0:
        text = text.replace(" the ", " a ", 2).replace("的", "之", 2)
    text = corrected.get((document, number), str)(text)
    return corrected_row(segment, {"errors": ["incoherent"], "reason": "Better.", "text": text}, "critic-1", call)


def _record(call: str) -> Record:
    return Record(
        call,
        "teacher",
        "writer-1",
        "http://localhost/v1",
        "write-1",
        "",
        "",
        "ok",
        "",
        "",
        "stop",
        900,
        0,
        100,
        0.01,
        1,
        0,
    )
