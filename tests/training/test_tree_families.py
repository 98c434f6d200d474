"""Of each family that is packed: a document's pairs in one pass are TRL's pair by pair, on chains and on tiles; and
where a model drops the tree, that shows in a test and before the first update."""

from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from transformers import AutoModelForImageTextToText, AutoProcessor
from transformers.integrations.flex_attention import flex_attention_forward
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS

from resources.training.dpo import trainer as dpo_trainer
from resources.training.dpo import tree_attention
from resources.training.dpo.documents import DocumentCollator, plan_documents
from resources.training.dpo.hyperparameters import Layout
from resources.training.dpo.trainer import DocumentDPOTrainer
from resources.training.dpo.tree_attention import CHAINS, FLEX, TILE
from resources.training.dpo.tree_check import LEAST, MOST, TreeError, require_equal, smallest
from resources.training.rows.dataset_rows import ImageFile, PairRow
from resources.training.students.families.registry import FAMILIES
from testing.students import build_student
from tests.training import test_tree_dpo as dpo
from tests.training.test_tree_dpo import CORRECTED, ORIGINAL, models, settings
from tests.training.test_tree_dpo import images as images

PACKED = [family.model_type for family in FAMILIES if family.way == "packed"]
OTHERS = [kind for kind in PACKED if kind != "qwen2_5_vl"]  # which test_tree_dpo.py has


