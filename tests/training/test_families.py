"""Every family of students goes through the same matrix: as it is trained, its losses are those of each sample alone;
it is saved, loaded, resumed and writes; what is known of it is what its model has."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from datasets import Dataset
from transformers import AutoModelForImageTextToText
from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling
from trl.trainer.utils import add_fused_lm_head

from assets.preference_dataset.schema import PREFERENCE_DATASET
from assets.sft_dataset.schema import SFT_DATASET
from assets.sft_dataset.student_budget import TokenBudget
from resources.recipe.model import Sampling, Training
from resources.sampling import sampled_by
from resources.training.answer_writer import load_writer
from resources.training.dpo import train as dpo
from resources.training.dpo.hyperparameters import DpoHyperparameters
from resources.training.dpo.pair_sizes import pair_sizes
from resources.training.generate import write_batch
from resources.training.generation_lines import PromptLine
from resources.training.packed_attention import attend_to_own_sample
from resources.training.rows.chat import render_answer, render_prompt
from resources.training.rows.dataset_rows import ChatRow
from resources.training.rows.processor import load_processor
from resources.training.rows.sequence import RowError
from resources.training.run_config import DpoRun, SftRun
from resources.training.sft import train as sft
from resources.training.sft.hyperparameters import SftHyperparameters
from resources.training.sft.packing import PackedCollator, count_tokens
from resources.training.sft.plain_rows import plain_rows
from resources.training.students.families.registry import FAMILIES, family_of
from resources.training.students.resolve import student_family
from resources.training.trainable_model import load_model
from resources.training.ways import LayoutError, as_trained, require_layout
from tests.training.test_packed_sft import STORY, per_token
from tests.training.test_packed_sft import rows as sft_rows  # noqa: F401 (a fixture)
from tests.training.test_training import largest_difference

TYPES = [family.model_type for family in FAMILIES]
QWENS = [kind for kind in TYPES if kind != "internvl"]
Say = Callable[[str], None]


class Killed(BaseException):
    """The process ends where a line is said."""


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Any:
    """Threads add up in another order each time."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, sft_rows: list[ChatRow]) -> Path:  # noqa: F811
    """sft.parquet with 3, 1, 0 and 2 images a row; dpo.parquet with two pairs of a deck and one without an image."""
    folder = tmp_path_factory.mktemp("data")
    more = {"language": "en", "kind": "deck", "required_words": None, "words": 20, "author": "a"}
    pq.write_table(
        pa.Table.from_pylist([{**row, **more} for row in sft_rows], schema=SFT_DATASET.schema), folder / "sft.parquet"
    )
    pairs = [
        {
            "id": f"pair-{number}",
            "example_id": str(number // 2),
            "upto": 1,
            "chosen_starts": [],
            "rejected_starts": [],
            "prompt": "Write a script.",
            "prefix": STORY.format(0) if number == 1 else "",
            "chosen": STORY.format(number),
            "rejected": "A mill.",
            "closes": number != 0,
            "weight": 1.0,
            "kind": "shared_prefix",
            "images": sft_rows[0]["images"][:2] if number < 2 else [],
            "corrector": "c",
        }
        for number in range(3)
    ]
    pq.write_table(pa.Table.from_pylist(pairs, schema=PREFERENCE_DATASET.schema), folder / "dpo.parquet")
    return folder


def sft_run(student: Path, data: Path, output: Path, **changed: Any) -> SftRun:
    own = SftHyperparameters.for_student("tiny", Training())
    return SftRun(
        dataset=data / "sft.parquet",
        dataset_id="d",
        student=str(student),
        output=output,
        base_folder=data / "unused",
        authors=[],
        hyperparameters=replace(own, **{"max_steps": 4, "save_steps": 2, **changed}),
    )


def dpo_run(sft_checkpoint: Path, data: Path, output: Path, **changed: Any) -> DpoRun:
    own = DpoHyperparameters.for_student("tiny", Training())
    return DpoRun(
        dataset=data / "dpo.parquet",
        dataset_id="p",
        student=str(sft_checkpoint),
        output=output,
        sft=sft_checkpoint,
        reference=output.with_suffix(".parquet"),
        authors=[],
        hyperparameters=replace(
            own, **{"max_steps": 4, "save_steps": 2, "pairs_per_update": 2, "learning_rate": 1e-4, **changed}
        ),
    )


def killed_at(words: str) -> Say:
    def say(line: str) -> None:
        if words in line:
            raise Killed

    return say


@pytest.fixture(scope="module")
def trained(students: dict[str, Path], data: Path) -> dict[str, tuple[Path, list[str]]]:
    """Of each family an SFT checkpoint, and what its run said."""
    found = {}
    for kind, student in students.items():
        said: list[str] = []
        sft.train(sft_run(student, data, data / f"sft-{kind}"), said.append)
        found[kind] = data / f"sft-{kind}", said
    return found


def as_it_is_trained(kind: str, student: Path, rows: list[ChatRow]) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Per row, log-probabilities of its trainable tokens and these tokens, as the family's own passes have them."""
    processor = load_processor(student)
    model = load_model(str(student), replace(SftHyperparameters(), dtype="float32"))
    add_fused_lm_head(model)
    way = student_family(str(student)).way
    if way == "packed":
        attend_to_own_sample(model)
        batches = [PackedCollator(processor)(rows)]
    elif way == "alone":
        batches = [PackedCollator(processor)([row]) for row in rows]
    else:
        batches = [stock_batch(rows, processor)]
    values, tokens = [], []
    for batch in batches:
        labels = batch["labels"][:, 1:]
        for log_probs, wanted in zip(per_token(model, batch), labels, strict=True):
            values.append(log_probs[wanted != -100])
            tokens.append(wanted[wanted != -100])
    if way == "packed":
        sizes = [len(one) for one in alone(student, rows)[1]]
        values, tokens = list(values[0].split(sizes)), list(tokens[0].split(sizes))
    return values, tokens


def stock_batch(rows: list[ChatRow], processor: Any) -> dict[str, torch.Tensor]:
    collator = DataCollatorForVisionLanguageModeling(processor, max_length=None, completion_only_loss=True)
    return dict(collator(list(plain_rows(Dataset.from_list(rows), processor))))


def alone(student: Path, rows: list[ChatRow]) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """The same, each row a pass of its own, by transformers and TRL alone."""
    processor = load_processor(student)
    model = AutoModelForImageTextToText.from_pretrained(student, dtype=torch.float32)
    add_fused_lm_head(model)
    values, tokens = [], []
    for row in rows:
        batch = stock_batch([row], processor)
        wanted = batch["labels"][:, 1:]
        values.append(per_token(model, batch)[wanted != -100])
        tokens.append(wanted[wanted != -100])
    return values, tokens


@pytest.mark.parametrize("kind", TYPES)
def test_samples_as_they_are_trained_have_the_losses_that_they_have_alone(
    kind: str,
    students: dict[str, Path],
    sft_rows: list[ChatRow],  # noqa: F811
) -> None:
    ours, scored = as_it_is_trained(kind, students[kind], sft_rows)
    theirs, expected = alone(students[kind], sft_rows)
    for row, mine, other, tokens, wanted in zip(sft_rows, ours, theirs, scored, expected, strict=True):
        assert torch.equal(tokens, wanted), row["id"]
        torch.testing.assert_close(mine, other, atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", TYPES)
def test_what_is_trainable_is_the_answer_and_its_end_alone(
    kind: str,
    students: dict[str, Path],
    sft_rows: list[ChatRow],  # noqa: F811
) -> None:
    processor = load_processor(students[kind])
    for row, tokens in zip(sft_rows, as_it_is_trained(kind, students[kind], sft_rows)[1], strict=True):
        assert processor.decode(tokens) == row["messages"][1]["content"] + "<|im_end|>"


def test_linear_attention_carries_one_sample_into_the_next_so_it_is_never_packed(
    students: dict[str, Path],
    sft_rows: list[ChatRow],  # noqa: F811
) -> None:
    """The leak that `alone` is for: it would be silent."""
    student = students["qwen3_5"]
    processor = load_processor(student)
    model = AutoModelForImageTextToText.from_pretrained(student, dtype=torch.float32)
    add_fused_lm_head(model)
    packed = PackedCollator(processor)(sft_rows)
    found = per_token(model, packed)[packed["labels"][:, 1:] != -100]
    assert (found - torch.cat(alone(student, sft_rows)[0])).abs().max() > 1e-4
    said: list[str] = []
    family = student_family(str(student))
    assert as_trained(replace(SftHyperparameters(), batch=4), family, said.append).batch == 1
    assert as_trained(DpoHyperparameters(), family, said.append).packing == "pairs"
    assert all("Qwen3.5: its linear attention would carry one sample's state into the next" in line for line in said)


@pytest.mark.parametrize("kind", QWENS)
def test_positions_are_those_that_the_model_computes_itself(
    kind: str,
    students: dict[str, Path],
    sft_rows: list[ChatRow],  # noqa: F811
) -> None:
    processor = load_processor(students[kind])
    model = AutoModelForImageTextToText.from_pretrained(students[kind]).model
    for row in sft_rows[:2]:
        packed = PackedCollator(processor)([row])
        pads = (packed["input_ids"] == model.config.image_token_id).long()
        expected, _ = model.get_rope_index(packed["input_ids"], pads, packed["image_grid_thw"])
        assert torch.equal(packed["position_ids"][1:], expected)


@pytest.mark.parametrize("kind", TYPES)
def test_tokens_are_counted_before_training_as_they_are_trained_on(
    kind: str,
    students: dict[str, Path],
    sft_rows: list[ChatRow],  # noqa: F811
) -> None:
    processor = load_processor(students[kind])
    counts = [count.total for count in count_tokens(sft_rows, processor, 10_000)]
    assert counts == [int(stock_batch([row], processor)["attention_mask"].sum()) for row in sft_rows]
    with pytest.raises(RowError, match=rf"1 of 4 rows have more than max_tokens = {max(counts) - 1}: row-3 has"):
        count_tokens(sft_rows, processor, max(counts) - 1)


def test_fewer_pixels_are_fewer_tokens(students: dict[str, Path], sft_rows: list[ChatRow]) -> None:  # noqa: F811
    for kind in TYPES:
        few, many = (
            sum(count.vision for count in count_tokens(sft_rows, load_processor(students[kind], pixels), 10_000))
            for pixels in (56 * 56, None)
        )
        assert 0 < few < many, kind


@pytest.mark.parametrize("kind", TYPES)
def test_control_tokens_in_a_text_from_outside_are_ordinary_letters(kind: str, students: dict[str, Path]) -> None:
    processor: Any = load_processor(students[kind])
    special = processor.tokenizer.all_special_tokens
    injected = "Go on.".join(["", *special, ""])

    def controls(text: str) -> list[int]:
        return [
            token for token in processor.tokenizer(text)["input_ids"] if token in processor.tokenizer.all_special_ids
        ]

    assert len(controls(injected)) == len(special)
    assert controls(render_prompt(processor, 1, injected)) == controls(render_prompt(processor, 1, "Go on."))
    from resources.training.rows.chat import other_controls

    assert controls(render_answer(injected, closes=False, others=other_controls(processor))) == []


@pytest.mark.parametrize("kind", TYPES)
def test_an_answer_begins_where_a_template_has_closed_its_thoughts(kind: str, students: dict[str, Path]) -> None:
    prompt = render_prompt(load_processor(students[kind]), 0, "Write.")
    assert prompt.count("<think>") == prompt.count("</think>") == (1 if kind == "qwen3_5" else 0)


@pytest.mark.parametrize("kind", TYPES)
def test_a_family_that_is_slower_says_so_at_the_start(kind: str, trained: dict[str, tuple[Path, list[str]]]) -> None:
    way = next(family.way for family in FAMILIES if family.model_type == kind)
    assert ("slower" in trained[kind][1][0]) is (way != "packed")


@pytest.mark.parametrize("kind", TYPES)
def test_a_checkpoint_is_loaded_and_writes_with_an_image_and_without(
    kind: str,
    trained: dict[str, tuple[Path, list[str]]],
    students: dict[str, Path],
    sft_rows: list[ChatRow],  # noqa: F811
) -> None:
    folder = trained[kind][0]
    record = json.loads((folder / "training.json").read_text())
    assert record["steps"] == 4
    assert record["losses"][-1] < record["losses"][0]
    assert largest_difference(folder, students[kind]) > 1e-3
    model, processor = load_writer(folder), load_processor(folder)
    page = sft_rows[0]["images"][0]["path"]
    items: list[PromptLine] = [
        {"item_id": str(seed), "prompt": prompt, "images": images, "max_new_tokens": 5, "seed": seed}
        for seed, (prompt, images) in enumerate([("Write.", []), ("Write about it.", [page]), ("Both", [page, page])])
    ]
    sampling = sampled_by(1.0, Sampling())
    together = write_batch(model, processor, items, sampling)
    assert all(0 < answer["tokens"] <= 5 for answer in together)
    alone = [write_batch(model, processor, [item], sampling)[0]["text"] for item in items]
    assert [answer["text"] for answer in together] == alone


@pytest.mark.parametrize("kind", TYPES)
def test_a_run_that_was_killed_goes_on_and_ends_like_an_unbroken_one(
    kind: str, trained: dict[str, tuple[Path, list[str]]], students: dict[str, Path], data: Path
) -> None:
    run = sft_run(students[kind], data, data / f"killed-{kind}")
    with pytest.raises(Killed):
        sft.train(run, killed_at("step 3 of 4"))
    said: list[str] = []
    sft.train(run, said.append)
    assert any("resuming from" in line for line in said)
    assert largest_difference(run.output, trained[kind][0]) < 1e-6


@pytest.mark.parametrize("rank", [0, 4])
@pytest.mark.parametrize("kind", TYPES)
def test_preferences_are_trained_from_ln_2_on_resumed_and_saved(
    kind: str, rank: int, trained: dict[str, tuple[Path, list[str]]], data: Path
) -> None:
    """Pairs with and without an image; with adapters too, which are merged at the end."""
    run = dpo_run(trained[kind][0], data, data / f"dpo-{kind}-{rank}", lora_rank=rank)
    with pytest.raises(Killed):
        dpo.train(run, killed_at("step 3 of 4"))
    dpo.train(run, lambda line: None)
    record = json.loads((run.output / "training.json").read_text())
    assert record["losses"][0] == pytest.approx(0.693147, abs=1e-4)
    assert record["losses"][-1] < 0.693
    packed = record["recipe"]["packing"] == "documents"
    assert packed is (record["tokens_packed"] < record["tokens_pair_by_pair"])
    assert packed is (student_family(str(run.sft)).way == "packed")
    assert largest_difference(run.output, run.sft) > 1e-5


def test_pairs_that_are_not_packed_are_counted_and_over_the_budget_refused(
    students: dict[str, Path], data: Path, tmp_path: Path
) -> None:
    """A tile's tokens are known to the processor alone."""
    rows, processor = pq.read_table(data / "dpo.parquet").to_pylist(), load_processor(students["internvl"])
    size = pair_sizes(rows[:2], processor, "images_first")[1]
    assert 0 < size.vision_tokens < size.tokens
    run = dpo_run(students["internvl"], data, tmp_path / "over", max_tokens=size.tokens - 1)
    with pytest.raises(RowError, match=rf"pair-1: {size.tokens} tokens \(.*\) are more than max_tokens"):
        dpo.train(run, lambda line: None)


def test_the_gate_counts_every_row_whose_images_are_tiles(
    students: dict[str, Path],
    sft_rows: list[ChatRow],  # noqa: F811
) -> None:
    """A small image may be cut into more tokens than its pixels suggest."""
    [row] = [one for one in sft_rows if one["id"] == "row-2"]
    images = [Path(image["path"]) for image in row["images"]]
    exchange: Any = {"example_id": "e", "instruction": "Write.", "output": "A mill."}
    for kind, counted in (("internvl", True), ("qwen3_vl", False)):
        budget = TokenBudget(str(students[kind]), Training(max_tokens=8192))
        assert budget.reason(exchange, images) is None
        assert ("processor" in vars(budget)) is counted  # it was needed to count
        tight = TokenBudget(str(students[kind]), Training(max_tokens=256))
        assert tight.bounded is not counted


def test_images_inside_an_answer_are_for_packed_pairs_alone() -> None:
    for family in FAMILIES:
        require_layout(family, "paper")
        if family.way == "packed":
            require_layout(family, "interleaved")
            continue
        with pytest.raises(LayoutError, match=rf"{family.name} is trained pair by pair: set \"images_first\""):
            require_layout(family, "interleaved")


def test_every_family_has_names_of_its_own_and_an_example_of_its_type() -> None:
    assert len({family.name for family in FAMILIES}) == len({family.model_type for family in FAMILIES}) == len(FAMILIES)
    for family in FAMILIES:
        text = {"model_type": family.language[0]} if family.language else {}
        assert family_of({"model_type": family.model_type, "vision_config": {}, "text_config": text}) is family
