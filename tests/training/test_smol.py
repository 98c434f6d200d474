"""The smol student writes what SmolLM2 writes, and is a Qwen2.5-VL to everything else."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForImageTextToText, AutoProcessor

from resources.training.rows.chat import render_prompt
from resources.training.sft.packing import PackedCollator
from resources.training.students.smol import SmolMissingError, build_smol, gguf_file, load_llama
from tests.conftest import draw_page

try:
    gguf_file()
except SmolMissingError:
    pytest.skip("`make smol` was not run", allow_module_level=True)


@pytest.fixture(scope="module")
def smol(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("smol")
    build_smol(folder)
    return folder


def test_its_logits_on_text_are_smollm2s(smol: Path) -> None:
    model, processor = (
        AutoModelForImageTextToText.from_pretrained(smol, dtype=torch.float32),
        AutoProcessor.from_pretrained(smol),
    )
    llama, tokenizer = load_llama()
    with torch.no_grad():
        for weight in llama.parameters():
            weight.copy_(weight.to(torch.bfloat16))  # as the student is kept
    text = render_prompt(processor, 0, "Write an article about rivers in 2 paragraphs.") + "Rivers run to the sea."
    ids = torch.tensor([processor.tokenizer(text)["input_ids"]])
    assert ids.tolist() == [tokenizer(text)["input_ids"]]
    with torch.no_grad():
        ours, theirs = model(input_ids=ids).logits, llama(input_ids=ids).logits
    assert (ours[..., : theirs.shape[-1]] - theirs).abs().max().item() == 0.0


def test_it_takes_images_and_learns_answers_alone(smol: Path, tmp_path: Path) -> None:
    draw_page(tmp_path / "page.png", "Page")
    processor = AutoProcessor.from_pretrained(smol)
    model = AutoModelForImageTextToText.from_pretrained(smol, dtype=torch.float32)
    batch = PackedCollator(processor)(
        [
            {
                "id": "row",
                "images": [{"bytes": None, "path": str(tmp_path / "page.png")}],
                "messages": [{"role": "user", "content": "What is this?"}, {"role": "assistant", "content": "A page."}],
            }
        ]
    )
    assert processor.tokenizer.decode(batch["labels"][batch["labels"] != -100]) == "A page.<|im_end|>"
    model(**batch).loss.backward()
    assert torch.isfinite(model.model.visual.patch_embed.proj.weight.grad).all()
    assert model.model.visual.patch_embed.proj.weight.grad.abs().sum() > 0
    assert 138e6 < sum(parameter.numel() for parameter in model.parameters()) < 139e6
