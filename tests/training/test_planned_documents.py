"""Which pairs of a document share a pass: budgets, refusals by name, and documents that are split."""

import re
from pathlib import Path

import pytest
from datasets import Dataset
from transformers import AutoProcessor

from resources.training.dpo.documents import DocumentCollator, plan_documents
from resources.training.dpo.hyperparameters import Layout
from resources.training.dpo.layout import arrange
from resources.training.dpo.pair_sizes import over_budget, pair_sizes
from resources.training.dpo.trainer import DocumentDPOTrainer
from resources.training.rows.chat import END_OF_TURN, IMAGE
from resources.training.rows.dataset_rows import ImageFile, PairRow
from resources.training.rows.sequence import Grid, RowError, tokenize
from tests.training.test_tree_dpo import KINDS, cumulative, loss_and_gradients, models, settings, shared_prefix
from tests.training.test_tree_dpo import base as base
from tests.training.test_tree_dpo import images as images


def refused(rows: list[PairRow], base: Path, layout: Layout = "images_first", max_tokens: int = 10_000) -> str:
    with pytest.raises(RowError) as refusal:
        plan_documents(rows, [list(range(len(rows)))], AutoProcessor.from_pretrained(base), layout, max_tokens)
    return str(refusal.value)


def test_a_pair_that_cannot_be_trained_on_is_refused_by_name(base: Path, images: list[ImageFile]) -> None:
    first, *rest = shared_prefix(images)
    name = first["id"]
    assert refused([{**first, "rejected": first["chosen"]}, *rest], base) == f"{name}: chosen and rejected are equal."
    assert refused([{**first, "rejected": " "}, *rest], base) == f"{name}: rejected has no text."
    assert "images/lost.png cannot be read" in refused(
        [{**first, "images": [{"bytes": None, "path": "images/lost.png"}]}], base
    )
    lost = refused([{**first, "images": images[:1]}], base, "interleaved")
    assert lost == f"{name}: 2 segments for 1 images."


def test_a_pair_over_the_budget_is_refused_with_its_count_of_text_and_vision(
    base: Path, images: list[ImageFile]
) -> None:
    said = refused(shared_prefix(images), base, max_tokens=150)
    assert re.fullmatch(
        r"doc-shared_prefix-2: \d+ tokens are more than max_tokens = 150: its sides have \d+ tokens "
        r"\(\d+ of text, \d+ of 4 images\) and .*",
        said,
    )


@pytest.mark.parametrize("layout", ["images_first", "interleaved", "paper"])
@pytest.mark.parametrize("kinds", KINDS)
def test_without_the_pairs_that_are_over_the_budget_and_only_without_them_a_document_is_planned(
    layout: Layout, kinds: str, base: Path, images: list[ImageFile]
) -> None:
    processor, rows = AutoProcessor.from_pretrained(base), KINDS[kinds](images)
    everyone = list(range(len(rows)))
    sizes = pair_sizes(rows, processor, layout)
    for limit in sorted({size.tokens for size in sizes})[1:]:
        over = over_budget(rows, [everyone], processor, layout, limit - 1)
        assert over == {number: size for number, size in enumerate(sizes) if size.tokens >= limit}
        first = next(iter(over))
        with pytest.raises(RowError, match=f"^{rows[first]['id']}: {sizes[first].tokens} tokens are more than"):
            plan_documents(rows, [everyone], processor, layout, limit - 1)
        left = [row for number, row in enumerate(rows) if number not in over]
        plan = plan_documents(left, [list(range(len(left)))], processor, layout, limit - 1)
        assert sum(len(one["rows"]) for one in plan) == len(left) > 0
        assert all(one["tokens"] < limit for one in plan)


def test_a_document_over_the_budget_is_split_between_pairs(base: Path, images: list[ImageFile]) -> None:
    processor = AutoProcessor.from_pretrained(base)
    rows = cumulative(images) + shared_prefix(images)
    [whole] = plan_documents(rows, [list(range(6))], processor, "images_first", 10_000)
    parts = plan_documents(rows, [list(range(6))], processor, "images_first", whole["tokens"] - 1)
    assert len(parts) > 1
    assert [number for part in parts for number in part["rows"]] == list(range(6))
    assert all(part["tokens"] < whole["tokens"] for part in parts)


@pytest.mark.parametrize("layout", ["images_first", "interleaved", "paper"])
def test_a_split_document_has_the_losses_of_the_whole(
    layout: Layout, base: Path, images: list[ImageFile], tmp_path: Path
) -> None:
    """The first part has no row with all pages; its pairs are shown as many as in the whole document."""
    processor = AutoProcessor.from_pretrained(base)
    rows = [*cumulative(images)[:2], shared_prefix(images)[2]]
    [whole] = plan_documents(rows, [[0, 1, 2]], processor, layout, 10_000)
    parts = plan_documents(rows, [[0, 1, 2]], processor, layout, whole["tokens"] - 1)
    assert [part["rows"] for part in parts] == [[0, 1], [2]]
    trainer = DocumentDPOTrainer(
        **models(base, False),
        args=settings(tmp_path, beta=0.1),
        processing_class=processor,
        train_dataset=Dataset.from_list(parts),
        data_collator=DocumentCollator(rows, processor, layout),
    )
    weights = [sum(rows[number]["weight"] for number in part["rows"]) for part in parts]
    together, _ = loss_and_gradients(trainer, [trainer.data_collator([whole])], [1.0])
    apart, _ = loss_and_gradients(
        trainer, [trainer.data_collator([part]) for part in parts], [weight / sum(weights) for weight in weights]
    )
    assert apart == pytest.approx(together, abs=1e-6)


def test_images_and_placeholders_must_be_as_many(base: Path) -> None:
    tokenizer = AutoProcessor.from_pretrained(base).tokenizer
    with pytest.raises(RowError, match="row-7: 1 images for 2 image placeholders"):
        tokenize("row-7", tokenizer, IMAGE + IMAGE, "text", [0], [Grid(1, 1)])


def test_where_a_prefix_sees_later_pages_its_end_is_not_taught(base: Path, images: list[ImageFile]) -> None:
    """All images first: the answer ends only with the last page's text. With a page's own images, it may end there."""
    processor = AutoProcessor.from_pretrained(base)
    ends = {
        layout: [pair.chosen.endswith(END_OF_TURN) for pair in arrange(cumulative(images), layout, processor)]
        for layout in ("images_first", "interleaved", "paper")
    }
    assert ends == {"images_first": [False, False, True], "interleaved": [True] * 3, "paper": [True] * 3}
