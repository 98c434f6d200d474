"""A text's tokens where images are cut into tiles: counted by the student's own processor, from the images' headers."""

from collections.abc import Callable, Mapping, Sequence

from resources.training.rows.processor import Processor
from resources.training.rows.sequence import RowError, Size
from resources.training.rows.vision import open_image


def image_tokens(name: str, paths: Sequence[str], processor: Processor) -> list[int]:
    """Of each image, with the marks around it. Raises RowError with `name`."""
    sizes = []
    for path in paths:
        with open_image(name, path) as image:
            sizes.append([image.height, image.width])
    if not sizes:
        return []
    # Private, but what vLLM asks of every processor.
    count: Callable[..., Mapping[str, list[int]]] = getattr(processor, "_get_num_multimodal_tokens")  # noqa: B009
    return list(count(image_sizes=sizes)["num_image_tokens"])


def text_size(name: str, text: str, paths: Sequence[str], processor: Processor) -> Size:
    """Tokens of a text in which `image_token` stands once for each image. Raises RowError with `name`."""
    ids = processor.tokenizer(text, add_special_tokens=False)["input_ids"]
    places = ids.count(processor.tokenizer.convert_tokens_to_ids(processor.image_token))
    if places != len(paths):
        raise RowError(f"{name}: {len(paths)} images for {places} image placeholders in its text.")
    seen = image_tokens(name, paths, processor)
    return Size(len(ids) - places + sum(seen), sum(seen), places)
