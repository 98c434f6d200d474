"""Each way to be faster computes what the plain one does, and does what it is for."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import AutoModelForImageTextToText, AutoProcessor

from lwv_dagster.preflight import KNOWN
from resources.recipe.model import Training
from resources.training import packed_attention, ways
from resources.training.arguments import trainer_settings
from resources.training.forecast import Load, forecast
from resources.training.kept_attention import keep_attention
from resources.training.packed_attention import (
    SAMPLES,
    attend_all_at_once,
    attend_one_by_one,
    attend_to_own_sample,
    samples_of,
)
from resources.training.rows.dataset_rows import ChatRow
from resources.training.sft.hyperparameters import SftHyperparameters
from resources.training.sft.packing import PackedCollator
from resources.training.students.families.registry import shape_of
from resources.training.trainable_model import language_layers, load_model
from tests.training.test_model import HYPERPARAMETERS, gradients, trainer_of
from tests.training.test_packed_sft import base as base
from tests.training.test_packed_sft import rows as rows


class Attentions(TorchDispatchMode):
    """How often torch attended forwards."""

    count = 0

    def __torch_dispatch__(self, func: Any, types: object, args: Any = (), kwargs: Any = None) -> Any:
        """Counts."""
        self.count += "_scaled_dot_product" in str(func) and "backward" not in str(func)
        return func(*args, **(kwargs or {}))


def plain_varlen(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    cu_q: torch.Tensor,
    cu_k: torch.Tensor,
    max_q: int,
    max_k: int,
    *,
    scale: float | None,
    window_size: tuple[int, int],
    enable_gqa: bool,
) -> torch.Tensor:
    """What torch's documentation says of `varlen_attn`, which runs on a GPU alone. q [T, H, D]; k, v [T, G, D]."""
    assert cu_q.dtype == cu_k.dtype == torch.int32
    assert window_size == (-1, 0)  # causal
    assert (max_q, max_k) == (int(cu_q.diff().max()), int(cu_k.diff().max()))
    out = torch.empty_like(q)
    for start, stop in zip(cu_q[:-1].tolist(), cu_q[1:].tolist(), strict=True):
        heads = (states[start:stop].transpose(0, 1) for states in (q, k, v))
        one = F.scaled_dot_product_attention(*heads, is_causal=True, scale=scale, enable_gqa=enable_gqa)
        out[start:stop] = one.transpose(0, 1)
    return out


@pytest.mark.parametrize("sizes", [[7], [1, 5, 3], [2, 2, 2, 2]])
def test_all_samples_in_one_call_are_samples_one_by_one(sizes: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed_attention, "varlen_attn", plain_varlen)
    tokens = sum(sizes)
    torch.manual_seed(0)
    query, key, value = (torch.randn(1, heads, tokens, 16) for heads in (6, 2, 2))
    positions = torch.cat([torch.arange(size) for size in sizes]).expand(4, 1, tokens)
    samples = samples_of(positions, tokens, torch.device("cpu"))
    assert (samples.sizes, samples.longest) == (sizes, max(sizes))
    expected = attend_one_by_one(query, key, value, samples.sizes, 0.2)
    torch.testing.assert_close(attend_all_at_once(query, key, value, samples, 0.2), expected)
    first = sizes[0]  # no sample sees another one
    changed = value.clone()
    changed[:, :, :first] = 0
    torch.testing.assert_close(attend_one_by_one(query, key, changed, sizes, 0.2)[:, first:], expected[:, first:])


def test_a_model_that_is_not_told_its_samples_fails_instead_of_mixing_them(base: Path, rows: list[ChatRow]) -> None:
    model = AutoModelForImageTextToText.from_pretrained(base)
    model.set_attn_implementation({"text_config": SAMPLES})
    with pytest.raises(TypeError, match="samples"):
        model(**PackedCollator(AutoProcessor.from_pretrained(base))(rows))


