"""Packed samples have the losses that they have alone; answers alone are trainable, each token counting the same."""

from pathlib import Path

import pytest
import torch
from datasets import Dataset, Image, List
from transformers import AutoModelForImageTextToText, AutoProcessor
from trl import SFTConfig
from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling
from trl.trainer.utils import add_fused_lm_head

from resources.training.packed_attention import attend_to_own_sample
from resources.training.rows.chat import image_paths
from resources.training.rows.dataset_rows import ChatRow
from resources.training.rows.sequence import RowError
from resources.training.sft.packing import PackedCollator, count_tokens, row_texts
from resources.training.sft.trainer import TokenMeanSFTTrainer
from resources.training.students.tiny import build_tiny
from tests.conftest import draw_page

STORY = "The river runs past the old mill and slows down in the plain, where number {0} counts."


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packed") / "base"
    folder.mkdir()
    build_tiny([STORY], folder)
    return folder


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[ChatRow]:
    """Four rows with 3, 1, 0 and 2 images of different shapes, and answers of different lengths."""
    folder = tmp_path_factory.mktemp("pages")
    for number in range(3):
        draw_page(folder / f"{number}.png", f"Page {number}", colour=("white", "beige", "pink")[number])
    from PIL import Image as Pillow

    Pillow.new("RGB", (90, 300), "blue").save(folder / "1.png")
    return [
        {
            "id": f"row-{count}",
            "images": [{"bytes": None, "path": str(folder / f"{number}.png")} for number in range(count)],
            "messages": [
                {"role": "user", "content": f"Write about {count}."},
                {"role": "assistant", "content": STORY.format(count) * (1 + 2 * count)},
            ],
        }
        for count in (3, 1, 0, 2)
    ]


