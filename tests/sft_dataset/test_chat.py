"""General chat is drawn line by line: bad lines are counted and named, and nothing of the file stays in memory."""

import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from assets.quality.gate import GateClosedError
from assets.sft_dataset.general_chat import draw_chat, read_exchange
from assets.sft_dataset.keep import Reason, written_language
from assets.sft_dataset.student_budget import TokenBudget
from resources.recipe.model import Mix, Training

BUDGET = TokenBudget("tiny", Training())  # leaves nothing out


def line(*turns: tuple[str, str]) -> str:
    return json.dumps({"messages": [{"role": role, "content": content} for role, content in turns]})


def exchange(number: int) -> str:
    return line(("user", f"Question {number}?"), ("assistant", f"Answer {number}."))


def draw(path: Path, rows: int, seed: int = 42):
    return draw_chat(Mix(chat=path, chat_rows=rows, seed=seed), lambda text: None, BUDGET)


def test_bad_lines_are_counted_with_their_numbers_and_good_ones_become_rows(tmp_path: Path) -> None:
    path = tmp_path / "chat.jsonl"
    path.write_text(
        "\n".join(
            [
                exchange(1),
                "no json",
                "",
                '{"messages": []}',
                '{"text": "x"}',
                line(("user", "Only a question")),
                line(("assistant", "Hm"), ("user", "x")),
                line(("user", "a"), ("assistant", " ")),
                '{"messages": [{"role": "user"}]}',
                "[1]",
                line(
                    ("system", "Be kind."),
                    ("user", "Hello"),
                    ("assistant", "你好，我很高兴见到你"),
                    ("user", "More"),
                    ("assistant", "Later"),
                ),
            ]
        ),
        encoding="utf-8",
    )
    chat = draw(path, 5)
    assert chat.report() == {
        "file": "chat.jsonl",
        "rows": 2,
        "good_lines": 2,
        "bad_lines": 8,
        "bad_line_numbers": [2, 4, 5, 6, 7, 8, 9, 10],
        "in_benchmark": 0,
        "over_budget": 0,
    }
    first, second = chat.rows()
    assert first == {
        "id": "chat-1",
        "messages": [{"role": "user", "content": "Question 1?"}, {"role": "assistant", "content": "Answer 1."}],
        "images": [],
        "language": "en",
        "kind": "chat",
        "required_words": None,
        "words": 1,
        "author": "chat:chat.jsonl",
    }
    assert [turn["content"] for turn in second["messages"]] == ["Be kind.\n\nHello", "你好，我很高兴见到你"]
    assert (second["language"], second["words"]) == ("zh", 9)


def test_a_line_that_no_table_can_hold_or_that_nests_without_end_is_a_bad_one(tmp_path: Path) -> None:
    path = tmp_path / "chat.jsonl"
    half = line(("user", "Half a character: \ud83d"), ("assistant", "Yes."))
    path.write_text("\n".join([exchange(1), half, "[" * 200_000, exchange(4)]))
    chat = draw(path, 5)
    assert (chat.lines, chat.bad) == ({1, 4}, [2, 3])


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 60), st.integers(1, 60), st.integers(0, 60))
def test_just_as_many_lines_are_drawn_as_are_asked_and_more_lines_change_few(
    tmp_path_factory, old: int, rows: int, more: int
) -> None:
    path = tmp_path_factory.mktemp("chat") / "chat.jsonl"
    path.write_text("\n".join(map(exchange, range(old))))
    before = draw(path, rows).lines
    path.write_text("\n".join(map(exchange, range(old + more))))
    after = draw(path, rows)
    assert len(before) == min(old, rows)
    assert len(list(after.rows())) == len(after.lines) == min(old + more, rows)
    assert {number for number in after.lines if number <= old} <= before


def test_another_seed_draws_other_lines(tmp_path: Path) -> None:
    path = tmp_path / "chat.jsonl"
    path.write_text("\n".join(map(exchange, range(200))))
    assert draw(path, 50, seed=1).lines != draw(path, 50, seed=2).lines


def test_an_answer_of_the_benchmark_is_not_drawn_and_another_takes_its_place(tmp_path: Path) -> None:
    path = tmp_path / "chat.jsonl"
    path.write_text("\n".join(map(exchange, range(20))))
    chat = draw_chat(
        Mix(chat=path, chat_rows=19), lambda text: Reason("in_benchmark", "") if text == "Answer 3." else None, BUDGET
    )
    assert len(chat.lines) == 19
    assert 4 not in chat.lines
    assert chat.report()["in_benchmark"] == 1


def test_a_missing_file_is_one_sentence_that_names_the_field(tmp_path: Path) -> None:
    with pytest.raises(
        GateClosedError, match=r"nowhere\.jsonl \(mix\.chat of the recipe\) cannot be read: No such file"
    ):
        draw(tmp_path / "nowhere.jsonl", 5)


def test_rows_without_a_file_are_refused_by_the_recipe_and_a_file_without_rows_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="name a JSONL file in chat"):
        Mix(chat_rows=5)
    assert not draw(tmp_path / "nowhere.jsonl", 0).lines


def test_a_large_file_is_never_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "chat.jsonl"
    with path.open("w") as file:
        for number in range(3000):
            file.write(line(("user", f"{number}" * 100), ("assistant", f"word {number} " * 500)) + "\n")
    size = path.stat().st_size
    written_language("a word of many letters " * 50)  # loads its model, which is no part of the file
    tracemalloc.start()
    chat = draw(path, 10)
    assert sum(1 for _ in chat.rows()) == 10
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < size / 10


@given(st.binary())
def test_no_line_breaks_the_reader(raw: bytes) -> None:
    read_exchange(raw)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | (st.dictionaries(st.sampled_from(["messages", "role", "content"]), inner)),
    )
)
def test_no_json_breaks_the_reader(value) -> None:
    read_exchange(json.dumps(value).encode())
