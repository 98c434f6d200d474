"""JSON is found in whatever a model writes around it, in bounded time, and nothing that a model writes is an error."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.text.json_objects import DEEPEST, json_objects, json_values

GOOD = '{"a": [1, {"b": "x"}], "text": "braces } and { in it"}'
FOUND = {"a": [1, {"b": "x"}], "text": "braces } and { in it"}
HOSTILE = {
    "braces": "{",
    "brackets": "[",
    "quotes": '["',
    "strings with brackets": '["{[',
    "keys": '{"a":',
    "deep lists": "[" * 90 + "1,",
    "lists of nothing": "[],",
    "closed lists in open ones": "[[],",
    "escapes": '["\\',
    "one long string": "[" * 50 + '"a',
    "white space": "{ \n",
    "numbers": "[1" + "1" * 50,
}


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"```json\n{GOOD}\n```",
        f'<think>I think of {{1, 2}} and "quotes {{" and [this].</think>\n{GOOD}',
        f'The form is {{"a": [the list], "text": "…"}}. So:\n{GOOD}\nI hope [1] this {{helps}}.',
        f'{{"a": [2, {{"c": 1}} {GOOD}',
        f'{{"a: {GOOD}',
        f"[{GOOD}",
        f'{{"wrapped": {GOOD}}}',
        f"[{GOOD}]",
        "{{" + GOOD + "}}",
    ],
)
def test_the_object_is_found_whatever_stands_around_it(text: str) -> None:
    assert FOUND in list(json_objects(text))


def test_the_last_one_comes_first_and_an_outer_one_before_those_in_it() -> None:
    text = '{"n": 1} and {"n": 2, "in": [{"n": 3}, {"n": 4}]} and [{"n": 5}] and {"n": 6'
    assert [found["n"] for found in json_objects(text)] == [5, 2, 4, 3, 1]
    assert list(json_values("[1, 2] then [3]")) == [[3], [1, 2]]


def test_raw_line_ends_and_escapes_that_json_does_not_have_are_tolerated() -> None:
    assert list(json_values('{"text": "one\ntwo\tthree"}')) == [{"text": "one\ntwo\tthree"}]
    assert list(json_values(r'{"text": "\alpha \\beta \"x\" \u00e9"}')) == [{"text": '\\alpha \\beta "x" é'}]


def test_half_a_surrogate_pair_becomes_a_character_that_can_be_stored() -> None:
    (found,) = json_objects(r'{"text": "\ud83d\ude00 \ud83d", "\udc00": ["\ud800"]}')
    assert found == {"text": "😀 �", "�": ["�"]}
    json.dumps(found, ensure_ascii=False).encode()


@pytest.mark.parametrize("text", ["", "{}x"[1:], "[", "{'a': 1}", '{"a": 1', '{"a" 1}', "[01, x]", f"[{'9' * 5000}]"])
def test_what_is_no_complete_json_is_passed_over(text: str) -> None:
    assert list(json_values(text)) == []


def test_what_is_nested_deeper_than_any_answer_is_passed_over() -> None:
    assert len(list(json_objects('{"a":' * DEEPEST + "1" + "}" * DEEPEST))) == DEEPEST
    assert list(json_objects('{"a":' * 10 * DEEPEST + '[{"b": x}]' + "}" * 10 * DEEPEST)) == []


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
def test_a_megabyte_of_hostile_text_takes_time_in_proportion(piece: str) -> None:
    def seconds(size: int) -> float:
        text = (piece * (size // len(piece) + 1))[:size]
        began = time.process_time()
        for _ in json_objects(text):
            pass
        return time.process_time() - began

    seconds(1000)
    assert seconds(1_000_000) < 40 * max(seconds(50_000), 0.01)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(
    st.dictionaries(st.text(), values, max_size=4), st.booleans(), st.sampled_from(["", "Here: ", "```json\n", "{ "])
)
def test_any_object_is_read_as_pythons_own_reader_does(value: dict[str, object], plain: bool, before: str) -> None:
    text = before + json.dumps(value, ensure_ascii=plain) + " {that is all}"
    assert list(json_values(text)) == [value]


@given(st.text(alphabet='{}[]",:\\ \n01truenlfas-.e/uD8', max_size=60))
def test_no_text_is_an_error_and_what_pythons_reader_takes_whole_is_found(text: str) -> None:
    found = list(json_values(text))
    try:
        whole = json.loads(text, strict=False)
    except ValueError:
        return
    if isinstance(whole, dict | list):
        assert found == [whole] or "\\u" in text
