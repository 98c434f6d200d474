"""Whether the saved model is the one that was trained: the losses of a few samples before it is saved and after."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from datasets import Dataset
from transformers import AutoModelForImageTextToText, PreTrainedModel
from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling

from resources.training.common_hyperparameters import Dtype
from resources.training.packed_attention import WINDOWS, attend_to_own_sample
from resources.training.rows.dataset_rows import ChatRow, PairRow
from resources.training.rows.processor import Processor
from resources.training.sft.packing import PackedCollator
from resources.training.sft.plain_rows import plain_rows
from resources.training.students.families.family import Family
from resources.training.students.families.registry import family_of

Batch = Mapping[str, torch.Tensor]
SAMPLED = 4  # samples: those with the fewest tokens


def smallest(tokens: Sequence[int]) -> list[int]:
    """The numbers of the samples that are looked at."""
    return sorted(range(len(tokens)), key=lambda number: tokens[number])[:SAMPLED]


def as_chat(row: PairRow) -> ChatRow:
    """The chosen side of a pair as one answer."""
    answer = row["prefix"] + row["chosen"]
    turns = [{"role": "user", "content": row["prompt"]}, {"role": "assistant", "content": answer}]
    return {"id": row["id"], "images": row["images"], "messages": turns}  # type: ignore[typeddict-item]


def sample_batches(family: Family, rows: Sequence[ChatRow], processor: Processor) -> list[Batch]:
    """A batch of each row, as the family's samples are made."""
    if family.way != "plain":
        collate = PackedCollator(processor)
        return [collate([row]) for row in rows]
    stock = DataCollatorForVisionLanguageModeling(cast(Any, processor))
    shown = plain_rows(Dataset.from_list([*map(dict, rows)]), processor)
    return [stock([shown[number]]) for number in range(len(shown))]


@torch.no_grad()
def losses(model: torch.nn.Module, batches: Sequence[Batch], dtype: Dtype) -> list[float]:
    """Of each batch the mean loss of a trainable token, in nats, computed in `dtype`."""
    whole: Any = model.get_base_model() if hasattr(model, "get_base_model") else model  # type: ignore[operator]
    if family_of(whole.config.to_dict()).way == "packed":
        attend_to_own_sample(whole)
    training = model.training
    model.eval()
    device = next(model.parameters()).device
    half = torch.autocast(device.type, torch.bfloat16) if dtype == "bfloat16" else nullcontext()
    found = []
    for batch in batches:
        given = {name: values.to(device) for name, values in batch.items()}
        labels = given.pop("labels")[0, 1:]
        with half:
            logits = model(**given, use_cache=False).logits[0, :-1]
        found.append(F.cross_entropy(logits[labels != -100].float(), labels[labels != -100]).item())
    model.train(training)
    return found


def saved_losses(folder: Path, batches: Sequence[Batch], device: torch.device) -> list[float]:
    """The same of the model in `folder`, loaded as it is served: in the dtype of its weights. Where the device has no
    room for it, on the CPU: a run is not to fail at its end."""
    load: Callable[..., PreTrainedModel] = AutoModelForImageTextToText.from_pretrained
    model = load(folder, dtype="auto")
    if family_of(model.config.to_dict()).way == "packed":
        model.set_attn_implementation({"vision_config": WINDOWS})
    given = [
        {name: values.to(model.dtype) if values.is_floating_point() else values for name, values in batch.items()}
        for batch in batches
    ]
    try:
        model.to(device)  # type: ignore[arg-type]
        return losses(model, given, "float32")
    except torch.OutOfMemoryError:
        model.to(torch.device("cpu"))  # type: ignore[arg-type]
        return losses(model, given, "float32")
