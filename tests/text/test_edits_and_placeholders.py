"""The edit distance is Levenshtein's; placeholders are found, and what only looks like one is not."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.text.edit_distance import edit_distance
from resources.text.placeholders import placeholders

items = st.lists(st.sampled_from("abcd"), max_size=20)


def by_the_table(one: list[str], other: list[str]) -> int:
    row = list(range(len(other) + 1))
    for count, left in enumerate(one, 1):
        before, row = row, [count]
        for at, right in enumerate(other):
            row.append(min(before[at + 1] + 1, row[-1] + 1, before[at] + (left != right)))
    return row[-1]


@given(items, items)
def test_it_is_levenshteins(one: list[str], other: list[str]) -> None:
    assert edit_distance(one, other) == by_the_table(one, other)


def test_two_texts_of_thousands_of_words_take_no_time() -> None:
    one, other = [f"a{at % 977}" for at in range(5000)], [f"a{at % 911}" for at in range(5000)]
    start = time.process_time()
    assert edit_distance(one, other) > 500
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("On [insert date here] it began, says [Your Name].", ["[insert date here]", "[Your Name]"]),
        ("TODO: more. Lorem ipsum dolor.", ["TODO", "Lorem ipsum"]),
        ("Dear {{name}}, see ${link}.", ["{{name}}", "${link}"]),
        ("And so on.\n\n[continued in the next part]", ["[continued in the next part]"]),
        ("[The rest of the script follows the same pattern]", ["[The rest of the script follows the same pattern]"]),
        (
            "此处插入图片。（待补充）【请填写姓名】（以下省略）",
            ["此处插入", "（待补充）", "【请填写姓名】", "（以下省略）"],
        ),
        ("XX公司在XXX年。", ["XX", "XXX"]),
        ("See [figure 3](https://example.org) and the XX century, a to-do list, `TODO` and ```\n{{slot}}\n```", []),
        ("An array a[0] and an [aside] in brackets (continuous)。（见图）他待人很好，请看左边。", []),
    ],
)
def test_what_is_left_to_be_filled_in_is_found(text: str, found: list[str]) -> None:
    assert placeholders(text) == found
