"""flex_attention as a GPU runs it, compiled for the CPU: about a minute of compiling."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForImageTextToText, AutoProcessor

from resources.training.dpo import tree_attention
from resources.training.dpo.documents import DocumentCollator, plan_documents
from resources.training.dpo.tree_attention import TILE, tree_input
from resources.training.rows.dataset_rows import ImageFile
from tests.training import test_tree_dpo as dpo
from tests.training.test_tree_dpo import images as images
from tests.training.test_tree_families import PACKED
from tests.training.test_tree_families import students as students


@pytest.mark.parametrize("student", PACKED)
def test_the_compiled_kernel_of_the_tiles_has_the_log_probabilities_of_the_chains(
    student: str, students: dict[str, Path], images: list[ImageFile]
) -> None:
    """What a GPU runs, compiled for the CPU: the tiles themselves decide what is computed."""
    processor = AutoProcessor.from_pretrained(students[student])
    rows = dpo.cumulative(images) + dpo.shared_prefix(images)
    packed = DocumentCollator(rows, processor, "images_first")(
        plan_documents(rows, [list(range(len(rows)))], processor, "images_first", 10_000)
    )
    inputs = {name: packed[name] for name in ("input_ids", "position_ids", "pixel_values", "image_grid_thw")}
    model = AutoModelForImageTextToText.from_pretrained(students[student], dtype=torch.float32)
    found = []
    for cuda in (False, True):
        on = tree_attention.prepare(model, cuda)
        found.append(dpo.log_probs(model, {**inputs, **tree_input(packed["ends"], on)}))
    assert len(packed["ends"]) > TILE
    torch.testing.assert_close(found[1], found[0], atol=1e-4, rtol=0)
