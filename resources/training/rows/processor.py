"""The processor (tokenizer and image processor) of the model that is trained, loaded without its weights."""

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, Protocol

from resources.training.launcher import launch_env

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image
    from transformers import BatchFeature


class Tokenizer(Protocol):
    """What is asked of transformers' tokenizers."""

    padding_side: str
    pad_token_id: int

    def __call__(self, text: str, *, add_special_tokens: bool = True) -> Mapping[str, list[int]]:
        """`input_ids` and `attention_mask` of a text."""
        ...

    def convert_tokens_to_ids(self, tokens: str) -> int:
        """The id of one token."""
        ...

    @property
    def all_special_tokens(self) -> list[str]:
        """Those that stand for more than their letters."""
        ...


class ImageProcessor(Protocol):
    """What is asked of Qwen2-VL's image processor."""

    patch_size: int  # pixels of a patch's side
    merge_size: int  # patches of a visual token's side
    size: MutableMapping[str, int]  # pixels of an image: "shortest_edge" at least, "longest_edge" at most

    def __call__(self, *, images: "Sequence[Image]", return_tensors: str) -> "Mapping[str, torch.Tensor]":
        """pixel_values [patches, 1176] float32; image_grid_thw [images, 3] int64, in patches."""
        ...


class Processor(Protocol):
    """What is asked of a student's processor."""

    tokenizer: Tokenizer
    image_processor: ImageProcessor
    chat_template: str | Mapping[str, str] | None
    image_token: str  # an image's place in a text

    def __call__(
        self, *, text: list[str], images: "Sequence[Image] | None", return_tensors: str, padding: bool = False
    ) -> "BatchFeature":
        """What the model takes, for texts with `image_token` once for each of their images, text by text."""
        ...

    def apply_chat_template(
        self,
        conversation: Sequence[Mapping[str, object]],
        *,
        tokenize: bool,
        add_generation_prompt: bool,
        **template: bool,
    ) -> str:
        """The conversation as one text."""
        ...

    def save_pretrained(self, save_directory: str | PathLike[str]) -> object:
        """Write its files into the folder."""
        ...

    def decode(self, tokens: "torch.Tensor", *, skip_special_tokens: bool = False) -> str:
        """Token ids [tokens] as text."""
        ...


def has_patches(processor: Processor) -> bool:
    """Whether an image is a grid of patches as large as itself, as for Qwen-VL; else it is cut into tiles of one size,
    and its processor alone knows its tokens."""
    return hasattr(processor.image_processor, "merge_size")


def limit_pixels(processor: Processor, pixels: int) -> None:
    """Let an image have no more than so many pixels, or than one tile."""
    if has_patches(processor):
        processor.image_processor.size["longest_edge"] = pixels
    else:
        tiles: Any = processor.image_processor
        tiles.max_patches = max(1, min(tiles.max_patches, pixels // (tiles.size["height"] * tiles.size["width"])))


def load_processor(path: str | PathLike[str], max_pixels: int | None = None) -> Processor:
    """The processor of the model at `path` (or hub id). max_pixels: of an image; None: as the processor has it.

    Nothing is fetched unless HF_HUB_OFFLINE=0 is set.
    """
    from transformers import AutoProcessor

    load: Callable[..., Processor] = AutoProcessor.from_pretrained
    processor = load(path, local_files_only=launch_env()["HF_HUB_OFFLINE"] != "0")
    if max_pixels:
        limit_pixels(processor, max_pixels)
    return processor