def per_token(model: torch.nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    with torch.no_grad():
        log_probs: torch.Tensor = model(**batch, fused_lm_head=True, use_cache=False).log_probs
    return log_probs


def test_packed_samples_have_the_losses_of_padded_ones(base: Path, rows: list[ChatRow]) -> None:
    processor = AutoProcessor.from_pretrained(base)
    model = AutoModelForImageTextToText.from_pretrained(base, dtype=torch.float32)
    add_fused_lm_head(model)
    padded = DataCollatorForVisionLanguageModeling(processor, max_length=None, completion_only_loss=True)
    strings = Dataset.from_list(
        [
            {"prompt": given, "completion": learn, "images": image_paths(row["images"])}
            for row in rows
            for given, learn in [row_texts(row, processor)]
        ]
    ).cast_column("images", List(Image()))
    theirs = padded(list(strings))
    packed = PackedCollator(processor)(rows)
    counts = (theirs["labels"] != -100).sum(1)
    assert packed["input_ids"].shape == (1, int(theirs["attention_mask"].sum()))
    assert "attention_mask" not in packed
    losses = per_token(model, packed)[packed["labels"][:, 1:] != -100].split(counts.tolist())
    expected = per_token(model, theirs)
    for number, loss in enumerate(losses):
        alone = expected[number][theirs["labels"][number, 1:] != -100]
        assert torch.equal(
            packed["labels"][packed["labels"] != -100].split(counts.tolist())[number],
            theirs["labels"][number][theirs["labels"][number] != -100],
        )
        assert loss.mean().item() == pytest.approx(alone.mean().item(), abs=1e-5)


def test_positions_are_those_that_the_model_computes_itself(base: Path, rows: list[ChatRow]) -> None:
    processor = AutoProcessor.from_pretrained(base)
    model = AutoModelForImageTextToText.from_pretrained(base).model
    for row in rows[:2]:
        packed = PackedCollator(processor)([row])
        pads = (packed["input_ids"] == model.config.image_token_id).long()
        expected, _ = model.get_rope_index(packed["input_ids"], pads, packed["image_grid_thw"])
        assert torch.equal(packed["position_ids"][1:], expected)
        assert packed["position_ids"][0, 0].tolist() == list(range(packed["input_ids"].shape[1]))


def test_what_is_trainable_is_the_answer_and_its_end_alone(base: Path, rows: list[ChatRow]) -> None:
    processor = AutoProcessor.from_pretrained(base)
    for row in rows:
        batch = PackedCollator(processor)([row])
        trainable = batch["labels"][batch["labels"] != -100]
        assert processor.tokenizer.decode(trainable) == row["messages"][1]["content"] + "<|im_end|>"
        image_token = processor.tokenizer.convert_tokens_to_ids("<|image_pad|>")
        assert image_token not in trainable
        visual = batch["image_grid_thw"].prod(-1).sum() // 4 if row["images"] else 0  # four patches make a token
        assert (batch["input_ids"] == image_token).sum() == visual


def gradients(base: Path, rows: list[ChatRow], folder: Path, batch: int, accumulation: int) -> torch.Tensor:
    """The gradient of one update over four rows, spread over passes as said."""
    processor = AutoProcessor.from_pretrained(base)
    trainer = TokenMeanSFTTrainer(
        model=AutoModelForImageTextToText.from_pretrained(base, dtype=torch.float32),
        args=SFTConfig(
            output_dir=str(folder),
            per_device_train_batch_size=batch,
            max_steps=1,
            use_cpu=True,
            bf16=False,
            gradient_accumulation_steps=accumulation,
            gradient_checkpointing=False,
            max_length=None,
            report_to="none",
            max_grad_norm=0.0,
            learning_rate=1.0,
            optim="sgd",
            save_strategy="no",
            lr_scheduler_type="constant",
            remove_unused_columns=False,
        ),
        train_dataset=Dataset.from_list(rows),
        processing_class=processor,
        data_collator=PackedCollator(processor),
    )
    head = trainer.model.get_parameter("lm_head.weight")
    before = head.detach().clone()
    trainer.train()
    return before - head.detach()


def test_each_token_counts_the_same_however_samples_are_spread_over_passes(
    base: Path, rows: list[ChatRow], tmp_path: Path
) -> None:
    together, apart = (gradients(base, rows, tmp_path, batch, 4 // batch) for batch in (4, 1))
    assert torch.linalg.vector_norm(together - apart) < 1e-5 * torch.linalg.vector_norm(together)


def test_a_row_over_the_budget_is_refused_by_name_with_its_count(base: Path, rows: list[ChatRow]) -> None:
    processor = AutoProcessor.from_pretrained(base)
    counts = [total for total, _ in count_tokens(rows, processor, 10_000)]
    assert counts == [PackedCollator(processor)([row])["input_ids"].shape[1] for row in rows]
    vision = int(PackedCollator(processor)(rows[:1])["image_grid_thw"].prod(-1).sum()) // 4
    with pytest.raises(
        RowError,
        match=rf"row-3 has {max(counts)} tokens \({max(counts) - vision} of text, "
        rf"{vision} of 3 images\)",
    ):
        count_tokens(rows, processor, max(counts) - 1)


def test_an_empty_answer_and_a_lost_image_are_refused_by_name(base: Path, rows: list[ChatRow]) -> None:
    processor = AutoProcessor.from_pretrained(base)
    silent: ChatRow = {**rows[0], "messages": [rows[0]["messages"][0], {"role": "assistant", "content": " "}]}
    with pytest.raises(RowError, match=r"row-3: .*empty"):
        count_tokens([silent], processor, 10_000)
    lost: ChatRow = {**rows[0], "images": [{"bytes": None, "path": "/nowhere/lost.png"}]}
    with pytest.raises(RowError, match=r"row-3: .*lost\.png"):
        count_tokens([lost], processor, 10_000)


def test_attention_sample_by_sample_is_attention_under_transformers_own_mask(
    base: Path,
    rows: list[ChatRow],
) -> None:
    packed = PackedCollator(AutoProcessor.from_pretrained(base))(rows)
    model = AutoModelForImageTextToText.from_pretrained(base, dtype=torch.float32)
    add_fused_lm_head(model)
    expected = per_token(model, packed)
    attend_to_own_sample(model)
    torch.testing.assert_close(per_token(model, packed), expected, atol=1e-5, rtol=0)
