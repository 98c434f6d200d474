"""Properties of the rules that clean texts: they settle, fail for no text, empty none, and take linear time."""

import time
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from resources.text.echo import echoes, has_words
from resources.text.manners import clean_correction, clean_request, clean_section
from resources.text.refusals import is_refusal
from resources.text.thoughts import PASSES, model_markup, without_thoughts
from resources.text.typography import same_but_for_typography

MARKS = (
    "<think>", "</think>", "<thinking>", "</thinking>", "[THINK]", "[/THINK]", "◁think▷", "◁/think▷", "<s>", "</s>",
    "[INST]", "[/INST]", "<|im_start|>assistant\n", "<|im_start|>user\n", "<|im_end|>", "<|endoftext|>", "<answer>",
    "</answer>", "<|channel|>analysis<|message|>", "<|end|>", "<|start|>assistant<|channel|>final<|message|>",
    "analysis",
    "assistantfinal", "<｜end▁of▁sentence｜>", "<|begin_of_box|>", "<thi", "nk>", "<|", "|>", "`", "```", "\n```\n",
)  # fmt: skip
SAID = (
    "Sure! ", "Here is the script:", "Here's a request: ", "好的，以下是第2页的讲稿：", "**Request:** ", "请求：",
    "\n\n",
    "## Slide 2", "Slide 2", "# Title", "Let me know if you need changes.", "I hope this helps!", "希望这对您有帮助。",
    "“", "”", '"', "(Word count: 9)", "The river is long.", "河很长。", "I'm sorry, but I can't help with that.",
    "\n", " ", "---", "> ", "1. ",
)  # fmt: skip
texts = st.lists(st.one_of(st.sampled_from(MARKS + SAID), st.text(max_size=8)), max_size=14).map("".join)
plain = st.text(st.characters(codec="utf-8", exclude_characters="<[◁`"), max_size=200).filter(
    lambda text: not text.lstrip().startswith("analysis") and "assistant" not in text and "thought process" not in text
)
cleaners: list[Callable[[str], str]] = [
    lambda text: without_thoughts(text).text,
    clean_request,
    lambda text: clean_section(text, "Slide 2"),
    lambda text: clean_section(text, "第2页"),
    lambda text: clean_correction(text, "The river is short."),
]


@settings(max_examples=300, deadline=None)
@given(texts)
@example("<thi<think>a</think>nk>b</think>")
@example("<think>" * PASSES + "a")
@example("Sure! " * 20)
@example("```\n<think>\na\n</think>\nb\n```")
def test_cleaning_settles_and_never_fails(text: str) -> None:
    for clean in cleaners:
        once = clean(text)
        assert clean(once) == once
        assert model_markup(once) == ""
    assert is_refusal(text) in (True, False)
    assert same_but_for_typography(text, text)


@settings(max_examples=200, deadline=None)
@given(plain)
def test_a_text_without_a_mark_has_no_thoughts(text: str) -> None:
    assert without_thoughts(text) == (text, "", False)
    assert model_markup(text) == ""


@settings(max_examples=200, deadline=None)
@given(texts)
def test_manners_alone_never_empty_a_text(text: str) -> None:
    if any(map(str.isalnum, without_thoughts(text).text)):
        assert all(any(map(str.isalnum, clean(text))) for clean in cleaners[1:])


LENGTH = 8_000  # characters; what is not linear shows in a text of five times that


@pytest.mark.parametrize(
    "piece",
    [*MARKS, *SAID, "<think> and </think> ", "[INST] a b c d [/INST]", "\n\n## A", "，因此", "I can't ", "any the "],
)
def test_cleaning_is_linear_in_a_text_of_anything(piece: str) -> None:
    """CPU seconds, the best of three: quadratic work would take 25 times as long."""

    def seconds(work: Callable[[str], object], length: int) -> float:
        took = []
        for less in range(3):  # another text each time: some answers are kept
            text = (piece * (length // len(piece) + 1))[: length - less]
            began = time.process_time()
            work(text)
            took.append(time.process_time() - began)
        return min(took)

    for work in (*cleaners, is_refusal, lambda text: same_but_for_typography(text, f"{text}a")):
        assert seconds(work, 5 * LENGTH) < 12 * seconds(work, LENGTH) + 0.05


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("“It’s here”—he said…", '"It\'s here" -- he said...'),
        ("A line. \nAnother one.\n", "A line.\nAnother one."),
        ("caf\u00e9", "cafe\u0301"),
        ("水位很高，因此停航。", "水位很高,因此停航."),
        ("他用AI写作", "他用 AI 写作"),
        ("1990–1995", "1990-1995"),
        ("a\u00a0b", "a b"),
    ],
)
def test_typography_alone_is_no_difference(one: str, other: str) -> None:
    assert same_but_for_typography(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("It is long.", "It is short."),
        ("In 1935", "In 1936"),
        ("m²", "m2"),
        ("A b.", "a b."),
        ("河很长。", "河很短。"),
        ("3.5", "35"),
    ],
)
def test_any_other_letter_is_one(one: str, other: str) -> None:
    assert not same_but_for_typography(one, other)


def test_a_prompt_is_known_again_and_a_request_that_shares_a_phrase_is_none() -> None:
    prompt = "Rewrite this request so that it fits these slides: name their subject and who the text is for. $request"
    assert echoes("Rewrite this request so that it fits these slides: name their subject.", [prompt])
    assert not echoes("Write a guide to these slides: name their subject and who found it, page by page.", [prompt])
    assert not echoes("Write.", [prompt])
    assert [has_words(text) for text in ("!!!!", "……", "2. 3", "Go.", "写")] == [False, False, False, True, True]
