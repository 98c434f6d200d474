"""What an HTTP answer means, whatever JSON a server sends: an answer, or one clear failure and no other exception."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.engine.answers import NO_TOKENS, Answer, TokenUsage, read_answer, read_usage
from resources.json_types import Json

GOOD: dict[str, Any] = {
    "choices": [{"message": {"role": "assistant", "content": "A text."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4}},
}
leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
names = st.sampled_from(["choices", "message", "content", "refusal", "finish_reason", "usage", "prompt_tokens"])
anything = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4))


def test_a_chat_completion_is_read_with_its_tokens() -> None:
    assert read_answer(GOOD) == Answer("ok", "", "A text.", "stop")
    assert read_usage(GOOD) == TokenUsage(prompt=10, cached=4, completion=5)


@pytest.mark.parametrize(
    "body",
    [
        None,
        "text",
        [],
        {},
        {"choices": []},
        {"choices": [None]},
        {"choices": [{"text": "an old completion"}]},
        {"choices": [{"message": {"content": [{"type": "text", "text": "parts"}]}}]},
        {"choices": [{"message": {"content": "A text.", "refusal": {"why": "no"}}}]},
    ],
)
def test_json_of_another_form_is_no_chat_completion(body: Json) -> None:
    with pytest.raises(ValueError, match=r"choices\[0\]\.message|not a string"):
        read_answer(body)


@pytest.mark.parametrize(
    ("usage", "found"),
    [
        (None, NO_TOKENS),
        ([1], NO_TOKENS),
        ({"prompt_tokens": 7}, TokenUsage(7, 0, 0)),
        ({"prompt_tokens": 7.0, "completion_tokens": None, "prompt_tokens_details": []}, TokenUsage(7, 0, 0)),
        ({"prompt_tokens": float("nan"), "completion_tokens": float("inf")}, NO_TOKENS),
    ],
)
def test_tokens_that_a_server_does_not_count_are_none(usage: Json, found: TokenUsage) -> None:
    assert read_usage({**GOOD, "usage": usage}) == found


@given(anything)
def test_no_json_raises_anything_else(body: Any) -> None:
    assert all(count == int(count) for count in read_usage(body))
    try:
        answer = read_answer(body)
    except ValueError:
        return
    assert answer.status in ("ok", "refused", "filtered", "truncated", "empty")
