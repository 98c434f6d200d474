"""The processor (tokenizer and image processor) of the model that is trained, loaded without its weights."""

from typing import Any

from resources.training.launcher import launch_env


def load_processor(path: str, max_pixels: int | None) -> Any:
    """The processor of the model at `path` (or hub id). max_pixels: of an image; None: as the processor has it.

    Nothing is fetched unless HF_HUB_OFFLINE=0 is set.
    """
    from transformers import AutoProcessor

    processor = AutoProcessor.from_pretrained(path, local_files_only=launch_env()["HF_HUB_OFFLINE"] != "0")
    if max_pixels:
        processor.image_processor.size["longest_edge"] = max_pixels
    return processor
