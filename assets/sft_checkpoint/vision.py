"""Images of training rows: their size in visual tokens from the file's header, and their patches when a batch needs them."""

from collections.abc import Sequence
from typing import Any

from PIL import Image, ImageOps

from assets.sft_checkpoint.sequence import Grid, RowUnusable


def open_image(path: str) -> Image.Image:
    """The image the right way up, its pixels not decoded yet. Raises RowUnusable naming the file."""
    try:
        image = Image.open(path)
        ImageOps.exif_transpose(image, in_place=True)
    except OSError as error:
        raise RowUnusable(f"The image {path} cannot be read: {error}.") from error
    return image


def grid_of(path: str, image_processor: Any) -> Grid:
    """Height and width in visual tokens, after the processor's resizing; reads the header alone."""
    from transformers.models.qwen2_vl.image_processing_qwen2_vl import smart_resize

    with open_image(path) as image:
        width, height = image.size
    token = image_processor.patch_size * image_processor.merge_size
    size = image_processor.size
    resized = smart_resize(height, width, token, size["shortest_edge"], size["longest_edge"])
    return resized[0] // token, resized[1] // token


def patches(paths: Sequence[str], image_processor: Any) -> tuple[list[Any], Any]:
    """Per image its patches [h * w, 1176] float32, and the grids [n, 3] (time, height, width in patches) of all."""
    images = [open_image(path).convert("RGB") for path in paths]
    found = image_processor(images=images, return_tensors="pt")
    grids = found["image_grid_thw"]
    return list(found["pixel_values"].split(grids.prod(-1).tolist())), grids


def merged(grids: Any, image_processor: Any) -> list[Grid]:
    """Grids in visual tokens out of grids in patches."""
    side = image_processor.merge_size
    return [(int(height) // side, int(width) // side) for _, height, width in grids.tolist()]
