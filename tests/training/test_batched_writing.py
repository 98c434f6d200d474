"""Texts written side by side are those that each would be alone; how they are drawn is what the recipe says."""

from pathlib import Path

import pytest
import torch

from resources.recipe.model import Sampling
from resources.sampling import sampled_by
from resources.training.answer_writer import Writer, load_writer
from resources.training.generate import batches, write_batch
from resources.training.generation_lines import PromptLine
from resources.training.rows.processor import Processor, load_processor
from resources.training.seeded_sampling import SeededGumbel, seeded_sampling
from resources.training.students.tiny import build_tiny
from tests.conftest import draw_page

PLAIN = sampled_by(0.8, Sampling())


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> tuple[Writer, Processor, list[PromptLine]]:
    folder = tmp_path_factory.mktemp("tiny")
    build_tiny(["Write about rivers and harbours, please. " * 9], folder / "model")
    draw_page(folder / "page.png", "Page")
    items: list[PromptLine] = [
        {
            "item_id": str(number),
            "prompt": "Write about rivers. " * (1 + 3 * number),
            "images": [str(folder / "page.png")] * (number % 3),
            "seed": 100 + number,
            "max_new_tokens": 8 + 4 * number,
        }
        for number in range(6)
    ]
    return load_writer(folder / "model"), load_processor(folder / "model"), items


def test_an_answer_is_the_same_in_a_batch_and_alone(student: tuple[Writer, Processor, list[PromptLine]]) -> None:
    model, processor, items = student
    together = write_batch(model, processor, items, PLAIN)
    alone = [write_batch(model, processor, [item], PLAIN)[0] for item in items]
    for one, other in zip(together, alone, strict=True):
        assert (one["text"], one["tokens"], one["finish"]) == (other["text"], other["tokens"], other["finish"])
    assert [answer["tokens"] for answer in together] == [item["max_new_tokens"] for item in items]


def test_each_seed_draws_another_text_and_the_same_one_the_same(
    student: tuple[Writer, Processor, list[PromptLine]],
) -> None:
    model, processor, items = student
    again: list[PromptLine] = [{**items[0], "seed": seed, "max_new_tokens": 16} for seed in (1, 2, 3, 4, 1)]
    texts = [answer["text"] for answer in write_batch(model, processor, again, PLAIN)]
    assert len(set(texts)) == 4
    assert texts[0] == texts[4]


def test_the_models_own_file_decides_nothing(student: tuple[Writer, Processor, list[PromptLine]]) -> None:
    """A base model whose file says top_k = 1 gave one text for every draft."""
    model, processor, items = student
    before = [answer["text"] for answer in write_batch(model, processor, items[:3], PLAIN)]
    model.generation_config.top_k, model.generation_config.repetition_penalty = 1, 1.9
    assert [answer["text"] for answer in write_batch(model, processor, items[:3], PLAIN)] == before


@pytest.mark.parametrize(
    ("rest", "allowed"),
    [
        (Sampling(top_k=1), {3}),
        (Sampling(top_p=0.5), {3}),
        (Sampling(top_p=1, min_p=0.2), {2, 3}),
        (Sampling(top_p=1, top_k=3), {1, 2, 3}),
        (Sampling(top_p=1), {0, 1, 2, 3}),
    ],
)
def test_what_may_be_drawn_is_what_the_recipe_allows(rest: Sampling, allowed: set[int]) -> None:
    scores = torch.log(torch.tensor([[0.05, 0.1, 0.25, 0.6]])).repeat(200, 1)
    process = seeded_sampling(sampled_by(1.0, rest), range(200), 1)
    drawn = process(torch.zeros(200, 1, dtype=torch.long), scores).argmax(-1)
    assert set(drawn.tolist()) == allowed


def test_draws_have_the_models_own_probabilities() -> None:
    probabilities = torch.tensor([0.05, 0.1, 0.25, 0.6])
    drawn = SeededGumbel(range(20_000))(torch.empty(0), torch.log(probabilities).repeat(20_000, 1)).argmax(-1)
    shares = torch.bincount(drawn, minlength=4) / 20_000
    assert (shares - probabilities).abs().max() < 0.012


def test_presence_counts_what_was_written_and_not_the_prompt() -> None:
    process = seeded_sampling(sampled_by(1.0, Sampling(top_p=1, presence_penalty=2)), [1], 2)
    scores = process[0](torch.tensor([[0, 1, 2]]), torch.zeros(1, 4))
    assert scores.tolist() == [[0, 0, -2, 0]]


def test_batches_hold_every_text_once_in_an_order_of_lengths(tmp_path: Path) -> None:
    items: list[PromptLine] = [
        {"item_id": str(n), "prompt": "x", "images": [], "seed": n, "max_new_tokens": 16_384 if n % 7 == 0 else 64 + n}
        for n in range(50)
    ]
    found = list(batches(items))
    assert sorted(item["item_id"] for batch in found for item in batch) == sorted(item["item_id"] for item in items)
    lengths = [item["max_new_tokens"] for batch in found for item in batch]
    assert lengths == sorted(lengths)
    assert max(len(batch) * batch[-1]["max_new_tokens"] for batch in found) <= 65_536
    assert max(map(len, found)) <= 16
    assert found == list(batches(items[::-1]))
