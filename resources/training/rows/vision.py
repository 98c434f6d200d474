"""Images of training rows: sizes in visual tokens from files' headers, patches when a batch needs them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image, ImageOps

from resources.training.rows.processor import ImageProcessor
from resources.training.rows.sequence import Grid, RowError

if TYPE_CHECKING:
    import torch


class Patches(NamedTuple):
    """Images as the vision tower takes them."""

    pixels: "list[torch.Tensor]"  # of each image [h * w, 1176] float32, h and w in patches
    patch_grids: "list[torch.Tensor]"  # of each image [3] int64: time, height, width in patches
    token_grids: list[Grid]  # of each image, in visual tokens


def open_image(name: str, path: str) -> Image.Image:
    """The image the right way up, its pixels not decoded yet. Raises RowError with the row's `name`."""
    try:
        image = Image.open(path)
        ImageOps.exif_transpose(image, in_place=True)
    except OSError as error:
        raise RowError(f"{name}: the image {path} cannot be read: {error}.") from error
    return image


def grids_of(name: str, paths: Sequence[str], image_processor: ImageProcessor) -> list[Grid]:
    """Each image in visual tokens, after the processor's resizing; reads the headers alone. Raises RowError."""
    from transformers.models.qwen2_vl.image_processing_qwen2_vl import smart_resize

    token, size, grids = image_processor.patch_size * image_processor.merge_size, image_processor.size, []
    for path in paths:
        with open_image(name, path) as image:
            width, height = image.size
        resized = smart_resize(height, width, token, size["shortest_edge"], size["longest_edge"])
        grids.append(Grid(resized[0] // token, resized[1] // token))
    return grids


def patches(name: str, paths: Sequence[str], image_processor: ImageProcessor) -> Patches:
    """The images, decoded and cut into patches. Raises RowError with the row's `name`."""
    if not paths:
        return Patches([], [], [])
    import torch

    images = [open_image(name, path).convert("RGB") for path in paths]
    found = image_processor(images=images, return_tensors="pt")
    grids = found["image_grid_thw"]
    side = image_processor.merge_size
    return Patches(
        list(torch.split(found["pixel_values"], grids.prod(-1).tolist())),
        list(grids),
        [Grid(height // side, width // side) for _, height, width in grids.tolist()],
    )