def test_borders_of_samples_are_found_once_a_pass(
    base: Path, rows: list[ChatRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []

    def counted(*given: Any) -> packed_attention.Samples:
        found.append(samples_of(*given))
        return found[-1]

    monkeypatch.setattr(packed_attention, "samples_of", counted)
    batch = PackedCollator(AutoProcessor.from_pretrained(base))(rows)
    model = AutoModelForImageTextToText.from_pretrained(base)
    attend_to_own_sample(model)
    model(**batch)
    assert len(found) == 1
    assert len(found[0].sizes) == len(rows)
    assert sum(found[0].sizes) == batch["input_ids"].shape[1]


def test_a_checkpointed_layer_is_computed_again_without_its_attention(base: Path, rows: list[ChatRow]) -> None:
    batch = PackedCollator(AutoProcessor.from_pretrained(base))(rows)
    counts, found = {}, {}
    for kept in (False, True):
        model = AutoModelForImageTextToText.from_pretrained(base, dtype=torch.float32)
        attend_to_own_sample(model)
        if kept:
            keep_attention(model)
        model.activation_checkpointing_enable()
        model.model.visual.requires_grad_(False)
        model.model.visual.forward = torch.no_grad()(model.model.visual.forward)
        model.train()
        with Attentions() as mode:
            loss = model(**batch).loss
            forwards = mode.count
            found[kept] = loss.item(), gradients(model, loss)
        counts[kept] = mode.count - forwards
    assert counts == {False: len(language_layers(model)) * len(rows), True: 0}
    torch.testing.assert_close(found[True], found[False], rtol=0, atol=0)


@pytest.mark.parametrize("rank", [0, 4])
def test_fine_tuning_keeps_attention_of_all_weights_and_of_adapters(
    rank: int, base: Path, rows: list[ChatRow], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = []
    for kept in (True, False):
        if not kept:
            monkeypatch.setattr("resources.training.sft.trainer.keep_attention", lambda model: None)
        trainer = trainer_of(base, rows, tmp_path, replace(HYPERPARAMETERS, lora_rank=rank, max_steps=1))
        with Attentions() as mode:
            trainer.train()
        counts.append(mode.count)
    documents = HYPERPARAMETERS.documents_per_update
    assert counts[1] - counts[0] == len(trainer.layers) * documents


@pytest.mark.parametrize(("rank", "dtype"), [(0, "bfloat16"), (4, "bfloat16"), (0, "float32")])
def test_what_goes_from_layer_to_layer_is_in_the_dtype_that_is_computed_in(
    rank: int, dtype: Any, base: Path, rows: list[ChatRow], tmp_path: Path
) -> None:
    trainer = trainer_of(base, rows, tmp_path, replace(HYPERPARAMETERS, lora_rank=rank, dtype=dtype, max_steps=1))
    given = set()
    for layer in trainer.layers:
        layer.register_forward_pre_hook(lambda module, inputs: given.add(inputs[0].dtype))
    trainer.train()
    assert given == {getattr(torch, dtype)}
    kept = {weight.dtype for weight in trainer.model.parameters() if weight.requires_grad}
    assert kept == {torch.float32}  # an update of 1e-5 would be lost in bfloat16


def test_bfloat16_from_layer_to_layer_gives_float32s_loss_within_its_rounding(base: Path, rows: list[ChatRow]) -> None:
    batch = PackedCollator(AutoProcessor.from_pretrained(base))(rows)
    losses = {}
    for dtype in ("float32", "bfloat16"):
        model: Any = load_model(str(base), replace(HYPERPARAMETERS, dtype=dtype))  # type: ignore[arg-type]
        attend_to_own_sample(model)
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == "bfloat16"):
            losses[dtype] = model(**batch).loss.item()
    assert losses["bfloat16"] == pytest.approx(losses["float32"], abs=5e-3)


def test_an_optimizer_that_is_not_installed_is_refused_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hyperparameters = SftHyperparameters.for_student("tiny", Training(optimizer="adamw_8bit"))
    monkeypatch.setattr(ways, "find_spec", lambda name: None)
    with pytest.raises(ways.PackageError, match=r'needs torchao: pip install "lwv_dagster\[adamw8\]", or set "adamw"'):
        trainer_settings(hyperparameters, tmp_path, 1)
    assert ways.PackageError in KNOWN  # `lwv check` and the demo say it in one sentence


def test_the_forecast_counts_moments_of_one_byte_and_attention_that_is_kept(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shape = shape_of(AutoModelForImageTextToText.from_pretrained(base).config.to_dict())
    load = Load(longest=1000, tokens=1000, attended=1000, vision_tokens=0, epochs=1)
    own = SftHyperparameters(dtype="bfloat16")

    def memory(hyperparameters: SftHyperparameters) -> dict[str, float]:
        return forecast(shape, hyperparameters, load, 1).memory

    usual, small = memory(own), memory(replace(own, optimizer="adamw_8bit"))
    assert (
        small["gradients and optimiser"] == usual["gradients and optimiser"] / 2
    )  # 4 + 2 bytes of a weight, not 4 + 8
    kept = 1000 * 2 * shape.layers * (shape.query + shape.query // 32)
    monkeypatch.setattr(SftHyperparameters, "keeps_attention", False)
    assert usual["activations"] - memory(own)["activations"] == kept
