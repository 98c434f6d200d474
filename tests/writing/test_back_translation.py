"""A length that is stated afterwards is one that people state, and the text is scored against that."""

from pathlib import Path
from typing import Any

import pytest

from assets.long_outputs.back_translation import stated
from assets.long_outputs.writer import write_document
from assets.long_outputs.writing_tally import WritingTally
from resources.endpoints import Endpoint
from resources.engine import ModelEngine, run
from resources.ledger import Ledger
from resources.recipe.model import Writing
from resources.text.length_score import length_score
from testing.engine.server import answer_text
from testing.engine.writing import example
from testing.openai_server import scripted_server
from testing.rows import english, written


@pytest.mark.parametrize(
    ("words", "people_say"),
    [
        (1, 10),
        (24, 20),
        (88, 90),
        (99, 100),
        (131, 150),
        (815, 800),
        (837, 850),
        (999, 1000),
        (1049, 1000),
        (2345, 2300),
        (4990, 5000),
        (5263, 5500),
        (9876, 10_000),
        (21_480, 21_000),
        (250_600, 251_000),
    ],
)
def test_a_length_is_stated_as_people_state_one(words: int, people_say: int) -> None:
    assert stated(words) == people_say


def test_no_rounding_takes_a_good_length_from_a_text() -> None:
    assert min(length_score(words, stated(words)) for words in range(20, 40_000)) >= 88


@pytest.mark.parametrize("keeps", [True, False])
def test_the_instruction_states_the_rounded_length_and_the_score_is_against_it(tmp_path: Path, keeps: bool) -> None:
    def answer(body: dict[str, Any]) -> str:
        said = str(body["messages"][-1])
        if "# Step: rephrase" in said:
            return f"Write {people_say(said)} words on it." if keeps else "Write something on it."
        step = next((number for number in range(1, 5) if f"write section {number} of" in said), 0)
        return answer_text(0, step, 4, 0)

    def people_say(said: str) -> str:
        return said.partition("-word in total")[0].rpartition(" ")[2]

    async def work(url: str) -> Any:
        endpoint = Endpoint("teacher", url, "m")
        async with ModelEngine({"teacher": endpoint}, Ledger.at(tmp_path), lambda sha256: b"") as engine:
            asked = {**example(0, [], 4), "length_from": "back_translated", "required_words": None}
            return await write_document(engine, asked, Writing())

    with scripted_server(answer) as server:
        row = run(work(server.url))
    assert row["words"] != row["required_words"] == stated(row["words"])
    assert f"{row['required_words']}" in row["instruction"] and str(row["words"]) not in row["instruction"]
    assert row["length_score"] == length_score(row["words"], row["required_words"])
    assert ("length_appended" in row["repairs"]) is not keeps


def test_a_shard_without_stated_lengths_has_no_mean_of_their_scores() -> None:
    tally = WritingTally()
    assert {name for name, value in tally.metadata().items() if value is None} >= {"words_mean", "length_score_mean"}
    row = written("e", english(1, 100), target_words=100, length_from="none", task="open")
    tally.add({**row, "prompt_tokens": 0, "cached_tokens": 0, "completion_tokens": 0, "cost_usd": 0.0})
    said = tally.metadata()
    assert said["length_score_mean"] is None
    assert said["words_mean"] == 100
