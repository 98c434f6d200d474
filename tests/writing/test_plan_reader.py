"""Plans are read in the forms in which models write them, and prose that mentions sections is none."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.long_outputs.outline import PlannedSection
from assets.long_outputs.plan_reader import parse_plan

BRIDGE, RIVER = (
    '{"point": "The bridge", "words": 300, "pages": [1]}',
    '{"point": "The river", "words": 200, "pages": [2, 3]}',
)
ASKED = f'{{"sections": [{BRIDGE}, {RIVER}]}}'
FORMS = {
    "as asked": ASKED,
    "fenced": f"```json\n{ASKED}\n```",
    "after thoughts with braces": f"<think>Pages {{1, 2}} first, [maybe].</think>The plan:\n{ASKED}\nShall I go on?",
    "spread over lines": json.dumps(json.loads(ASKED), indent=2),
    "a bare list": json.dumps(json.loads(ASKED)["sections"]),
    "wrapped": f'{{"plan": {ASKED}, "total": 500}}',
    "other names": '{"outline": [{"title": "The bridge", "word_count": 300, "page": 1}, '
    '{"title": "The river", "word_count": "200 words", "page": "2-3"}]}',
    "camel case and strings": '[{"section": 1, "mainPoint": "The bridge", "wordCount": "about 300", "pages": "1"}, '
    '{"section": 2, "mainPoint": "The river", "wordCount": "200", "pageNumbers": ["2", "3"]}]',
    "sections by name": '{"section_1": {"heading": "B", "main_point": "The bridge", "words": 300.0, "pages": [1]}, '
    '"section_2": {"heading": "R", "main_point": "The river", "words": 200, "pages": [2, 3]}}',
    "an object a line": f"{BRIDGE}\n{RIVER}",
    "json without its end": ASKED[:-2],
    "lines": "Section 1 - Main Point: The bridge - Word Count: 300 - Pages: 1\n"
    "Section 2 - Main Point: The river - Word Count: 200 - Pages: 2, 3",
    "bold labels": "**Section 1** - **Main Point:** The bridge - **Word Count:** 300 words - **Pages:** [1]\n"
    "**Section 2** - **Main Point:** [The river] - **Word Count:** [200] - **Pages:** [2, 3]",
    "paragraphs": "Paragraph 1 – Main Point: The bridge – Word Count: ~300 – Pages: 1\n\n"
    "Paragraph 2 – Main Point: The river – Word Count: approx. 200 – Pages: 2-3",
    "a numbered list": "1. The bridge (300 words, page 1)\n2. The river (200 words, pages 2-3)",
    "a numbered list with dashes": "1) The bridge - 300 words - page 1\n2) The river - about 200 words - pages 2 and 3",
    "a numbered list after an introduction": "I would plan 2 sections:\n\n1. **The bridge**: ~300 words (page 1)\n"
    "2. **The river**: 200 words (pages 2, 3)\n\nTotal: 500 words",
    "fields under a number": "1. The bridge\n   - Word count: 300\n   - Pages: 1\n"
    "2. The river\n   - Word count: 200\n   - Pages: 2, 3",
    "fields under a heading": "### Section 1\n- **Main Point**: The bridge\n- **Words**: 300\n- **Pages**: 1\n\n"
    "### Section 2\n- **Main Point**: The river\n- **Words**: 200\n- **Pages**: 2–3",
    "fields alone": "Main Point: The bridge\nWord Count: 300\nPages: 1\n\n"
    "Main Point: The river\nWord Count: 200\nPages: 2, 3",
    "a table": "| # | Main Point | Word Count | Pages |\n|---|:---|---:|---|\n| 1 | The bridge | 300 | 1 |\n"
    "| 2 | The river | ~200 | 2-3 |\n| | **Total** | 500 | |",
    "a table of slides": "Slide | Topic | Words (approx.)\n---|---|---\n1 | The bridge | 300\n2, 3 | The river | 200",
    "bullets": "- The bridge: 300 words, page 1\n- The river: 200 words, pages 2 & 3\n- Total: 500 words",
    "bullets with stars": "* The bridge (300 words; page 1)\n* The river (200 words; pages 2-3)",
    "headings": "## The bridge (300 words, page 1)\nHow it was built.\n"
    "## The river (200 words, pages 2-3)\nWhere it goes.",
    "chinese lines": "第1节 - 主要内容：The bridge - 字数：300 - 页码：1\n"
    "第2节 - 主要内容：The river - 字数：200字 - 页码：2、3",
    "chinese lines without spaces": "第一段-主要内容：The bridge-字数：约300字-页码：第1页\n"
    "第二段-主要内容：The river-字数：约200字-页码：2-3",
    "a chinese list": "一、The bridge（约300字，第1页）\n二、The river（200字左右，第2-3页）",
    "a chinese table": "| 序号 | 主要内容 | 字数 | 页码 |\n|--|--|--|--|\n| 1 | The bridge | 300 | 1 |\n"
    "| 2 | The river | 200字 | 第2、3页 |",
    "chinese json": '{"章节": [{"标题": "The bridge", "字数": "300字", "页码": "第1页"}, '
    '{"标题": "The river", "字数": 200, "页码": [2, 3]}]}',
    "ranges of words": "Section 1: The bridge - 280-320 words - Page 1\n"
    "Section 2: The river - 150 to 250 words - Pages 2-3",
}
PLAN = [PlannedSection(1, "The bridge", 300, (1,)), PlannedSection(2, "The river", 200, (2, 3))]
SLIDES = {
    "slides": "Slide 1 — The bridge (300 words)\nSlide 2 — The river (200 words)",
    "slides with colons": "Slide 1: The bridge, 300 words\nSlide 2: The river, 200 words",
    "numbered slides": "1. **Slide 1: The bridge** – 300 words\n2. **Slide 2: The river** – 200 words",
    "slides of how many": "Page 1 of 2 - The bridge - Words: 300\nPage 2 of 2 - The river - Words: 200",
    "chinese pages": "第1页：The bridge（300字）\n第2页：The river（约200字）",
}


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_a_plan_is_read_in_every_form_that_models_write(text: str) -> None:
    assert parse_plan(text) == PLAN


@pytest.mark.parametrize("text", SLIDES.values(), ids=SLIDES)
def test_the_number_of_a_slide_is_its_page(text: str) -> None:
    assert [(section.point, section.words, section.pages) for section in parse_plan(text)] == [
        ("The bridge", 300, (1,)),
        ("The river", 200, (2,)),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Section 3 is about bridges.\nI would write 200 words.",
        "Section 2 (300 words) would then cover the bridge.",
        "Section 3 is about bridges, 300 words.",
        "First I would look at everything, then write.",
        "1. first this, 2. then that",
        "1. Look at the pages.\n2. Write 300 words about each of them.",
        "In section 1 (300 words) I would speak of the bridge.",
        "## Slide 1\n\nThe plaque on the bridge has 200 words.\n\n## Slide 2\n\nIt was built in 1931, of 3,000 stones.",
        "1. The bridge\nLength: 300 m\n2. The river\nLength: 1,240 km",
        "The plan is 500 words long, on pages 1 and 2.",
        "- 300 words\n- page 1",
        '{"errors": [], "reason": "fine", "text": "300 words"}',
        "[1, 2, 3]",
        '{"sections": []}',
        '{"sections": [{"point": "The bridge", "pages": [1]}]}',
        '{"sections": [{"point": "", "words": 300, "pages": [1]}]}',
        '{"sections": ["The bridge", "The river"]}',
        '{"point": "The bridge", "words": true, "pages": [1]}',
        "| Year | Bridge |\n|--|--|\n| 1931 | 300 words |",
        "第3节讲桥梁，共写两百字。",
        "Total: 500 words",
        f"Section 1 - Main Point: a - Word Count: {'9' * 5000} - Pages: 1",
        f"Section 1 - Main Point: a - Word Count: {'9' * 12} - Pages: 1",
        '{"sections": [{"point": "a", "words": 1e999, "pages": [1]}]}',
        f'{{"sections": [{{"point": "a", "words": {"9" * 4000}, "pages": [1]}}]}}',
        '{"a":' * 5000 + "}",
    ],
)
def test_prose_that_mentions_sections_and_what_has_no_words_is_no_plan(text: str) -> None:
    assert parse_plan(text) == []


def test_a_number_is_a_point_where_it_is_called_one() -> None:
    (year, titled) = parse_plan(
        '{"sections": [{"point": "2021", "words": 90, "pages": [1]}, '
        '{"section": "2", "title": "The bridge", "words": 90, "pages": [2]}]}'
    )
    assert (year.point, titled.point) == ("2021", "The bridge")


def test_a_point_may_name_a_section_hold_colons_and_numbers() -> None:
    (first, second) = parse_plan(
        "Section 1 - Main Point: What Section 3 of the law says: 3,000 stones - Word Count: 1,200 - Pages: 1\n"
        "2. The 39 steps, and why (page 2, 200 words)"
    )
    assert (first.point, first.words) == ("What Section 3 of the law says: 3,000 stones", 1200)
    assert (second.point, second.words, second.pages) == ("The 39 steps, and why", 200, (2,))


@pytest.mark.parametrize(
    "piece",
    [
        "Section 1 - ",
        "1. The bridge (300 words, page 1)\n",
        "| a | words | point |",
        "| words | point |\n",
        "Main Point: ",
        "Words: 3\n",
        "- (",
        "1, 2, 3, ",
        "about about ",
        "第1节",
        "{",
        '{"point": "a", "words": 3}',
        "300 words, ",
        " - - - ",
        "::::",
        "# a\n",
        "1. a\nWords: 3\n",
    ],
)
def test_a_megabyte_of_hostile_text_takes_time_in_proportion(piece: str) -> None:
    def seconds(size: int) -> float:
        text = (piece * (size // len(piece) + 1))[:size]
        began = time.process_time()
        parse_plan(text)
        return time.process_time() - began

    seconds(1000)
    assert seconds(1_000_000) < 40 * max(seconds(50_000), 0.01)


@given(st.text(alphabet='{}[]",:\n |-–—*#.()0123456789 words page Section第节页字，：', max_size=80))
def test_no_text_is_an_error(text: str) -> None:
    for number, section in enumerate(parse_plan(text), 1):
        assert section.index == number and section.point


points = st.one_of(st.text(min_size=1).filter(lambda text: text.strip() != ""), st.sampled_from(["2021", "7", "１"]))


@given(st.lists(st.tuples(points, st.integers(1, 10_000)), min_size=1, max_size=5))
def test_what_is_asked_for_is_read_whatever_its_points_say(sections: list[tuple[str, int]]) -> None:
    plan = {"sections": [{"point": point, "words": words, "pages": [1]} for point, words in sections]}
    read = parse_plan(json.dumps(plan, ensure_ascii=False))
    assert [(section.point, section.words) for section in read] == [(point.strip(), words) for point, words in sections]
