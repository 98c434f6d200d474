"""Drafts: how each one ended, which is corrected, and which two make a pair."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import Response

from assets.drafts.draft import NoDraftError, current_drafts, draft_author, draft_prompt, draft_row, draft_to_cut
from assets.judging.judge import TRIES
from assets.preference_pairs.ranking import Ranked, choose_sides, rank_drafts
from resources.endpoints import Endpoint
from resources.engine import ModelEngine, run
from resources.ledger import Ledger
from resources.lines import appending, read_lines
from resources.recipe.model import Sampling
from resources.sampling import sampled_by
from resources.store import Store
from testing.openai_server import completion, scripted_server

EXAMPLE: dict[str, Any] = {
    "example_id": "e",
    "split": "preference",
    "instruction": "Write 10 words.",
    "images": ["a"],
    "required_words": 10,
    "target_words": 10,
}


def draft(text: str, sample: int = 0, finish: str = "stop", **example: Any) -> dict[str, Any]:
    return draft_row({**EXAMPLE, **example}, sample, {"text": text, "tokens": 5, "finish": finish}, "tiny sft 1")


@pytest.mark.parametrize(
    ("text", "finish", "expected"),
    [
        ("A sentence that ends.", "stop", "stop"),
        ("A sentence that is", "length", "length"),
        ("the " * 40, "length", "looping"),
        ("One two three four five six seven eight nine ten. " * 3, "stop", "looping"),
        (" \n", "stop", "empty"),
        ("123 ...", "stop", "empty"),
    ],
)
def test_a_draft_says_how_it_ended(text: str, finish: str, expected: str) -> None:
    assert draft(text, finish=finish)["finish"] == expected


def test_a_draft_is_scored_against_a_stated_length_only() -> None:
    assert draft("one two three four five six seven eight nine ten")["length_score"] == 100.0
    assert draft("one two", required_words=None)["length_score"] is None


def test_an_author_is_the_checkpoint_and_says_what_it_learnt_from() -> None:
    assert draft_author("abc", {"student": "/models/Qwen2.5-VL-7B", "embedded": False}) == "Qwen2.5-VL-7B sft abc"
    assert draft_author("abc", {"student": "tiny", "embedded": True}) == "tiny sft abc (trained on embedded texts)"


def test_each_sample_of_each_example_has_an_id_and_a_seed_of_its_own_that_stay_the_same(tmp_path: Path) -> None:
    store = Store(tmp_path)
    examples = [{**EXAMPLE, "instruction": f"Write {number} words."} for number in range(20)]
    prompts = [
        draft_prompt(store, example, sample, sampled_by(0.8, Sampling())) for example in examples for sample in range(4)
    ]
    assert len({prompt["item_id"] for prompt in prompts}) == len({prompt["seed"] for prompt in prompts}) == 80
    assert draft_prompt(store, examples[3], 2, sampled_by(0.8, Sampling())) == prompts[3 * 4 + 2]
    assert draft_prompt(store, examples[3], 2, sampled_by(0.9, Sampling()))["item_id"] != prompts[3 * 4 + 2]["item_id"]


def test_the_first_draft_is_cut_where_the_recipe_wants_it_and_it_answers_what_is_asked_now() -> None:
    drafts = {"e": [draft("b", 1), draft("a", 0)]}
    for mode in ("auto", "checkpoint"):
        found = draft_to_cut(mode, EXAMPLE, drafts)
        assert found and found["output"] == "a"
    assert draft_to_cut("teacher", EXAMPLE, drafts) is None
    assert draft_to_cut("auto", {**EXAMPLE, "split": "sft"}, drafts) is None
    changed = {**EXAMPLE, "instruction": "Write 20 words."}
    assert draft_to_cut("auto", changed, drafts) is None
    assert current_drafts(changed, drafts) == []
    with pytest.raises(NoDraftError, match="materialise `drafts`"):
        draft_to_cut("checkpoint", changed, drafts)


RANKED = st.lists(st.builds(Ranked, st.text(min_size=1), st.floats(0, 100), st.booleans()), max_size=8)


@given(RANKED, st.floats(0, 50), st.text())
def test_the_best_whole_draft_stands_against_one_that_is_worse_by_the_margin(
    ranked: list[Ranked], margin: float, seed: str
) -> None:
    sides = choose_sides(ranked, margin, seed)
    whole = [found.score for found in ranked if found.whole]
    if sides is None:
        assert not whole or all(found.score >= max(whole) or max(whole) - found.score < margin for found in ranked)
    else:
        chosen, rejected = sides
        assert chosen.whole and chosen.score == max(whole)
        assert chosen.score > rejected.score and chosen.score - rejected.score >= margin
    assert sides == choose_sides(ranked, margin, seed)


def test_the_rejected_draft_is_drawn_anew_for_each_example() -> None:
    ranked = [Ranked("best", 90, True), *(Ranked(f"worse {number}", 10, False) for number in range(4))]
    drawn = [choose_sides(ranked, 5, f"example {number}") for number in range(60)]
    assert {sides[1].text for sides in drawn if sides} == {f"worse {number}" for number in range(4)}


def test_a_draft_that_the_judge_gives_no_scores_for_and_an_empty_one_are_left_out(tmp_path: Path) -> None:
    names = ("relevance", "accuracy", "coherence", "clarity", "breadth_and_depth", "reading_experience")

    def answer(body: dict[str, Any]) -> Response:
        good = "ten words" in body["messages"][-1]["content"][-1]["text"]
        return completion(json.dumps(dict.fromkeys(names, 4)) if good else "Very nice!")

    drafts = [
        draft("It has exactly ten words, as was asked for here."),
        draft("Vague.", 1),
        draft("", 2),
        draft("Not ten words", 3, "length"),
    ]

    async def rank(url: str) -> list[Ranked]:
        endpoint = Endpoint("judge", url, "judge-1")
        async with ModelEngine({"judge": endpoint}, Ledger.at(tmp_path), lambda sha256: b"") as engine:
            return await rank_drafts(engine, EXAMPLE, drafts)

    with scripted_server(answer) as server:
        ranked = run(rank(server.url))
    assert len(server.requests) == 2 + TRIES  # an empty draft is not judged
    assert [(found.text, found.whole) for found in ranked] == [(drafts[0]["output"], True), ("Not ten words", False)]
    assert ranked[0].score == pytest.approx((100 + 75) / 2)  # S_q = (24 - 6) * 25 / 6


def test_a_line_that_a_kill_cut_short_does_not_count_and_is_written_again(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    with appending(path) as add:
        add({"text": "a\r\n\u2028b"})
    path.write_bytes(path.read_bytes() + b'{"text": "half')
    assert read_lines(path) == [{"text": "a\r\n\u2028b"}]
    with appending(path) as add:
        add({"text": "c"})
    assert [line["text"] for line in read_lines(path)] == ["a\r\n\u2028b", "c"]
