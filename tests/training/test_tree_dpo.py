"""All pairs of a document in one forward pass give the loss and the gradients of TRL's DPOTrainer, pair by pair."""

import copy
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from datasets import Dataset, Image, List
from hypothesis import given
from hypothesis import strategies as st
from peft import LoraConfig
from transformers import AutoModelForImageTextToText, AutoProcessor
from trl import DPOConfig, DPOTrainer

from resources.text.headings import SEPARATOR
from resources.training.dpo.documents import DocumentCollator, plan_documents, tokenize_pairs
from resources.training.dpo.hyperparameters import Layout
from resources.training.dpo.layout import arrange, document_images
from resources.training.dpo.trainer import DocumentDPOTrainer, share, side_sums
from resources.training.dpo.tree_attention import CHAINS, TILE, prepare, tree_input
from resources.training.rows.chat import END_OF_TURN
from resources.training.rows.dataset_rows import ImageFile, Kind, PairRow
from resources.training.rows.processor import Processor
from resources.training.rows.vision import grids_of, patches
from resources.training.students.tiny import build_tiny
from tests.conftest import draw_page

CORRECTED = [
    "## Slide 1\n\nThe river runs past the old mill.",
    "## Slide 2\n\nIt slows down in the plain, 12 miles on.",
    "## Slide 3\n\nNo boat goes further than the weir.",
    "## Slide 4\n\nThe sea is near; gulls cry.",
]
ORIGINAL = [
    "## Slide 1\n\nThe river runs past the old mill.",
    "## Slide 2\n\nIt is fast in the hills.",
    "## Slide 3\n\nA boat.",
    "## Slide 4\n\nThe sea is near; gulls cry over the grey water all day.",
]
LORA = r".*language_model.*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)$"


def starts(segments: list[str]) -> list[int]:
    return [len(SEPARATOR.join([*segments[:number], ""])) if number else 0 for number in range(len(segments))]


def cumulative(images: list[ImageFile]) -> list[PairRow]:
    return [
        row(
            f"doc-cumulative-{upto}",
            "",
            SEPARATOR.join(CORRECTED[:upto]),
            SEPARATOR.join(ORIGINAL[:upto]),
            images[:upto],
            True,
            starts(CORRECTED[:upto]),
            starts(ORIGINAL[:upto]),
            "cumulative",
        )
        for upto in (2, 3, 4)
    ]


def shared_prefix(images: list[ImageFile]) -> list[PairRow]:
    return [
        row(
            f"doc-shared_prefix-{upto}",
            SEPARATOR.join(CORRECTED[: upto - 1]),
            CORRECTED[upto - 1],
            ORIGINAL[upto - 1],
            images,
            upto == 4,
            starts(CORRECTED[:upto]),
            starts([*CORRECTED[: upto - 1], ORIGINAL[upto - 1]]),
            "shared_prefix",
        )
        for upto in (2, 3, 4)
    ]


def row(
    name: str,
    prefix: str,
    chosen: str,
    rejected: str,
    images: list[ImageFile],
    closes: bool,
    chosen_starts: list[int],
    rejected_starts: list[int],
    kind: Kind,
) -> PairRow:
    return {
        "id": name,
        "prompt": "Write a lecture script for these slides.",
        "prefix": prefix,
        "chosen": chosen,
        "rejected": rejected,
        "images": images,
        "closes": closes,
        "chosen_starts": chosen_starts,
        "rejected_starts": rejected_starts,
        "kind": kind,
        "weight": 0.2 + 0.1 * len(chosen_starts),
    }