@pytest.fixture(scope="module")
def students(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    home = tmp_path_factory.mktemp("packed-students")
    for kind in PACKED:
        build_student(kind, CORRECTED + ORIGINAL, home / kind)
    return {kind: home / kind for kind in PACKED}


@pytest.fixture
def tiles(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Attention as a GPU has it, without its compiled kernel: torch has a way back through flex_attention on the CPU,
    and refuses to take it. Returns the tokens of each call."""
    called: list[int] = []

    def forward(module: Any, query: torch.Tensor, *rest: Any, **more: Any) -> Any:
        called.append(query.shape[2])
        return flex_attention_forward(module, query, *rest, **more)

    monkeypatch.setattr("transformers.integrations.flex_attention.is_torchdynamo_compiling", lambda: True)
    monkeypatch.setattr("torch.nn.attention.flex_attention._validate_device", lambda query, key, value: None)
    monkeypatch.setattr(tree_attention, "flex_attention_forward", forward)
    prepare = tree_attention.prepare
    monkeypatch.setattr(dpo_trainer, "prepare", lambda model, cuda: prepare(model, cuda=True))
    return called


@pytest.mark.parametrize(("kind", "layout", "lora", "more"), [case for case in dpo.CASES if case[0] == "both"])
@pytest.mark.parametrize("student", OTHERS)
def test_one_forward_pass_equals_pair_by_pair_on_chains(
    student: str,
    kind: str,
    layout: Layout,
    lora: bool,
    more: dict[str, Any],
    students: dict[str, Path],
    images: list[ImageFile],
    tmp_path: Path,
) -> None:
    dpo.test_one_forward_pass_equals_pair_by_pair(kind, layout, lora, more, students[student], images, tmp_path)


@pytest.mark.parametrize("lora", [False, True])
@pytest.mark.parametrize("layout", ["images_first", "interleaved", "paper"])
@pytest.mark.parametrize("student", PACKED)
def test_one_forward_pass_equals_pair_by_pair_on_tiles(
    student: str,
    layout: Layout,
    lora: bool,
    students: dict[str, Path],
    images: list[ImageFile],
    tmp_path: Path,
    tiles: list[int],
) -> None:
    dpo.test_one_forward_pass_equals_pair_by_pair("both", layout, lora, {}, students[student], images, tmp_path)
    assert tiles
    assert min(tiles) > TILE


@pytest.mark.parametrize("layout", ["images_first", "interleaved"])
@pytest.mark.parametrize("student", OTHERS)
def test_in_double_precision_the_sums_agree_to_rounding(
    student: str, layout: Layout, students: dict[str, Path], images: list[ImageFile]
) -> None:
    dpo.test_in_double_precision_the_sums_agree_to_rounding(layout, students[student], images)


def trainer_of(base: Path, rows: list[PairRow], folder: Path, **more: Any) -> DocumentDPOTrainer:
    processor = AutoProcessor.from_pretrained(base)
    plan = plan_documents(rows, [list(range(len(rows)))], processor, "images_first", 10_000)
    return DocumentDPOTrainer(
        **models(base, False),
        args=settings(folder, beta=0.1, max_steps=1, save_strategy="no", **more),
        train_dataset=Dataset.from_list(plan),
        processing_class=processor,
        data_collator=DocumentCollator(rows, processor, "images_first"),
    )


def inside_the_dict(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mutation: the tree goes where it was before Qwen3-VL, into a dict of attention masks."""
    right = tree_attention.tree_input

    def mutated(ends: torch.Tensor, implementation: str) -> dict[str, Any]:
        return {"attention_mask": {"full_attention": right(ends, implementation)["prefix_tree"]}}

    def tiles_of_a_mask(module: Any, query: Any, key: Any, value: Any, attention_mask: Any, **more: Any) -> Any:
        return flex_attention_forward(module, query, key, value, attention_mask, is_causal=True, **more)

    monkeypatch.setattr(dpo_trainer, "tree_input", mutated)
    monkeypatch.setitem(tree_attention.AttentionInterface._global_mapping, FLEX, tiles_of_a_mask)


def dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a model makes of a tree that it does not know: each token sees all before it."""

    def causal(module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: Any, **more: Any) -> Any:
        output = torch.nn.functional.scaled_dot_product_attention(
            query, key, value, is_causal=True, scale=more["scaling"], enable_gqa=True
        )
        return output.transpose(1, 2).contiguous(), None

    monkeypatch.setitem(tree_attention.AttentionInterface._global_mapping, CHAINS, causal)
    assert CHAINS not in ALL_MASK_ATTENTION_FUNCTIONS


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("student", PACKED)
def test_a_tree_that_is_dropped_is_caught_by_the_equality_and_before_the_first_update(
    student: str,
    bf16: bool,
    students: dict[str, Path],
    images: list[ImageFile],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dropped(monkeypatch)
    with pytest.raises(AssertionError):
        dpo.test_one_forward_pass_equals_pair_by_pair(
            "both", "images_first", False, {}, students[student], images, tmp_path
        )
    trainer = trainer_of(students[student], dpo.shared_prefix(images), tmp_path, bf16=bf16)
    before = {name: weight.detach().clone() for name, weight in trainer.model.named_parameters()}
    with pytest.raises(TreeError, match=r"other log-probabilities than alone: .* nats a token .* nothing was trained"):
        trainer.train()
    assert all(torch.equal(weight, before[name]) for name, weight in trainer.model.named_parameters())


def test_a_tree_inside_a_dict_of_masks_is_caught_by_the_equality_and_before_the_first_update(
    students: dict[str, Path],
    images: list[ImageFile],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tiles: list[int],
) -> None:
    """As it was: Qwen3-VL, on tiles, trained on a wrong mask without a word."""
    inside_the_dict(monkeypatch)
    with pytest.raises(AssertionError):
        dpo.test_one_forward_pass_equals_pair_by_pair(
            "both", "images_first", False, {}, students["qwen3_vl"], images, tmp_path
        )
    with pytest.raises(TreeError, match="nothing was trained"):
        trainer_of(students["qwen3_vl"], dpo.shared_prefix(images), tmp_path).train()


def test_a_wrong_tree_is_refused_before_the_references_sums_are_stored(
    students: dict[str, Path], images: list[ImageFile], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropped(monkeypatch)
    base, rows = students["qwen3_vl"], dpo.shared_prefix(images)
    processor, stored = AutoProcessor.from_pretrained(base), tmp_path / "reference.parquet"
    with pytest.raises(TreeError):
        DocumentDPOTrainer(
            model=AutoModelForImageTextToText.from_pretrained(base, dtype=torch.float32),
            reference_file=stored,
            args=settings(tmp_path, precompute_ref_log_probs=True),
            train_dataset=Dataset.from_list(plan_documents(rows, [[0, 1, 2]], processor, "images_first", 10_000)),
            processing_class=processor,
            data_collator=DocumentCollator(rows, processor, "images_first"),
        )
    assert not stored.exists()


@pytest.mark.parametrize("student", PACKED)
@pytest.mark.parametrize("on", [CHAINS, FLEX])
def test_a_model_that_is_given_no_tree_fails_at_its_first_layer(
    on: str, student: str, students: dict[str, Path]
) -> None:
    model = AutoModelForImageTextToText.from_pretrained(students[student], dtype=torch.float32)
    model.set_attn_implementation({"text_config": on})
    with pytest.raises(TypeError, match="prefix_tree"):
        model(input_ids=torch.tensor([[1, 2, 3]]))


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("student", PACKED)
def test_the_tree_reaches_every_layer_through_checkpointing_and_adapters(
    checkpointing: bool,
    student: str,
    students: dict[str, Path],
    images: list[ImageFile],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And the tower's own attention takes no offence at it."""
    seen: list[int] = []
    attend = tree_attention.attend_chains

    def counted(module: Any, *given: Any, **more: Any) -> Any:
        seen.append(module.layer_idx)
        return attend(module, *given, **more)

    monkeypatch.setitem(tree_attention.AttentionInterface._global_mapping, CHAINS, counted)
    rows, processor = dpo.shared_prefix(images), AutoProcessor.from_pretrained(students[student])
    args = settings(tmp_path, beta=0.1, max_steps=1, save_strategy="no", gradient_checkpointing=checkpointing)
    trainer = DocumentDPOTrainer(
        **models(students[student], True),
        args=args,
        train_dataset=Dataset.from_list(plan_documents(rows, [[0, 1, 2]], processor, "images_first", 10_000)),
        processing_class=processor,
        data_collator=DocumentCollator(rows, processor, "images_first"),
    )
    trainer.train()
    passes = 10 if checkpointing else 9  # the check (a tree, six sides), the policy, the reference, and the way back
    assert len(set(seen)) == len(trainer.layers)
    assert sorted(seen) == sorted(layer for layer in set(seen) for _ in range(passes))


def test_the_smallest_document_with_a_fork_is_checked() -> None:
    assert smallest([10, 4, 6, 9], [30, 4, 8, 7]) == 2
    assert smallest([4, 3], [4, 3]) == 1


@pytest.mark.parametrize(
    ("rounding", "half", "within"),
    [(0.0, False, LEAST[False]), (0.0, True, LEAST[True]), (1e-3, True, 5e-3), (1.0, False, MOST)],
)
def test_what_may_differ_follows_from_what_rounding_makes_of_the_same_sides(
    rounding: float, half: bool, within: float
) -> None:
    alone = torch.zeros(3)
    assert require_equal(alone + 0.9 * within, alone, alone - rounding, half=half) == pytest.approx(0.9 * within)
    for wrong in (1.1 * within, float("nan")):
        with pytest.raises(TreeError):
            require_equal(alone + wrong, alone, alone - rounding, half=half)