KINDS = {
    "cumulative": cumulative,
    "shared_prefix": shared_prefix,
    "both": lambda images: cumulative(images) + shared_prefix(images),
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tree") / "base"
    folder.mkdir()
    build_tiny(CORRECTED + ORIGINAL, folder)
    return folder


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[ImageFile]:
    folder = tmp_path_factory.mktemp("pages")
    for number, colour in enumerate(("white", "beige", "pink", "grey")):
        draw_page(folder / f"{number}.png", f"Page {number}", colour=colour)
    return [{"bytes": None, "path": str(folder / f"{number}.png")} for number in range(4)]


class PairCollator:
    """Pairs as TRL's DPOTrainer takes them, padded, with images in the answer too (its own collator has none there)."""

    def __init__(self, processor: Any) -> None:
        self.processor = processor

    def __call__(self, examples: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        texts = [example[side] for side in ("chosen", "rejected") for example in examples]
        size = max(len(text["ids"]) for text in texts)

        def padded(name: str, value: int) -> torch.Tensor:
            return torch.tensor([list(text[name]) + [value] * (size - len(text[name])) for text in texts])

        vision = [patches("", text["images"], self.processor.image_processor) for text in texts]
        return {
            "input_ids": padded("ids", self.processor.tokenizer.pad_token_id),
            "attention_mask": padded("there", 0),
            "completion_mask": padded("trainable", 0).long(),
            "mm_token_type_ids": padded("pads", 0).long(),
            "pixel_values": torch.cat([image for shown in vision for image in shown.pixels]),
            "image_grid_thw": torch.stack([grid for shown in vision for grid in shown.patch_grids]),
        }


def stock_rows(rows: list[PairRow], layout: Layout, processor: Processor) -> tuple[Dataset, Any]:
    """The rows for TRL's DPOTrainer, and its collator (None: its own)."""
    paths, pairs = document_images(rows), arrange(rows, layout, processor)
    if layout != "interleaved":
        return Dataset.from_list(
            [
                {
                    "prompt": pair.given,
                    "chosen": pair.chosen,
                    "rejected": pair.rejected,
                    "images": [paths[image] for image in pair.chosen_images],
                }
                for pair in pairs
            ]
        ).cast_column("images", List(Image())), None
    texts = tokenize_pairs(pairs, processor.tokenizer, grids_of("doc", paths, processor.image_processor))
    sides = [
        {
            "ids": text.ids.tolist(),
            "trainable": text.trainable.tolist(),
            "pads": text.pads.tolist(),
            "there": [1] * len(text.ids),
            "images": [paths[image] for image in text.images],
        }
        for text in texts
    ]
    rows_of = [
        {"chosen": sides[number], "rejected": sides[number + len(pairs)], "prompt": "", "images": []}
        for number in range(len(pairs))
    ]
    return Dataset.from_list(rows_of), PairCollator(processor)


def settings(folder: Path, **more: Any) -> DPOConfig:
    return DPOConfig(
        output_dir=str(folder),
        per_device_train_batch_size=1,
        max_length=None,
        report_to="none",
        use_cpu=True,
        remove_unused_columns=False,
        **{"gradient_checkpointing": False, "bf16": False, **more},
    )


def models(base: Path, lora: bool) -> dict[str, Any]:
    """A policy that is not its reference any more, so that no term of the loss is trivial."""
    load = AutoModelForImageTextToText.from_pretrained
    policy = load(base, dtype=torch.float32)
    if lora:
        return {"model": policy, "peft_config": LoraConfig(r=4, target_modules=LORA, lora_dropout=0.0)}
    disturb(policy.parameters())
    return {"model": policy, "ref_model": load(base, dtype=torch.float32)}


def disturb(parameters: Iterator[torch.nn.Parameter]) -> None:
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in parameters:
            parameter.add_(0.02 * torch.randn_like(parameter))


def trainable(trainer: DPOTrainer) -> dict[str, torch.nn.Parameter]:
    return {name: parameter for name, parameter in trainer.model.named_parameters() if parameter.requires_grad}


def loss_and_gradients(
    trainer: DPOTrainer,
    batches: list[dict[str, torch.Tensor]],
    weights: list[float],
    **more: Any,
) -> tuple[float, dict[str, torch.Tensor]]:
    trainer.model.train()
    total = 0.0
    for batch, weight in zip(batches, weights, strict=True):
        loss = trainer.compute_loss(trainer.model, copy.copy(batch), **more) * weight
        loss.backward()
        total += loss.item()
    return total, {
        name: parameter.grad.clone() for name, parameter in trainable(trainer).items() if parameter.grad is not None
    }


CASES = [
    (kind, layout, lora, {})
    for kind in KINDS
    for layout in ("images_first", "interleaved", "paper")
    for lora in (False, True)
]
CASES += [
    ("both", "images_first", False, more)
    for more in (
        {"ld_alpha": 0.3},
        {"loss_type": ["sigmoid_norm"]},
        {"loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, 0.5]},
        {"loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, 0.5], "ld_alpha": 0.0},
    )
]


@pytest.mark.parametrize(("kind", "layout", "lora", "more"), CASES)
def test_one_forward_pass_equals_pair_by_pair(
    kind: str,
    layout: Layout,
    lora: bool,
    more: dict[str, Any],
    base: Path,
    images: list[ImageFile],
    tmp_path: Path,
) -> None:
    processor = AutoProcessor.from_pretrained(base)
    rows = KINDS[kind](images)
    weights = [one["weight"] for one in rows]
    dataset, collator = stock_rows(rows, layout, processor)
    stock = DPOTrainer(
        **models(base, lora),
        args=settings(tmp_path, beta=0.1, **more),
        train_dataset=dataset,
        processing_class=processor,
        data_collator=collator,
    )
    plan = plan_documents(rows, [list(range(len(rows)))], processor, layout, 10_000)
    ours = DocumentDPOTrainer(
        **models(base, lora),
        args=settings(tmp_path, beta=0.1, **more),
        train_dataset=Dataset.from_list(plan),
        processing_class=processor,
        data_collator=DocumentCollator(rows, processor, layout, more.get("ld_alpha")),
    )
    if lora:
        for trainer in (stock, ours):
            disturb(iter(trainable(trainer).values()))
    batches = [stock.data_collator([dataset[number]]) for number in range(len(rows))]
    [planned] = plan
    packed = ours.data_collator([planned])
    assert packed["input_ids"].shape[1] == planned["tokens"] < planned["pair_tokens"]
    alone = plan_documents(rows, [list(range(len(rows)))], processor, layout, 10_000, alone=True)
    assert [(one["rows"], one["tokens"], one["vision_tokens"]) for one in alone] == [
        ([number], int(batch["attention_mask"].sum()), int(batch["image_grid_thw"].prod(-1).sum()) // 4)
        for number, batch in enumerate(batches)
    ]
    assert sum(one["tokens"] for one in alone) == planned["pair_tokens"]

    loss, gradients = loss_and_gradients(ours, [packed], [1.0])
    expected, theirs = loss_and_gradients(stock, batches, [weight / sum(weights) for weight in weights])
    assert loss == pytest.approx(expected, abs=1e-5)
    assert gradients.keys() == theirs.keys()
    assert len(gradients) > 10
    for name, gradient in gradients.items():
        distance = torch.linalg.vector_norm(gradient - theirs[name]) / torch.linalg.vector_norm(theirs[name])
        assert distance < 1e-4, f"{name}: {distance}"


@pytest.mark.parametrize("layout", ["images_first", "interleaved", "paper"])
def test_a_page_that_comes_twice_is_trained_on_like_any_other(
    layout: Layout, base: Path, images: list[ImageFile], tmp_path: Path
) -> None:
    deck = [images[0], images[1], images[0], images[1]]
    rows = cumulative(deck)
    paths = document_images(rows)
    pairs = arrange(rows, layout, AutoProcessor.from_pretrained(base))
    assert [[paths[image] for image in pair.chosen_images] for pair in pairs] == [
        [page["path"] for page in (deck if layout == "images_first" else row["images"])] for row in rows
    ]
    assert pairs[-1].chosen.endswith(END_OF_TURN)
    test_one_forward_pass_equals_pair_by_pair("both", layout, False, {}, base, deck, tmp_path)


def test_documents_in_one_pass_do_not_see_each_other(base: Path, images: list[ImageFile], tmp_path: Path) -> None:
    processor = AutoProcessor.from_pretrained(base)
    rows = cumulative(images) + shared_prefix(images)
    plan = plan_documents(rows, [[0, 1, 2], [3, 4, 5]], processor, "images_first", 10_000)
    trainer = DocumentDPOTrainer(
        **models(base, False),
        args=settings(tmp_path, beta=0.1, ld_alpha=0.5),
        train_dataset=Dataset.from_list(plan),
        processing_class=processor,
        data_collator=DocumentCollator(rows, processor, "images_first", 0.5),
    )
    weights = [sum(rows[number]["weight"] for number in document["rows"]) for document in plan]
    together, both = loss_and_gradients(trainer, [trainer.data_collator(plan)], [1.0])
    trainer.model.zero_grad()
    apart, each = loss_and_gradients(
        trainer, [trainer.data_collator([document]) for document in plan], [weight / sum(weights) for weight in weights]
    )
    assert together == pytest.approx(apart, abs=1e-6)
    for name, gradient in both.items():
        assert torch.linalg.vector_norm(gradient - each[name]) < 1e-4 * torch.linalg.vector_norm(gradient), name


def test_one_pair_that_is_not_at_ln_2_shows_however_many_passes_a_step_has(
    base: Path, images: list[ImageFile], tmp_path: Path
) -> None:
    """The stored reference of a single pair is wrong by one nat."""
    processor, rows, stored = AutoProcessor.from_pretrained(base), shared_prefix(images), tmp_path / "reference.parquet"
    plan = plan_documents(rows, [[0, 1], [2]], processor, "images_first", 10_000)

    def trainer() -> DocumentDPOTrainer:
        return DocumentDPOTrainer(
            model=AutoModelForImageTextToText.from_pretrained(base, dtype=torch.float32),
            reference_file=stored,
            args=settings(
                tmp_path,
                beta=0.1,
                max_steps=1,
                gradient_accumulation_steps=2,
                logging_steps=1,
                save_strategy="no",
                precompute_ref_log_probs=True,
            ),
            train_dataset=Dataset.from_list(plan),
            processing_class=processor,
            data_collator=DocumentCollator(rows, processor, "images_first"),
        )

    trainer()
    sums = pq.read_table(stored).to_pylist()
    pq.write_table(pa.Table.from_pylist([{**sums[0], "chosen": sums[0]["chosen"] + 1}, *sums[1:]]), stored)
    wrong = trainer()
    wrong.train()
    [first] = [entry for entry in wrong.state.log_history if "loss/from_ln_2" in entry]
    assert first["loss/from_ln_2"] == pytest.approx(math.log1p(math.exp(0.1)) - math.log(2), abs=1e-4)


@pytest.mark.parametrize("layout", ["images_first", "interleaved", "paper"])
def test_what_is_scored_is_the_text_of_the_answers_alone(
    layout: Layout,
    base: Path,
    images: list[ImageFile],
) -> None:
    processor = AutoProcessor.from_pretrained(base)
    rows = cumulative(images) + shared_prefix(images)
    packed = DocumentCollator(rows, processor, layout)(
        [{"document": list(range(len(rows))), "rows": list(range(len(rows)))}]
    )
    vision = processor.tokenizer.convert_tokens_to_ids(["<|vision_start|>", "<|image_pad|>", "<|vision_end|>"])
    assert not torch.isin(packed["labels"], torch.tensor(vision)).any()
    for side, pair in enumerate(rows):
        scored = packed["input_ids"][0, packed["place"][packed["side"] == side]]
        text = processor.tokenizer.decode(scored)
        assert text.removesuffix(END_OF_TURN) == pair["chosen"]


@pytest.mark.parametrize("layout", ["images_first", "interleaved"])
def test_in_double_precision_the_sums_agree_to_rounding(
    layout: Layout,
    base: Path,
    images: list[ImageFile],
) -> None:
    """So what is left between the two in float32 is rounding, and no term that is small."""
    processor = AutoProcessor.from_pretrained(base)
    rows = cumulative(images) + shared_prefix(images)
    model = AutoModelForImageTextToText.from_pretrained(base, dtype=torch.float64)
    plan = plan_documents(rows, [list(range(len(rows)))], processor, layout, 10_000)
    packed = DocumentCollator(rows, processor, layout)(plan)
    packed["ld_weights"] = packed["ld_weights"].double()
    prepare(model, cuda=False)
    inputs = {name: packed[name] for name in ("input_ids", "position_ids", "pixel_values", "image_grid_thw")}
    ours = side_sums(log_probs(model, {**inputs, **tree_input(packed["ends"], CHAINS)}), packed)
    model.set_attn_implementation("sdpa")
    pairs = arrange(rows, layout, processor)
    paths = document_images(rows)
    texts = tokenize_pairs(pairs, processor.tokenizer, grids_of("doc", paths, processor.image_processor))
    for text, total in zip(texts, ours, strict=True):
        shown = patches("", [paths[image] for image in text.images], processor.image_processor)
        alone = log_probs(
            model,
            {
                "input_ids": torch.from_numpy(text.ids)[None],
                "mm_token_type_ids": torch.from_numpy(text.pads)[None].long(),
                "pixel_values": torch.cat(shown.pixels),
                "image_grid_thw": torch.stack(shown.patch_grids),
            },
        )
        assert alone[0, torch.from_numpy(text.trainable)[1:]].sum().item() == pytest.approx(total.item(), abs=1e-9)


def test_a_model_takes_the_tiles_and_its_log_probabilities_are_those_of_the_chains(
    base: Path, images: list[ImageFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a GPU runs, but for its compiled kernel."""
    monkeypatch.setattr("transformers.integrations.flex_attention.is_torchdynamo_compiling", lambda: True)
    processor = AutoProcessor.from_pretrained(base)
    rows = cumulative(images) + shared_prefix(images)
    packed = DocumentCollator(rows, processor, "images_first")(
        plan_documents(rows, [list(range(len(rows)))], processor, "images_first", 10_000)
    )
    inputs = {name: packed[name] for name in ("input_ids", "position_ids", "pixel_values", "image_grid_thw")}
    model = AutoModelForImageTextToText.from_pretrained(base, dtype=torch.float32)
    chains, tiles = (
        log_probs(model, {**inputs, **tree_input(packed["ends"], prepare(model, cuda))}) for cuda in (False, True)
    )
    assert len(packed["ends"]) > TILE
    torch.testing.assert_close(tiles, chains, atol=1e-4, rtol=0)


@given(st.integers(1, 40), st.integers(1, 9))
def test_ranks_pass_equally_often_and_over_every_document_together(count: int, ranks: int) -> None:
    shares = [share(count, rank, ranks) for rank in range(ranks)]
    assert {len(one) for one in shares} == {math.ceil(count / ranks)}
    assert {number for one in shares for number in one} == set(range(count))


def log_probs(model: Any, inputs: dict[str, Any]) -> torch.Tensor:
    with torch.no_grad():
        logits = model(**inputs).logits[:, :-1].log_softmax(-1)
    return logits.gather(2, inputs["input_ids"][:, 1:, None])[..., 0]
